"""From seeds to labelled new images: planned, made, refused, kept, audited, handed on."""
