"""How the cost of an expansion grows with workers: `python -m benchmarks.workers SHARDS SECONDS 1 2 4 8`.

A toy generator sleeps so many seconds per shard: no core is short, and what is lost is the driver's or the engine's.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from benchmarks.memory import SIDE, make_seeds
from benchmarks.memory import plan as toy_plan
from datasets import load_from_disk
from torch import Tensor

from guided_imagination.config.models import ONE_WORKER
from guided_imagination.expansion.augmenters import Augmentation
from guided_imagination.expansion.expand import expand
from guided_imagination.utils.workers import start


def sleeper(seconds: float) -> Augmentation:
    """Gives its seeds back, later."""

    def rest(images: Tensor, rngs: Sequence[torch.Generator]) -> Tensor:
        time.sleep(seconds)
        return images

    return Augmentation(rest)


def main() -> None:
    """A line per number of workers."""
    shards, seconds, *counts = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        make_seeds(Path(folder), int(shards))
        seeds = load_from_disk(str(Path(folder) / "seeds"))
        for count in map(int, counts):
            compute = ONE_WORKER.overridden({"workers": {"count": count}})
            list(start(lambda: lambda unit: time.sleep(0.5), range(count), compute))  # they are there
            changes = {"seeds_per_shard": 1, "compute": compute, "load_augmenter": partial(sleeper, float(seconds))}
            plan = replace(toy_plan(seeds), **changes)
            began, spent = time.perf_counter(), time.process_time()
            expand(Path(folder) / str(count), plan)
            wall, own = time.perf_counter() - began, time.process_time() - spent
            efficiency = plan.shards * float(seconds) / count / wall
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{count} workers, {plan.shards} shards of {SIDE}x{SIDE}: {wall:.1f} s, efficiency {efficiency:.3f}, "
                f"driver {1000 * own / plan.shards:.1f} ms of a core per shard, {peak:.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
