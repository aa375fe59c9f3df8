"""Expansions for use elsewhere: an ImageFolder, and a Hugging Face dataset folder.

Both hold a card, the manifest, by which the expansion can be made again, and the same rows:
the seeds and the new images as split `train`, told apart by the column `generated`, and real test images
as split `test`. Image files are passed on as they are stored, with what they say of themselves; in an
ImageFolder those that its readers skip or show otherwise, such as GIF and turned photographs, become PNG.
"""

import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features, Value
from PIL import ExifTags, Image

from guided_imagination.data.dataset import class_names
from guided_imagination.data.images import decode, png
from guided_imagination.expansion.records import record_features
from guided_imagination.expansion.store import Expansion
from guided_imagination.utils.seeding import derive_seed

logger = logging.getLogger(__name__)

Parts = Mapping[str, Sequence[Iterator[pa.Table]]]  # of each split, its parts: streams of small tables
ROWS = 100  # of a table: what is in memory at once, and a row group of parquet
METADATA = "metadata.parquet"
LONGEST = 100  # bytes of a file's name, of the 255 that file systems allow, before what tells it from others
# what torchvision's ImageFolder and `datasets` read, by Pillow's name of the format; the first picture of an MPO,
# a camera's JPEG with further pictures behind, is what every reader of JPEG shows
SUFFIXES = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tiff", "PPM": "ppm"}


def export_features(names: Sequence[str]) -> Features:
    """The columns of a recorded expansion, and which images are real; provenance is null for those."""
    record = record_features(names)
    first = {"image": record["image"], "label": record["label"], "id": Value("string"), "generated": Value("bool")}
    return Features({**first, **{name: kind for name, kind in record.items() if name not in first}})


def splits(seeds: Dataset, expanded: Expansion, test: Dataset | None) -> Parts:
    """What is exported, read while it is written."""
    schema = export_features(class_names(seeds)).arrow_schema
    train = [_real(seeds, schema), *(_generated(expanded, shard, schema) for shard in expanded.files)]
    return {"train": train, **({"test": [_real(test, schema)]} if test is not None else {})}


