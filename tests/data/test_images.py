import io
import json
import shutil
import struct
import subprocess
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from guided_imagination.data import images
from guided_imagination.data.images import decode, eight_bits, encode, lossless, png, read, rgb, square
from helpers.fabricate import encoded, picture, tiff


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image)


def test_rgb_survives_without_loss():
    image = picture("rgb")
    assert np.array_equal(pixels(decode(png(image))), np.asarray(image))


def test_grey_becomes_three_equal_channels():
    image = picture("grey", grey=True)
    assert np.array_equal(pixels(decode(encoded(image))), np.stack([np.asarray(image)] * 3, axis=-1))


def test_sixteen_bits_are_scaled_not_clipped():
    levels = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)  # 257 * (0, 1, 128, 255)
    decoded = decode(encoded(Image.fromarray(levels)))
    assert pixels(decoded)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_a_sixteen_bit_portable_greymap_is_scaled_too():
    content = b"P5 2 1 65535\n" + bytes([0x80, 0x80, 0xFF, 0xFF])
    assert pixels(decode(content))[0, :, 1].tolist() == [128, 255]


def levels(content: bytes) -> list[int]:
    return pixels(decode(content))[0, :, 0].tolist()


def test_twelve_bits_of_a_tiff_are_scaled_by_4095():
    packed = bytes([0x00, 0x08, 0x10, 0xFF, 0xF0, 0x10])  # 0x000, 0x810, 0xFFF, 0x010
    # 255 * (0, 2064, 4095, 16) / 4095 = 0, 128.5, 255, 1.0
    assert levels(tiff(4, packed, bits=12)) == [0, 129, 255, 1]


@pytest.mark.parametrize(
    ("dtype", "values", "tags", "shown"),
    [
        ("<u2", [0, 2064, 4095], {341: 4095}, [0, 129, 255]),
        ("<u2", [1000, 1500, 2000], {340: 1000, 341: 2000}, [0, 128, 255]),
        ("<u2", [0, 257, 65535], {}, [0, 1, 255]),
        ("<u2", [0, 257, 65535], {262: 0}, [255, 254, 0]),  # white is zero
        ("<u2", [0, 3000, 4096], {341: 2000}, [0, 255, 255]),
        ("<i2", [-1000, 0, 3000], {340: -1000, 341: 3000}, [0, 64, 255]),
        ("<i4", [0, 65535, 32896], {}, [0, 255, 128]),
        ("<u4", [0, 500_000, 1_000_000], {341: 1_000_000}, [0, 128, 255]),
        ("<f4", [0.0, 0.5, 1.0], {340: 0.0, 341: 1.0}, [0, 128, 255]),
        ("<f4", [-1.0, 0.6, 1.0], {340: -1.0, 341: 1.0}, [0, 204, 255]),
    ],
)
def test_what_is_white_is_what_the_file_says(dtype, values, tags, shown):
    values = np.array(values, dtype)
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    assert levels(tiff(3, values.tobytes(), bits=8 * values.itemsize, kind=kind, **tags_of(tags))) == shown


@pytest.mark.parametrize(
    ("dtype", "values", "tags", "said"),
    [
        ("<f4", [0.0, 0.5, 1.0], {}, "floating point numbers, and no tags SMinSampleValue and SMaxSampleValue"),
        ("<f4", [0.0, np.nan, 1.0], {341: 1.0}, "some of its values are not finite"),
        ("<i2", [-1000, 0, 3000], {}, "its values go from -1000 to 3000, beyond the 0 to 65535 of 16 bits"),
        ("<i4", [0, 65536, 1], {}, "its values go from 0 to 65536, beyond"),
    ],
)
def test_values_without_a_range_are_refused(dtype, values, tags, said):
    values = np.array(values, dtype)
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    with pytest.raises(ValueError, match=said) as caught:
        decode(tiff(3, values.tobytes(), bits=8 * values.itemsize, kind=kind, **tags_of(tags)))
    assert "convert it to 8 or 16 bits" in str(caught.value)


def test_the_range_of_a_turned_image_is_that_of_its_file():
    turned = tiff(3, np.array([0, 2064, 4095], "<u2").tobytes(), bits=16, t274=6, t341=4095)
    assert pixels(decode(turned))[:, 0, 0].tolist() == [0, 129, 255]


def test_only_values_of_more_than_eight_bits_are_encoded_anew():
    deep = tiff(3, np.array([0, 2064, 4095], "<u2").tobytes(), bits=16, t341=4095)
    assert np.asarray(Image.open(io.BytesIO(eight_bits(deep)))).tolist() == [[0, 129, 255]]
    plain = encoded(picture("plain"))
    assert eight_bits(plain) is plain


