import io

import numpy as np
import pytest
from PIL import Image

from guided_imagination.data.images import decode, png, rgb, square
from helpers.fabricate import encoded, picture


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
