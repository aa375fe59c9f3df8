"""Small cells, and what trains them, for tests."""

from contextlib import contextmanager
from pathlib import Path

import torch

from guided_imagination.config import Architecture, Recipe
from guided_imagination.config.models import ONE_WORKER
from guided_imagination.data.arrays import Labelled
from guided_imagination.training.cells import Job, Run, Times, begin_cells
from guided_imagination.training.grid import Cell
from guided_imagination.training.sources import CellImages
from guided_imagination.utils.randomness import generator

ARCHITECTURE = Architecture(model="resnet10t", arguments={"channels": [4, 4, 4, 4]})
RECIPE = Recipe(
    updates=4,
    batch_size=4,
    optimizer="sgd",
    learning_rate=0.01,
    weight_decay=0,
    warmup=0,
    label_smoothing=0,
    rotation=5,
    translation=0.1,
    flip=0.5,
)


def labelled(count: int) -> Labelled:
    images = torch.randint(256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator("images", count))
    return Labelled(images, torch.arange(count) % 2)


SPLITS = CellImages(labelled(8), labelled(4), labelled(6))


def job(seed: int = 0, **changes: object) -> Job:
    settings = {
        "architecture": ARCHITECTURE,
        "recipe": RECIPE,
        "inputs": "abc",
        "split": "test",
        "precision": "float32",
        "classes": 2,
        "log_points": 2,
    }
    return Job(Cell("pets", "gif", 5, "tiny", "short", seed), **{**settings, **changes})


class Journal:
    """Keeps what is logged, by cell."""

    def __init__(self) -> None:
        self.logged: dict[str, list[tuple[dict[str, float], int, float | None]]] = {}
        self.times: dict[str, Times] = {}

    def rows(self) -> list[tuple[dict[str, float], int, float | None]]:
        return [row for rows in self.logged.values() for row in rows]

    @contextmanager
    def track(self, job: Job, folder: Path, times: Times):
        rows = self.logged.setdefault(job.cell.name, [])
        self.times[job.cell.name] = times
        yield Run(f"run of {job.cell.name}", lambda *row: rows.append(row))


def run(models: Path, *jobs: Job, load=lambda cell: SPLITS, journal: Journal | None = None):
    """The cells with small images and a journal."""
    return begin_cells(jobs or [job()], lambda: load, models, ONE_WORKER, (journal or Journal()).track).finish()
