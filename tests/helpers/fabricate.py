"""Tiny copies of the nine datasets, each in the layout on disk of its own source."""

import hashlib
import io
import pickle
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import medmnist
import numpy as np
import pytest
import torchvision.datasets
from datasets import ClassLabel, Dataset, Features, Image
from huggingface_hub import constants
from PIL import Image as PILImage
from scipy.io import savemat

REVISION = "9abf6cf7d6dfa7b95152a0d6e791ea9435b47a40"
# what the entries of conf/base have to give up for so few images; seeds and test images that this leaves
SMALL = {
    "caltech101": {"sizes": None, "seeds_per_class": 1, "validation_per_class": 1},
    "cars": {"sizes": None, "validation_per_class": 1},
    "flowers": {"sizes": None, "seeds_total": 102, "validation_per_class": 1},
    "dtd": {"sizes": None, "validation_per_class": 1},
    "cifar100": {"sizes": None, "seeds_per_class": 2, "validation_per_class": 1},
    "pets": {"sizes": None, "seeds_total": 6, "validation_per_class": 1},
    "pathmnist": {"sizes": None, "validation_per_class": 1},
    "breastmnist": {"sizes": None, "validation_per_class": 1},
    "organsmnist": {"sizes": None, "validation_per_class": 1},
}
SIZES = {  # of seeds, validation, test
    "caltech101": (4, 4, 12),
    "cars": (3, 3, 3),
    "flowers": (102, 102, 102),
    "dtd": (3, 3, 3),
    "cifar100": (6, 3, 6),
    "pets": (6, 3, 6),
    "pathmnist": (18, 9, 9),
    "breastmnist": (4, 2, 2),
    "organsmnist": (22, 11, 11),
}


def fabricate(raw: Path, hub: Path, patch: pytest.MonkeyPatch) -> None:
    """All nine under `raw` and in a hub cache, and their checksums where the sources look for the official ones."""
    caltech101(raw / "caltech101")
    cars(hub)
    flowers(raw / "flowers")
    dtd(raw / "dtd")
    cifar100(raw / "cifar100")
    pets(raw / "pets")
    accept(raw, patch)
    for name in ("pathmnist", "breastmnist", "organsmnist"):
        accept_medmnist(name, medmnist_file(raw / "medmnist", name), patch)
    patch.setattr(constants, "HF_HUB_CACHE", str(hub))


def accept(raw: Path, patch: pytest.MonkeyPatch) -> None:
    """Put the checksums of fabricated Flowers102 and CIFAR100 in torchvision's tables."""
    flowers_files = {
        key: (name, md5(raw / "flowers" / "flowers-102" / name) if key != "image" else checksum)
        for key, (name, checksum) in torchvision.datasets.Flowers102._file_dict.items()
    }
    patch.setattr(torchvision.datasets.Flowers102, "_file_dict", flowers_files)
    cifar, folder = torchvision.datasets.CIFAR100, raw / "cifar100" / "cifar-100-python"
    patch.setattr(cifar, "train_list", [["train", md5(folder / "train")]])
    patch.setattr(cifar, "test_list", [["test", md5(folder / "test")]])
    patch.setattr(cifar, "meta", {**cifar.meta, "md5": md5(folder / "meta")})


def accept_medmnist(name: str, file: Path, patch: pytest.MonkeyPatch, size: int = 28) -> None:
    """Put a file's checksum in medmnist's table."""
    patch.setitem(medmnist.INFO, name, {**medmnist.INFO[name], "MD5" + _suffix(size): md5(file)})


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a web server on this machine that gives the files of a folder."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes()).hexdigest()


def picture(*key: object, size: Sequence[int] = (12, 10), grey: bool = False) -> PILImage.Image:
    """Noise that is another for every key; `size` is (width, height)."""
    shape = (size[1], size[0]) if grey else (size[1], size[0], 3)
    digest = hashlib.blake2b(repr(key).encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "big"))
    return PILImage.fromarray(rng.integers(256, size=shape, dtype=np.uint8))


