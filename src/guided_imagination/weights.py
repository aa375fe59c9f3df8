"""Weight files, looked at without loading a model."""

import hashlib
from pathlib import Path

from safetensors import SafetensorError, safe_open

from guided_imagination.errors import InputError


def check_weights(folder: str) -> None:
    """Raise InputError unless `folder` holds safetensors files whose headers agree with their sizes."""
    files = sorted(Path(folder).rglob("*.safetensors"))
    if not files:
        raise InputError(f"no weights in {folder}: expected a folder with *.safetensors, as save_pretrained writes")
    for file in files:
        try:
            with safe_open(file, framework="np"):
                pass
        except (SafetensorError, OSError) as error:
            raise InputError(f"{file} is truncated or not a safetensors file ({error})") from error


def weights_checksum(folder: str) -> str:
    """A checksum of a model folder: every configuration and weight file by name and content."""
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(Path(folder).rglob("*")):
        if file.suffix in (".json", ".safetensors"):
            digest.update(str(file.relative_to(folder)).encode() + hashlib.blake2b(file.read_bytes()).digest())
    return digest.hexdigest()
