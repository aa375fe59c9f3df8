"""Image files <-> RGB pictures."""

import io
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps
from PIL.PngImagePlugin import PngInfo
from torch import Tensor, from_numpy
from torch.nn.functional import interpolate
from torchvision.io import ImageReadMode, decode_png

with suppress(ImportError):
    from pillow_heif import register_heif_opener

    register_heif_opener()

READS_HEIF = "HEIF" in Image.OPEN
HEIF_SUFFIXES = {".heic", ".heics", ".heif", ".heifs", ".hif"}
HEIC_EXTRA = "pip install 'guided-imagination[heic]'"
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}  # ISO 23008-12, annex B
WHITE = (255, 255, 255, 255)
SIXTEEN = 2**16 - 1  # white of 16 bits, in PNG and TIFF alike
PHOTOMETRIC, BITS, SAMPLE_MIN, SAMPLE_MAX = 262, 258, 340, 341  # tags of TIFF 6.0


@dataclass(frozen=True)
class Picture:
    """An RGB picture, and the largest of its values of 16 bits; None for others, and where tags say what is white."""

    rgb: Image.Image
    brightest: int | None


def decode(content: bytes) -> Image.Image:
    """The whole RGB picture in the bytes of an image file. Raises ValueError as `read` does."""
    return read(content).rgb


def read(content: bytes) -> Picture:
    """The whole picture in the bytes of an image file.

    Raises ValueError for broken or truncated bytes, and for values that the file gives no range for.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            colours = bool(re.search(";16", str([tile.args for tile in image.tile]))) and not _is_deep(image)
            _scale_transparency(image, content)
            picture, brightest = rgb(image), None
            if colours:  # they are read as their upper 8 bits
                values = np.asarray(image.convert("RGBA"))
                brightest = 257 * int(values[values[..., 3] > 0, :3].max(initial=0))
            elif _is_deep(image) and _range(image.mode, _tags(image))[1] == SIXTEEN:
                values = np.asarray(image)
                brightest = int(values[values != image.info.get("transparency")].max(initial=0))
            return Picture(picture, brightest)
    except UnknownRangeError:
        raise
    except Exception as error:  # decoders let anything escape on broken bytes: struct.error, SyntaxError, EOFError
        if not READS_HEIF and content[4:8] == b"ftyp" and content[8:12] in HEIF_BRANDS:
            raise ValueError(f"HEIC needs an extra reader: {HEIC_EXTRA}") from error
        said = re.sub(r" <_io\.BytesIO object at \w+>", "", str(error))  # the same for the same bytes
        raise ValueError(f"{type(error).__name__}: {said}") from error


def eight_bits(content: bytes) -> bytes:
    """The bytes of an image file that every reader shows alike.

    That is a PNG in place of grey values of more than 8 bits, of HEIC, which few can read, and where Pillow would take
    another value for the transparent one.
    """
    if content.startswith(b"\xff\xd8") or (content.startswith(b"\x89PNG") and content[24] == 8):
        return content  # JPEG, or PNG of 8 bits: told without opening it
    with Image.open(io.BytesIO(content)) as image:
        if _is_deep(image):
            return png(rgb(image).convert("L"))
        anew = image.format == "HEIF" or _scale_transparency(image, content)
        return png(rgb(image)) if anew else content


GREY_STEPS = {"L;2": 255 // 3, "L;4": 255 // 15}  # from a value of 2 and 4 bits to one of 8, by Pillow's raw mode


def _scale_transparency(image: ImageFile.ImageFile, content: bytes) -> bool:
    """Whether Pillow scales the pixels of a PNG file, but not its transparent value (chunk tRNS): now it is scaled.

    Colours of 16 bits are compared in full, as the PNG specification has it, before Pillow drops their lower 8 bits.
    Nothing of `image` may have been read yet.
    """
    raw = str(image.tile[0].args) if image.format == "PNG" and image.tile else ""
    clear = image.info.get("transparency")
    if clear is None or not (raw in GREY_STEPS or raw.startswith("RGB;16")):
        return False
    if raw in GREY_STEPS:
        image.info["transparency"] = clear * GREY_STEPS[raw]
        return True
    values = decode_png(from_numpy(np.frombuffer(content, np.uint8).copy()), ImageReadMode.UNCHANGED).numpy()
    seen = (values != np.array(clear).reshape(3, 1, 1)).any(0)
    image.putalpha(Image.fromarray(255 * seen.astype(np.uint8)))
    del image.info["transparency"]
    return True


class UnknownRangeError(ValueError):
    """Values of an image that nothing tells how to show: the message says how to convert it."""


def rgb(image: Image.Image) -> Image.Image:
    """RGB of a picture of any mode: turned as EXIF says, transparency on white, more than 8 bits scaled to 8.

    What is white is what the format defines: 65535 for 16 bits in PNG, PGM and TIFF; in TIFF 4095 where
    BitsPerSample is 12, and SMinSampleValue to SMaxSampleValue where these tags are given. 12 bits in a container
    of 16 without a tag cannot be told from a dark picture by one image: `ingestion` looks at all of a dataset.
    Raises ValueError for floating point numbers without these tags, and for values outside of 0 to 65535.
    """
    tags = _tags(image)  # what is turned has none
    image = ImageOps.exif_transpose(image)
    if _is_deep(image):
        levels = np.rint(255 * _levels(image, tags)).astype(np.uint8)
        levels[np.asarray(image) == image.info.get("transparency")] = 255  # on white
        image = Image.fromarray(levels)
    if image.has_transparency_data:
        return Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _is_deep(image: Image.Image) -> bool:
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _levels(image: Image.Image, tags: Any) -> NDArray[np.float64]:
    """(H, W) in [0, 1], from black to white."""
    values = np.asarray(image, dtype=np.float64)
    low, high = _range(image.mode, tags)
    if high is None:
        raise UnknownRangeError(
            "its values are floating point numbers, and no tags SMinSampleValue and SMaxSampleValue say what is "
            "black and white: add them, or convert it to 8 or 16 bits"
        )
    if not np.isfinite(values).all():
        raise UnknownRangeError("some of its values are not finite numbers: convert it to 8 or 16 bits")
    if high == SIXTEEN and (values.min() < 0 or values.max() > high):
        raise UnknownRangeError(
            f"its values go from {values.min():g} to {values.max():g}, beyond the 0 to {SIXTEEN} of 16 bits: "
            "convert it to 8 or 16 bits, or add the TIFF tags SMinSampleValue and SMaxSampleValue"
        )
    levels = ((values - low) / (high - low)).clip(0, 1)
    return 1 - levels if tags.get(PHOTOMETRIC) == 0 else levels  # 0: white is the smallest value


def _range(mode: str, tags: Any) -> tuple[float, float | None]:
    """The values of black and white; None where nothing defines them."""
    low, high = (tags.get(tag) for tag in (SAMPLE_MIN, SAMPLE_MAX))
    low, high = (value[0] if isinstance(value, tuple) else value for value in (low, high))
    if high is not None and high > (low or 0):
        return float(low or 0), float(high)
    if mode == "F":
        return 0, None
    return 0, 2**12 - 1 if tags.get(BITS) == (12,) else SIXTEEN


def _tags(image: Image.Image) -> Any:
    """TIFF tags by number; none of other files."""
    return getattr(image, "tag_v2", {})


def square(image: Image.Image, side: int) -> Image.Image:
    """The largest square in the middle, resized to (side, side): nothing is stretched."""
    if image.size == (side, side):
        return image
    return ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC)


def squeezed(content: bytes) -> bytes:
    """The bytes of an image file whose picture is square: stretched to its longer side, JPEG stays JPEG."""
    with Image.open(io.BytesIO(content)) as image:
        if image.width == image.height:
            return content
        jpeg = image.format == "JPEG"
        _scale_transparency(image, content)
        picture = rgb(image)
    picture = picture.resize((max(picture.size),) * 2, Image.Resampling.BICUBIC)
    if not jpeg:
        return png(picture)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def png(image: Image.Image) -> bytes:
    """The bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def lossless(image: Image.Image) -> bytes:
    """The bytes of a PNG file that `read` takes as the picture itself, 16 bits too. Raises ValueError as `rgb` does."""
    picture = rgb(image)
    deep = (image.mode == "I" or image.mode.startswith("I;16")) and not _tags(image)
    return png(image.convert("I").convert("I;16") if deep else picture)