def encoded(image: PILImage.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def tiff(width: int, data: bytes, *, bits: int, kind: int = 1, **tags: float) -> bytes:
    """A TIFF file of one row of grey values by hand; `kind` is SampleFormat, `tags` as t341=4095."""
    entries = {256: width, 257: 1, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(data), 339: kind}
    entries |= {int(tag[1:]): value for tag, value in tags.items()}
    floats = {340, 341}  # as IEEE numbers in the place of their value
    table = [
        struct.pack("<HHI", tag, 11 if tag in floats else 4, 1) + struct.pack("<f" if tag in floats else "<I", value)
        for tag, value in sorted(entries.items())
    ]
    padded = data + bytes(len(data) % 2)
    header = b"II*\0" + struct.pack("<I", 8 + len(padded))
    return header + padded + struct.pack("<H", len(table)) + b"".join(table) + bytes(4)


def put(file: Path, *key: object, **look: object) -> Path:
    """Save a picture made of its path's name, its folder's name and `key`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    picture(file.parent.name, file.name, *key, **look).save(file)
    return file


def folders(root: Path, counts: dict[str, int], suffix: str = "png") -> Path:
    """A folder for each class, with images 0000, 0001, ..."""
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            put(root / name / f"{number:04d}.{suffix}")
    return root


def caltech101(root: Path) -> None:
    """Four classes of five images, one of them the background; the archive leaves a file called tmp."""
    classes = dict.fromkeys(("BACKGROUND_Google", "Faces_easy", "car_side", "watch"), 5)
    folder = folders(root / "caltech101" / "101_ObjectCategories", classes, "jpg")
    (folder / "BACKGROUND_Google" / "tmp").touch()


def cars(cache: Path) -> None:
    """Three classes; two files for six training images, two for three test images, without ids."""
    folder = cache / "datasets--tanganke--stanford_cars" / "snapshots" / REVISION / "data"
    folder.mkdir(parents=True)
    names = ["Acura Integra Type R 2001", "BMW X3 SUV 2012", "smart fortwo Convertible 2012"]
    features = Features({"image": Image(), "label": ClassLabel(names=names)})
    for part, shards in {"train": ([0, 1, 2], [2, 1, 0]), "test": ([1], [0, 2])}.items():
        for number, labels in enumerate(shards):
            images = [
                {"bytes": encoded(picture(part, number, row)), "path": f"{row:05d}.jpg"} for row in range(len(labels))
            ]
            columns = {"image": images, "label": labels}
            shard = Dataset.from_dict(columns, features=features)
            shard.to_parquet(folder / f"{part}-{number:05d}-of-00002.parquet")


def flowers(root: Path) -> None:
    """Three images of each of the 102 classes, one in each official part."""
    folder = root / "flowers-102"
    numbers = np.arange(1, 307)
    for number in numbers:
        put(folder / "jpg" / f"image_{number:05d}.jpg", size=(4, 4))
    savemat(folder / "imagelabels.mat", {"labels": (numbers[None] - 1) % 102 + 1})
    parts = {"trnid": numbers[None, :102], "valid": numbers[None, 102:204], "tstid": numbers[None, 204:]}
    savemat(folder / "setid.mat", parts)


def dtd(root: Path) -> None:
    """Three textures of three images, one in each official part of split 1."""
    folder = root / "dtd" / "dtd"
    classes = ["banded", "polka-dotted", "woven"]
    (folder / "labels").mkdir(parents=True)
    for number, part in enumerate(("train", "val", "test")):
        files = [f"{name}/{name}_{number:04d}.jpg" for name in classes]
        (folder / "labels" / f"{part}1.txt").write_text("\n".join(files) + "\n")
        for file in files:
            put(folder / "images" / file)


def cifar100(root: Path) -> None:
    """Three classes; five training and two test images of each."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", 15), ("test", 6)):
        data = rng.integers(256, size=(count, 3072), dtype=np.uint8)
        batch = {"data": data, "fine_labels": [row % 3 for row in range(count)]}
        (folder / part).write_bytes(pickle.dumps(batch))
    meta = {"fine_label_names": ["apple", "aquarium_fish", "maple_tree"]}
    (folder / "meta").write_bytes(pickle.dumps(meta))


def pets(root: Path) -> None:
    """Three breeds of five images; the archives hold other files beside them."""
    folder = root / "oxford-iiit-pet"
    lines = []
    for label, breed in enumerate(("Abyssinian", "american_bulldog", "wheaten_terrier"), start=1):
        for number in range(1, 6):
            put(folder / "images" / f"{breed}_{number}.jpg")
            lines.append(f"{breed}_{number} {label} 1 1\n")
    (folder / "images" / "Abyssinian_100.mat").touch()
    (folder / "annotations" / "trimaps").mkdir(parents=True)
    (folder / "annotations" / "trainval.txt").write_text("".join(lines[::2]))
    (folder / "annotations" / "test.txt").write_text("".join(lines[1::2]))


def _suffix(size: int) -> str:
    return "" if size == 28 else f"_{size}"


def medmnist_file(root: Path, name: str, size: int = 28) -> Path:
    """Two validation images, one training and one test image of every class; labels (N, 1) as in the official files."""
    info = medmnist.INFO[name]
    classes, colour = len(info["label"]), (3,) if info["n_channels"] == 3 else ()
    rng = np.random.default_rng(1)
    arrays = {}
    for part, times in (("train", 1), ("val", 2), ("test", 1)):
        count = times * classes
        arrays[f"{part}_images"] = rng.integers(256, size=(count, size, size, *colour), dtype=np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count, dtype=np.uint8) % classes)[:, None]
    root.mkdir(parents=True, exist_ok=True)
    file = root / f"{name}{_suffix(size)}.npz"
    np.savez_compressed(file, **arrays)
    return file