@pytest.mark.parametrize(
    ("content", "brightest"),
    [
        (encoded(Image.fromarray(np.array([[3, 4000]], np.uint16))), 4000),
        (tiff(2, np.array([3, 4000], "<u2").tobytes(), bits=16), 4000),
        (tiff(2, np.array([3, 4000], "<u2").tobytes(), bits=16, t341=4095), None),
        (tiff(2, np.array([3, 4000], "<f4").tobytes(), bits=32, kind=3, t341=4095), None),
        (encoded(picture("eight")), None),
        (encoded(picture("jpeg"), "JPEG"), None),
        (b"P6 1 1 65535\n" + bytes([16, 0] * 3), None),  # PGM and PPM say what is white
    ],
)
def test_the_brightest_of_sixteen_bits_is_told(content, brightest):
    assert read(content).brightest == brightest


def test_the_brightest_of_sixteen_bit_colours_is_told_by_their_upper_bytes():
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixel = b"\0" + struct.pack(">HHH", 4095, 100, 0)
    png_file = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixel)) + chunk(b"IEND", b"")
    )
    assert read(png_file).brightest == 15 * 257


def tags_of(tags: dict[int, float]) -> dict[str, float]:
    return {f"t{tag}": value for tag, value in tags.items()}


def test_transparency_lies_on_white():
    image = Image.new("RGBA", (3, 1))
    for column, alpha in enumerate((255, 0, 51)):
        image.putpixel((column, 0), (200, 0, 100, alpha))
    # 51/255 = a fifth of the colour, four fifths of white
    assert pixels(decode(encoded(image)))[0].tolist() == [[200, 0, 100], [255, 255, 255], [244, 204, 224]]


def test_a_palette_gives_its_colours_and_white_where_it_is_transparent():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    file = io.BytesIO()
    image.save(file, "PNG", transparency=1)
    assert pixels(decode(file.getvalue()))[0].tolist() == [[10, 20, 30], [255, 255, 255]]


def test_cmyk_is_converted():
    content = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")  # no cyan, all magenta and yellow: red
    red, green, blue = pixels(decode(content))[4, 4].tolist()
    assert red > 200
    assert green < 60
    assert blue < 60


def test_exif_rotation_is_undone():
    image, exif = picture("turned", size=(6, 4)), Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    assert np.array_equal(pixels(decode(file.getvalue())), np.rot90(np.asarray(image), k=-1))