def shared_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest for others: without where models and images lay on this machine, and what only a killed run needs.

    Of a path its last name is left: who makes the expansion again says where that lies.
    """
    found = {name: _without_places(value) for name, value in manifest["found"].items() if name in ("guide", "settings")}
    return {**manifest, "found": found}


def _without_places(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_places(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_without_places(child) for child in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _real(images: Dataset, schema: pa.Schema) -> Iterator[pa.Table]:
    for table in images.with_format("arrow").iter(ROWS):
        yield _fitted({"image": table["image"], "label": table["label"], "id": table["id"]}, False, schema)


def _generated(expanded: Expansion, shard: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    with pq.ParquetFile(shard) as file:
        for batch in file.iter_batches(ROWS):
            kept = expanded.weed(pa.Table.from_batches([batch]))
            columns = {name: kept[name] for name in kept.schema.names}
            origin = (kept[name].to_pylist() for name in ("seed_id", "method", "variant"))
            columns["id"] = pa.array(["~".join(map(str, parts)) for parts in zip(*origin, strict=True)])
            yield _fitted(columns, True, schema)


def _fitted(columns: Mapping[str, Any], generated: bool, schema: pa.Schema) -> pa.Table:
    """A table of `schema`; columns that are not given are null, and image bytes are inside."""
    images = [{"bytes": _bytes(image), "path": None} for image in columns["image"].to_pylist()]
    given = {**columns, "image": pa.array(images, schema.field("image").type), "generated": [generated] * len(images)}
    arrays = [given.get(field.name, pa.nulls(len(images), field.type)) for field in schema]
    return pa.table(dict(zip(schema.names, arrays, strict=True)), schema=schema)


def _bytes(image: Mapping[str, Any]) -> bytes:
    return image["bytes"] or Path(image["path"]).read_bytes()


def write_shards(folder: Path, parts: Parts) -> dict[str, int]:
    """Parquet as the Hugging Face hub has it, `data/<split>-0000i-of-0000n.parquet`; returns rows by split."""
    (folder / "data").mkdir(parents=True)
    rows = dict.fromkeys(parts, 0)
    for split, streams in parts.items():
        for number, tables in enumerate(streams):
            path = folder / "data" / f"{split}-{number:05d}-of-{len(streams):05d}.parquet"
            rows[split] += _write_parquet(path, tables)
    return rows


def write_image_folder(folder: Path, parts: Parts, names: Sequence[str]) -> dict[str, int]:
    """`<split>/<class>/<id>.<kind>` and `<split>/metadata.parquet`, one row per file; returns rows by split.

    Folders have the names of the classes (`class_folders`): ImageFolder numbers them as those of the input.
    `datasets` reads the metadata by its column `file_name`, relative to it. It is parquet because every split
    must have the same types there, labels stay labels, and an id like 007 stays text.
    """
    rows = {}
    folder.mkdir(parents=True, exist_ok=True)
    classes = class_folders(folder, names)
    for split, streams in parts.items():
        (folder / split).mkdir()
        files = (table for tables in streams for table in tables)
        rows[split] = _write_parquet(folder / split / METADATA, _unpacked(folder / split, files, classes))
    return rows


def class_folders(place: Path, names: Sequence[str]) -> list[str]:
    """The names of the classes as names of folders in `place`: as they are, wherever its file system can hold them.

    Others, also of two that differ in case alone where the file system knows none, are replaced, with a warning, and
    hidden ones, which readers skip.
    """
    with TemporaryDirectory(dir=place) as probe:
        able = [_is_held(Path(probe), name) for name in names]
    taken = {METADATA, *(name.casefold() for name, held in zip(names, able, strict=True) if held)}
    folders = [name if held else safe_name(name, taken) for name, held in zip(names, able, strict=True)]
    for name, other in zip(names, folders, strict=True):
        if name != other:
            logger.warning(
                "no folder can have the name of the class %r: its images are in the folder %r, and %s has its label",
                *(name, other, METADATA),
            )
    return folders


def _is_held(place: Path, name: str) -> bool:
    """Make the folder `name` in `place`, if that can be, and is none that is there already."""
    if name.startswith(".") or name in (METADATA, "") or Path(name).name != name:
        return False
    try:
        (place / name).mkdir()
    except (OSError, ValueError):  # too long, forbidden, or no other than one that is there
        return False
    return True


def _unpacked(folder: Path, tables: Iterator[pa.Table], classes: Sequence[str]) -> Iterator[pa.Table]:
    """Write the images of the tables; the tables with file names in place of images."""
    taken: set[str] = set()
    for table in tables:
        paths = []
        for row in table.select(["image", "label", "id"]).to_pylist():
            suffix, content = _readable(row["image"]["bytes"])
            path = folder / classes[row["label"]] / f"{safe_name(row['id'], taken)}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            paths.append(path.relative_to(folder).as_posix())
        features = Features.from_arrow_schema(table.schema)
        features = Features({"file_name": Value("string"), **{k: v for k, v in features.items() if k != "image"}})
        named = table.drop(["image"]).add_column(0, "file_name", pa.array(paths))
        yield pa.table(named.columns, schema=features.arrow_schema)


def _readable(content: bytes) -> tuple[str, bytes]:
    """The suffix and bytes of an image file that ImageFolder finds: as it is, or its RGB picture as PNG.

    Readers neither turn an image as its camera was turned, nor know what is behind transparency.
    """
    with Image.open(io.BytesIO(content)) as image:
        plain = image.getexif().get(ExifTags.Base.Orientation, 1) == 1 and not image.has_transparency_data
        suffix = SUFFIXES.get(image.format or "") if plain else None
    return (suffix, content) if suffix else ("png", png(decode(content)))


def _write_parquet(path: Path, tables: Iterator[pa.Table]) -> int:
    rows = 0
    writer: pq.ParquetWriter | None = None
    for table in tables:
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
        rows += table.num_rows
    if writer:
        writer.close()
    return rows


def safe_name(name: str, taken: set[str]) -> str:
    """A file name for `name` on every file system, different from those `taken`, to which it is added.

    Letters, digits and `._~-` stay, the rest becomes `_`, and what is longer than LONGEST is cut after a letter.
    Names differ in more than upper and lower case.
    """
    safe = re.sub(r"[^\w.~-]+", "_", name).lstrip("._").encode()[:LONGEST].decode(errors="ignore") or "_"
    if safe.casefold() in taken:
        safe = f"{safe}-{derive_seed(name):016x}"
    taken.add(safe.casefold())
    return safe
