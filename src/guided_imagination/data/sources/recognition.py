"""Which files are images: by what they hold, whatever their names say."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from mimetypes import MimeTypes
from pathlib import Path
from typing import Literal

from PIL import Image

from guided_imagination.data.images import HEIC_EXTRA, HEIF_SUFFIXES, READS_HEIF
from guided_imagination.data.sources.walk import holds

JPEG = {".jpg", ".jpeg", ".jpe", ".jfif", ".jp2"}
SUFFIXES = JPEG | {".png", ".gif", ".bmp", ".webp", ".avif", ".tif", ".tiff", ".tga", ".pbm", ".pgm", ".ppm", ".pnm"}
# Of cameras: many are TIFF files that begin with a thumbnail, which is what Pillow would show.
RAW = {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos"}
RAW |= {".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
BESIDE = {".db", ".lnk", ".mat", ".thm"}  # what systems, cameras and datasets put beside images
# formats without a signature, which any bytes may seem to be; without a decoder; and one that starts another program
UNTOLD = {"BUFR", "CUR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
TYPES = MimeTypes(filenames=())  # the same on every machine
HEAD, CONTROLS = 1024, rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]"  # bytes that no text has
PREVIEW = 254  # TIFF's tag NewSubfileType, whose first bit says that a picture is a smaller copy of another

Kind = Literal["image", "unread", "other"]


def kind(entry: os.DirEntry[str]) -> Kind:
    """Whether a file is an image, one that nothing here can read, or no image.

    An image is what has the suffix of one, and what Pillow knows by its content. Unread are other photographs by
    their suffix, and files of no known type whose content is neither text nor empty. Only regular files are opened;
    what else has the name of a photograph is an image that cannot be loaded.
    """
    suffix = Path(entry.name).suffix.lower()
    if suffix in SUFFIXES:
        return "image"
    if suffix in BESIDE:
        return "other"
    guess, packed = TYPES.guess_type(f"x{suffix}")
    named = suffix in RAW | HEIF_SUFFIXES or str(guess).startswith("image/")
    if not _is_regular(entry):
        return "image" if named else "other"  # loading it will say what it is
    if suffix not in RAW and _opens(entry.path):
        return "image"
    if named:
        return "unread"
    if packed or guess not in (None, "application/octet-stream"):
        return "other"
    return "unread" if suffix in Image.registered_extensions() or _is_binary(entry.path) else "other"


def by_suffix(names: Iterable[str]) -> str:
    """ "6 .heic, 1 .cr2, 1 without suffix", the most frequent first."""
    counts = Counter(Path(name).suffix.lower() or "without suffix" for name in names)
    return ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common())


def remedy(names: Iterable[str]) -> str:
    """What to do about files that nothing here can read."""
    heif = not READS_HEIF and any(Path(name).suffix.lower() in HEIF_SUFFIXES for name in names)
    return f"{HEIC_EXTRA + ' reads HEIC; ' if heif else ''}convert them to JPEG or PNG, or move them away"


def _is_regular(entry: os.DirEntry[str]) -> bool:
    try:
        return holds(entry.is_file)
    except OSError:
        return False


def _opens(path: str) -> bool:
    try:
        with Image.open(path, formats=_formats()) as image:
            return not getattr(image, "tag_v2", {}).get(PREVIEW, 0) & 1
    except Exception:  # of any kind, as decoders raise it on foreign bytes
        return False


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name, (_, accepts) in Image.OPEN.items() if accepts is not None and name not in UNTOLD]


def _is_binary(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return re.search(CONTROLS, file.read(HEAD)) is not None
    except OSError:
        return True  # nothing tells that it is no image
