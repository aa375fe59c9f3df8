"""From seeds to labelled variants: one record per image, redrawn until it keeps its class."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pyarrow as pa
import torch
from datasets import ClassLabel, Dataset, Features, Image, Value
from torch import Tensor

from guided_imagination.clip import ClipGuide
from guided_imagination.clock import Clock
from guided_imagination.config import Guidance
from guided_imagination.data import class_names, encode_png, to_tensors
from guided_imagination.generators.base import Generator
from guided_imagination.guidance import CRITERIA
from guided_imagination.imagination import Imagined, imagine
from guided_imagination.randomness import derive_seed


class Maker(Protocol):
    """Makes new images of seeds, and says what class it sees in them (None: it does not look)."""

    def make(
        self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator], clock: Clock
    ) -> Imagined: ...

    def predict(self, images: Tensor) -> Tensor | None: ...


@dataclass(frozen=True)
class Imagination:
    """Guided imagination as a Maker."""

    generator: Generator
    guide: ClipGuide
    guidance: Guidance

    def make(
        self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator], clock: Clock
    ) -> Imagined:
        return imagine(self.generator, self.guide, seeds, labels, owner, self.guidance, rngs, clock)

    def predict(self, images: Tensor) -> Tensor | None:
        return self.guide.predict(images)


@dataclass(frozen=True)
class Augmentation:
    """A classical augmentation as a Maker: `transform(images, rngs)`."""

    transform: Callable[[Tensor, Sequence[torch.Generator]], Tensor]

    def make(
        self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator], clock: Clock
    ) -> Imagined:
        with clock("transform"):
            return Imagined(self.transform(seeds[owner], rngs), {})

    def predict(self, images: Tensor) -> Tensor | None:
        return None


@dataclass(frozen=True)
class Plan:
    """All that shapes an expansion. `inputs` are the checksums of the weights and seeds, by name."""

    method: str
    seeds: Dataset
    ratio: int
    seed: int
    seeds_per_shard: int
    seeds_per_batch: int
    redraws: int
    rejected: Literal["drop", "keep"]
    settings: dict[str, Any]
    inputs: dict[str, str]
    overwrite: bool
    load_maker: Callable[[], Maker] = field(repr=False)

    @property
    def shards(self) -> int:
        return -(-len(self.seeds) // self.seeds_per_shard)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that, if it changed, would change the images."""
        names = ("method", "ratio", "seed", "seeds_per_shard", "seeds_per_batch", "redraws", "rejected")
        return {**{name: getattr(self, name) for name in names}, **self.settings, **self.inputs}

    def shard_seeds(self, shard: int) -> Iterator[Dataset]:
        """The seeds of a shard in batches."""
        stop = min((shard + 1) * self.seeds_per_shard, len(self.seeds))
        for start in range(shard * self.seeds_per_shard, stop, self.seeds_per_batch):
            yield self.seeds.select(range(start, min(start + self.seeds_per_batch, stop)))


def record_features(names: Sequence[str]) -> Features:
    """The columns of an expansion, one row per new image."""
    return Features(
        {
            "image": Image(),
            "label": ClassLabel(names=list(names)),
            "seed_id": Value("string"),
            "variant": Value("int32"),
            "method": Value("string"),
            **{name: Value("float32") for name in CRITERIA},
            "prediction": ClassLabel(names=list(names)),
            "attempt": Value("int32"),
            "random_seed": Value("int64"),
        }
    )


def expand_shard(plan: Plan, maker: Maker, shard: int, clock: Clock) -> tuple[pa.Table, Counter[str]]:
    """The table of a shard, rows in the order of seeds and variants, and counts of what was drawn."""
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    for seeds in plan.shard_seeds(shard):
        rows += _expand_batch(plan, maker, seeds, counts, clock)
    features = record_features(class_names(plan.seeds))
    columns = {name: [row[name] for row in rows] for name in features}
    return pa.table(columns, schema=features.arrow_schema), counts


def _expand_batch(plan: Plan, maker: Maker, seeds: Dataset, counts: Counter[str], clock: Clock) -> list[dict[str, Any]]:
    images, labels = to_tensors(seeds)
    images, ids = images.float() / 255, seeds["id"]
    pending = [(row, variant) for row in range(len(ids)) for variant in range(plan.ratio)]
    done: dict[tuple[int, int], dict[str, Any]] = {}
    for attempt in range(plan.redraws + 1):
        members = sorted({row for row, _ in pending})
        owner = torch.tensor([members.index(row) for row, _ in pending])
        random_seeds = [derive_seed(plan.seed, ids[row], variant, attempt) for row, variant in pending]
        rngs = [torch.Generator().manual_seed(seed) for seed in random_seeds]
        made = maker.make(images[members], labels[members], owner, rngs, clock)
        pixels = made.images.mul(255).round().byte().cpu()
        with clock("check"):
            seen = maker.predict(pixels.float() / 255)
        wanted = labels[members][owner]
        good = torch.ones(len(pending), dtype=torch.bool) if seen is None else seen == wanted
        if attempt == plan.redraws and plan.rejected == "keep":
            counts["kept_rejected"] += int((~good).sum())
            good[:] = True
        counts["drawn"] += len(pending)
        with clock("write"):
            for index in good.nonzero().flatten().tolist():
                row, variant = pending[index]
                done[pending[index]] = {
                    "image": {"bytes": encode_png(pixels[index]), "path": None},
                    "label": int(wanted[index]),
                    "seed_id": ids[row],
                    "variant": variant,
                    "method": plan.method,
                    **{name: float(made.criteria[name][index]) if made.criteria else None for name in CRITERIA},
                    "prediction": None if seen is None else int(seen[index]),
                    "attempt": attempt,
                    "random_seed": random_seeds[index],
                }
        pending = [pair for pair, kept in zip(pending, good.tolist(), strict=True) if not kept]
        if not pending:
            break
        counts["rejected"] += len(pending)
    counts["kept"] += len(done)
    counts["dropped"] += len(pending)
    return [done[pair] for pair in sorted(done)]