ImageFormat = Literal["png", "webp", "jpeg"]
# How an image came about, in the words of IPTC (https://cv.iptc.org/newscodes/digitalsourcetype/). What a network makes
# is trainedAlgorithmicMedia, also where it begins from a seed: all of its pixels are new. Cutout, GridMask and
# RandAugment are algorithmicallyEnhanced, "modification or correction by algorithm without changing the narrative
# content": no person edits each image (humanEdits), and nothing is combined (composite) or trained.
DigitalSource = Literal["trainedAlgorithmicMedia", "algorithmicallyEnhanced"]
# of XMP, written as attributes and without white space around: small images are of a kilobyte or two
PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{}"/></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="r"?>'
)


def encode(
    pixels: Tensor, image_format: ImageFormat = "png", quality: int = 95, source: DigitalSource | None = None
) -> bytes:
    """An image file of pixels (3, H, W) uint8 on the CPU; `quality` in [1, 100] is for the lossy formats.

    With a `source` the file says how the image came about, where every reader of metadata looks for it: IPTC's
    DigitalSourceType in XMP. Pixels are the same with and without.
    """
    buffer = io.BytesIO()
    options = {} if image_format == "png" else {"quality": quality}
    marked = _marked(image_format, source) if source else {}
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(buffer, image_format, **options, **marked)
    return buffer.getvalue()


@cache  # for every image of an expansion
def _marked(image_format: ImageFormat, source: DigitalSource) -> dict[str, Any]:
    """What Pillow's `save` takes to write the source."""
    packet = PACKET.format(source)
    if image_format != "png":
        return {"xmp": packet.encode()}
    chunks = PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", packet)  # uncompressed, as the XMP specification has it
    return {"pnginfo": chunks}


def resize(images: Tensor, side: int) -> Tensor:
    """Float images (N, 3, H, W) in [0, 1] -> (N, 3, side, side) in [0, 1], bicubic without aliasing."""
    if images.shape[-2:] == (side, side):
        return images
    return interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