def test_rgb_of_what_is_rgb_changes_nothing():
    once = rgb(picture("once"))
    assert np.array_equal(pixels(rgb(once)), pixels(once))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_a_truncated_file_is_refused(kind):
    content = encoded(picture(kind, size=(64, 64)), kind)
    with pytest.raises(ValueError, match=r"."):
        decode(content[: len(content) // 2])


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_what_is_no_image_is_refused(content):
    with pytest.raises(ValueError, match=r"."):
        decode(content)


def test_a_square_is_cut_from_the_middle_and_not_stretched():
    wide = np.zeros((10, 30, 3), dtype=np.uint8)
    wide[:, 10:20] = 255
    assert (pixels(square(Image.fromarray(wide), 10)) == 255).all()
    assert (pixels(square(Image.fromarray(wide.transpose(1, 0, 2)), 10)) == 255).all()


@pytest.mark.parametrize("side", [5, 12, 31])
def test_squares_are_resized_bicubically(side):
    image = picture("square", size=(12, 12))
    assert np.array_equal(pixels(square(image, side)), np.asarray(image.resize((side, side), Image.Resampling.BICUBIC)))


SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
FORMATS = pytest.mark.parametrize("image_format", ["png", "webp", "jpeg"])


def noise(side: int = 8) -> torch.Tensor:
    return torch.randint(256, (3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@FORMATS
@pytest.mark.parametrize("source", ["trainedAlgorithmicMedia", "algorithmicallyEnhanced"])
def test_a_generated_file_says_in_xmp_how_it_came_about(image_format, source):
    with Image.open(io.BytesIO(encode(noise(), image_format, source=source))) as image:
        packet = image.info["xmp"]
    found = [node.attrib[SOURCE_TYPE] for node in ElementTree.fromstring(packet).iter() if SOURCE_TYPE in node.attrib]
    assert found == [VOCABULARY + source]


@FORMATS
def test_exiftool_reads_it_too_and_finds_no_fault(image_format, tmp_path):
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not on this machine (Debian: libimage-exiftool-perl)")
    path = tmp_path / f"image.{image_format}"
    path.write_bytes(encode(noise(), image_format, source="trainedAlgorithmicMedia"))
    command = ["exiftool", "-json", "-G1", "-XMP-iptcExt:all", "-validate", "-warning", str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]
    assert found["XMP-iptcExt:DigitalSourceType"] == f"{VOCABULARY}trainedAlgorithmicMedia"
    assert found["ExifTool:Validate"] == "OK"


@FORMATS
def test_what_a_file_says_of_itself_changes_no_pixel_and_no_second_writing(image_format):
    marked, plain = (encode(noise(), image_format, source=source) for source in ("trainedAlgorithmicMedia", None))
    assert np.array_equal(pixels(decode(marked)), pixels(decode(plain)))
    assert "xmp" not in Image.open(io.BytesIO(plain)).info
    assert encode(noise(), image_format, source="trainedAlgorithmicMedia") == marked
    assert eight_bits(marked) == marked  # what ingestion passes on


def png_of(width: int, depth: int, colour: int, row: bytes, clear: bytes, palette: bytes = b"") -> bytes:
    """A PNG file of one row by hand; `clear` is its chunk tRNS."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    colours = chunk(b"PLTE", palette) if palette else b""
    transparent = chunk(b"tRNS", clear) if clear else b""
    data = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + colours + transparent + data + chunk(b"IEND", b"")


def words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


GREY, COLOUR, PALETTE, GREY_ALPHA = 0, 2, 3, 4
TRANSPARENT = {  # a file, and its first channel on white
    "16 bits": (png_of(3, 16, GREY, words(1000, 1001, 65535), words(1000)), [255, 4, 255]),
    "8 bits": (png_of(3, 8, GREY, bytes([4, 5, 255]), words(4)), [255, 5, 255]),
    "4 bits": (png_of(4, 4, GREY, b"\x81\x2f", words(8)), [255, 17, 34, 255]),
    "4 bits, black": (png_of(4, 4, GREY, b"\x01\x2f", words(0)), [255, 17, 34, 255]),
    "2 bits": (png_of(4, 2, GREY, b"\x1b", words(1)), [0, 255, 170, 255]),
    "1 bit": (png_of(2, 1, GREY, b"\x40", words(0)), [255, 255]),
    "16-bit colours": (
        png_of(3, 16, COLOUR, words(1000, 1000, 1000, 1001, 1000, 1000, 0, 0, 0), words(1000, 1000, 1000)),
        [255, 3, 0],
    ),
    "8-bit colours": (png_of(3, 8, COLOUR, bytes([3, 3, 3, 4, 3, 3, 0, 0, 0]), words(3, 3, 3)), [255, 4, 0]),
    "a palette": (png_of(3, 4, PALETTE, b"\x01\x20", b"\xff\0", bytes(range(9))), [0, 255, 6]),
    "16-bit alpha": (png_of(2, 16, GREY_ALPHA, words(1000, 0, 1000, 65535), b""), [255, 3]),
}


@pytest.mark.parametrize(("content", "shown"), TRANSPARENT.values(), ids=TRANSPARENT)
def test_a_transparent_value_is_white_however_a_png_says_it(content, shown):
    assert levels(content) == shown
    stored = eight_bits(content)
    assert levels(stored) == shown
    with Image.open(io.BytesIO(stored)) as image:
        image.load()  # as `datasets` hands it over
        assert pixels(rgb(image))[0, :, 0].tolist() == shown


def test_a_turned_image_is_white_where_it_is_transparent():
    content, shown = TRANSPARENT["16-bit colours"]
    exif = Image.Exif()
    exif[0x0112] = 6
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    place = content.index(b"IDAT") - 4
    turned = content[:place] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert pixels(decode(turned + content[place:]))[:, 0, 0].tolist() == shown


@pytest.mark.parametrize(
    "content",
    [
        png_of(2, 16, GREY, words(65535, 4000), words(65535)),
        png_of(2, 16, COLOUR, words(65535, 65535, 65535, 4000, 4000, 4000), words(65535, 65535, 65535)),
        png_of(2, 16, GREY_ALPHA, words(65535, 0, 4000, 65535), b""),
    ],
)
def test_the_brightest_value_is_one_that_is_seen(content):
    assert read(content).brightest in (4000, 257 * (4000 >> 8))


def test_heic_is_read_and_stored_for_readers_of_png():
    pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    content = encoded(Image.new("RGB", (64, 48), (200, 100, 50)), "HEIF")
    shown = pixels(decode(content))
    assert shown.shape == (48, 64, 3)
    assert np.abs(shown.astype(int) - [200, 100, 50]).max() <= 6  # it is lossy
    stored = eight_bits(content)
    assert stored.startswith(b"\x89PNG")
    assert np.array_equal(pixels(decode(stored)), shown)


def test_heic_without_its_reader_is_named(monkeypatch):
    monkeypatch.setattr(images, "READS_HEIF", False)
    with pytest.raises(ValueError, match=r"HEIC needs an extra reader: pip install 'guided-imagination\[heic\]'"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(50))


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_a_picture_of_16_bits_in_memory_stays_one(mode):
    levels = Image.fromarray(np.array([[0, 257, 65535]], np.uint16))
    picture = levels if mode == "I;16" else levels.convert("I").convert(mode)
    assert read(lossless(picture)).brightest == 65535
    assert np.array_equal(np.asarray(decode(lossless(picture)))[0, :, 0], [0, 1, 255])
