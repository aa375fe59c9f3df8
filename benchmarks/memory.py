"""Peak memory of an expansion by its number of seeds: `python -m benchmarks.memory 1000 10000`."""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, load_from_disk
from torch import Tensor

from guided_imagination.config import RejectConfig
from guided_imagination.data.dataset import features
from guided_imagination.data.images import encode
from guided_imagination.expansion.augmenters import Augmentation
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.plan import Plan
from guided_imagination.expansion.records import verify

SIDE, CLASSES, RATIO = 28, 10, 2
SIZES = (1_000, 10_000, 50_000)  # seeds
MOST_GROWTH = 0.1  # from the first size to the last


def make_seeds(folder: Path, count: int) -> None:
    """Save `count` random images, memory-mapped when they are loaded."""

    def rows() -> Iterator[dict[str, Any]]:
        rng = torch.Generator().manual_seed(0)
        for row in range(count):
            pixels = torch.randint(256, (3, SIDE, SIDE), dtype=torch.uint8, generator=rng)
            yield {"id": str(row), "image": {"bytes": encode(pixels), "path": None}, "label": row % CLASSES}

    names = features([str(label) for label in range(CLASSES)])
    made = Dataset.from_generator(rows, features=names, cache_dir=str(folder / "cache"))
    made.save_to_disk(folder / "seeds")


def plan(seeds: Dataset) -> Plan:
    """A toy generator: half seed, half noise."""

    def blend(images: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        return (images + torch.stack([torch.rand(images.shape[1:], generator=rng) for rng in rngs])) / 2

    return Plan(
        method="toy",
        seeds=seeds,
        ratio=RATIO,
        seed=0,
        resolution=SIDE,
        seed_resolution=SIDE,
        seeds_per_shard=50,
        seeds_per_batch=50,
        redraws=0,
        reject=RejectConfig(),
        rejected="keep",
        settings={},
        inputs={},
        overwrite=False,
        load_augmenter=lambda: Augmentation(blend),
    )


def measure(folder: Path) -> tuple[float, float]:
    """Make and verify an expansion of the saved seeds: this process' peak resident MiB after each."""
    torch.set_num_threads(1)
    expand(folder / "expanded", plan(load_from_disk(str(folder / "seeds"))))
    written = peak()
    if findings := verify(folder / "expanded"):
        raise SystemExit(findings[0])
    return written, peak()


def peak() -> float:
    """Peak resident MiB of this process (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main(sizes: Sequence[int]) -> None:
    """Measure each size in a process of its own and print a table; fail if memory grows."""
    print("| seeds | images | peak MiB | with verification | seconds |\n|---|---|---|---|---|", flush=True)
    peaks = []
    for count in sizes:
        with (
            tempfile.TemporaryDirectory() as name,
            ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool,
        ):
            pool.submit(make_seeds, Path(name), count).result()
            started = time.perf_counter()
            written, verified = pool.submit(measure, Path(name)).result()
            seconds = time.perf_counter() - started
        peaks.append(max(written, verified))
        print(f"| {count:,} | {count * RATIO:,} | {written:.0f} | {verified:.0f} | {seconds:.0f} |", flush=True)
    growth = peaks[-1] / peaks[0] - 1
    print(f"growth from first to last: {growth:.1%}")
    if growth > MOST_GROWTH:
        raise SystemExit(f"memory grows by more than {MOST_GROWTH:.0%}")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or SIZES)
