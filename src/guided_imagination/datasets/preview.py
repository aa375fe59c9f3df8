"""A few images as Kedro-Viz shows them."""

from base64 import b64encode
from collections.abc import Iterable
from io import BytesIO
from itertools import islice

from kedro_datasets._typing import ImagePreview
from PIL import Image

SIDE, COLUMNS, ROWS = 96, 8, 4  # pixels of an image; images


def preview(images: Iterable[Image.Image]) -> ImagePreview:
    """The first images in rows of eight, as a PNG in base64."""
    shown = list(islice(images, COLUMNS * ROWS))
    columns, rows = min(len(shown), COLUMNS), -(-len(shown) // COLUMNS)
    sheet = Image.new("RGB", (max(columns, 1) * SIDE, max(rows, 1) * SIDE), "white")
    for index, image in enumerate(shown):
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(small, (index % COLUMNS * SIDE, index // COLUMNS * SIDE))
    file = BytesIO()
    sheet.save(file, format="PNG")
    return ImagePreview(b64encode(file.getvalue()).decode())
