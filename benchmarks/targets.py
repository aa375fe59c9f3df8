"""Seconds and peak memory of a latent plan: `python -m benchmarks.targets SEEDS CLASSES CANDIDATES STEPS [FOLDER]`.

Fabricated embeddings of 1,280 components, ratio 5, one spare feature per seed. Memory of the process itself and pages
of mapped files, which the system takes back when it needs them, are told apart. In FOLDER the plan stays, and a killed
run goes on; its seconds are then those since it went on.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from threading import Event, Thread

import torch
from datasets import ClassLabel, Dataset, Features, Value
from torch import Tensor
from torch.nn.functional import log_softmax, normalize

from guided_imagination.config.guidance import Criteria, Guidance, ManifoldConfig, SelectionConfig
from guided_imagination.expansion.targets import FILE, TargetPlan, make
from guided_imagination.utils.randomness import generator

WIDTH, RATIO, RESERVE, PART, SPREAD = 1280, 5, 1, 4096, 0.8


class Fabricated:
    """Embeddings around a direction per class, which is also what the class is called."""

    width, device = WIDTH, torch.device("cpu")

    def __init__(self, classes: int) -> None:
        self.head = normalize(torch.randn(classes, WIDTH, generator=generator("head")), dim=1)

    def embed_seeds(self, seeds: Dataset) -> Iterator[Tensor]:
        labels = torch.tensor(seeds["label"][:])
        for number, part in enumerate(labels.split(PART)):
            noise = torch.randn(len(part), WIDTH, generator=generator("seeds", number)) / WIDTH**0.5
            yield 16 * normalize(self.head[part] + SPREAD * noise, dim=1)

    def log_probs(self, features: Tensor, logit_scale: float) -> Tensor:
        return log_softmax(logit_scale * features @ self.head.T, dim=1)


class Memory:
    """The most MiB that the process has had of its own, and of mapped files."""

    def __init__(self) -> None:
        self.own, self.mapped, self._ended = 0.0, 0.0, Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
            own, mapped = (int(lines[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))
            self.own, self.mapped = max(self.own, own), max(self.mapped, mapped)


def main() -> None:
    """Plan once in an empty folder and print what it took."""
    count, classes, candidates, steps = map(int, sys.argv[1:5])
    kept = sys.argv[5] if len(sys.argv) > 5 else None
    names = [f"class{number}" for number in range(classes)]
    columns = {"id": [f"{row:07d}" for row in range(count)], "label": [row % classes for row in range(count)]}
    seeds = Dataset.from_dict(columns, features=Features({"id": Value("string"), "label": ClassLabel(names=names)}))
    guidance = Guidance(
        perturbation="manifold",
        eps=0.1,
        manifold=ManifoldConfig(tau=2, within=0.5, shrink=0),
        steps=steps,
        step_size=0.1,
        selection=SelectionConfig(candidates=candidates, logit_scale=10, exponent=1, bandwidth=0.5)
        if candidates > 1
        else None,
        criteria=Criteria(
            hold="label", weights={"consistency": 1}, logit_scale=30, temperature=0.1, gradient="straight_through"
        ),
    )
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory() as folder, Memory() as memory:
        wall, own = time.perf_counter(), time.process_time()
        make(Path(folder), seeds, TargetPlan(guidance, RATIO, RESERVE, 0), Fabricated(classes))
        wall, own = time.perf_counter() - wall, time.process_time() - own
        size = (Path(folder) / FILE).stat().st_size / 2**30
    print(f"{count} seeds, {classes} classes, {candidates} candidates per variant, {steps} steps:")
    print(f"{wall:.0f} s, {own:.0f} CPU-s, {memory.own:.0f} MiB, mapped {memory.mapped:.0f} MiB, file {size:.2f} GiB")


if __name__ == "__main__":
    main()
