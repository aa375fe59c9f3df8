"""Images of one form, where they come from, and what classical augmentations make of them."""
