"""Training images per second against timm fed by a plain ImageFolder and DataLoader.

Run it as `python -m benchmarks.training`.

Both train the same model with the same transforms, batches and optimiser, in turns in one process.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from datasets import Dataset
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from guided_imagination.config import Architecture, Recipe
from guided_imagination.data.arrays import decode
from guided_imagination.data.dataset import features
from guided_imagination.training.classifier import train_classifier
from guided_imagination.training.network import build_model
from guided_imagination.training.recipe import build_optimizer

CLASSES, TURNS = 10, 5


@dataclass(frozen=True)
class Setting:
    """What is trained, on how many images of how many pixels."""

    name: str
    architecture: Architecture
    resolution: int
    images: int
    recipe: Recipe
    aim: float


def recipe(updates: int, batch_size: int) -> Recipe:
    """The transforms of the `matched` recipe."""
    return Recipe(
        updates=updates,
        batch_size=batch_size,
        optimizer="sgd",
        learning_rate=0.05,
        weight_decay=5e-4,
        warmup=0.1,
        label_smoothing=0,
        rotation=10,
        translation=0.1,
        flip=0.5,
    )


SMALL = Architecture(model="resnet10t", arguments={"channels": [32, 64, 128, 256]}, dense_stem=[])
MOBILE = Architecture(model="mobilenetv2_100", arguments={}, dense_stem=[])
SETTINGS = [
    Setting("resnet10t, 32 px", SMALL, 32, 600, recipe(40, 64), 1.5),
    Setting("mobilenetv2_100, 224 px", MOBILE, 224, 128, recipe(5, 16), 1.1),
]


def make_folder(setting: Setting, folder: Path) -> list[Path]:
    """A folder per class: PNGs of the resolution if that is small, else JPEGs of 300 pixels, as photographs are."""
    rng = torch.Generator().manual_seed(0)
    paths = []
    for index in range(setting.images):
        coarse = torch.rand(1, 3, 16, 16, generator=rng)
        side = setting.resolution if setting.resolution < 64 else 300
        pixels = nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)[0].mul(255).byte()
        path = folder / str(index % CLASSES) / f"{index:05d}.{'png' if side < 64 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(path)
        paths.append(path)
    return paths


def train_plain(setting: Setting, folder: Path, workers: int) -> tuple[float, float]:
    """Images per second and share of time waiting for data of ImageFolder, DataLoader and the usual loop."""
    transform = v2.Compose(
        [
            v2.Resize((setting.resolution, setting.resolution), interpolation=v2.InterpolationMode.BICUBIC),
            v2.RandomAffine(setting.recipe.rotation, translate=(setting.recipe.translation,) * 2),
            v2.RandomHorizontalFlip(setting.recipe.flip),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    loader = DataLoader(
        ImageFolder(folder, transform),
        batch_size=setting.recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    steps = setting.recipe.updates or 0
    model = build_model(setting.architecture, CLASSES).train()
    optimizer, schedule = build_optimizer(model, setting.recipe, steps)
    batches, waiting = _endless(loader), 0.0
    next(batches)  # starting the workers is not counted
    started = time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        images, labels = next(batches)
        waiting += time.perf_counter() - asked
        optimizer.zero_grad(set_to_none=True)
        cross_entropy(model(images), labels).backward()
        optimizer.step()
        schedule.step()
    seconds = time.perf_counter() - started
    return steps * setting.recipe.batch_size / seconds, waiting / seconds


def _endless(loader: DataLoader[tuple[torch.Tensor, torch.Tensor]]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    while True:
        yield from loader


def train_ours(setting: Setting, paths: list[Path], folder: Path) -> tuple[float, float]:
    """The same of this project's training; decoding the images once counts as waiting."""
    columns = {
        "id": [path.stem for path in paths],
        "image": [str(path) for path in paths],
        "label": [int(path.parent.name) for path in paths],
    }
    dataset = Dataset.from_dict(columns, features=features([str(label) for label in range(CLASSES)]))
    started = time.perf_counter()
    images = decode([dataset], len(dataset), folder, setting.resolution).data
    decoding = time.perf_counter() - started
    trained = train_classifier(
        images, None, setting.architecture, setting.recipe, classes=CLASSES, seed=0, name="ours", log_points=1
    )
    print(f"decoding once: {decoding:.1f} s, {len(images) / decoding:.0f} images/s")
    return trained.speed["images_per_second"], trained.speed["waiting_share"]


def compare(setting: Setting, folder: Path) -> str:
    """A row of the table: medians over turns, in each of which every way is measured; so is their ratio."""
    paths = make_folder(setting, folder / "images")
    turns = []
    for turn in range(TURNS):
        plain = max(train_plain(setting, folder / "images", workers) for workers in (0, 2))
        turns.append((*train_ours(setting, paths, folder / f"decoded-{turn}"), *plain))
    speed, waiting, other, other_waiting = (median(column) for column in zip(*turns, strict=True))
    ratios = sorted(ours / plain for ours, _, plain, _ in turns)
    return (
        f"| {setting.name} | {speed:.0f} | {waiting:.0%} | {other:.0f} | {other_waiting:.0%} "
        f"| {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) | {setting.aim} |"
    )


def main() -> None:
    """Print a table of both settings, and how busy the machine was."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        rows = [compare(setting, Path(folder) / str(index)) for index, setting in enumerate(SETTINGS)]
    head = ["model", "images/s", "waiting", "ImageFolder: images/s", "waiting", "ratio", "aim"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    print("\n".join(rows))
    print(f"{torch.get_num_threads()} threads, load average {os.getloadavg()[0]:.1f} (this benchmark included)")


if __name__ == "__main__":
    main()
