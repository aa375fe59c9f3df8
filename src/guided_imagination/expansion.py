"""From seeds to labelled variants: one record per image, redrawn until it keeps its class."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pyarrow as pa
import torch
from datasets import ClassLabel, Dataset, Features, Image, Value
from torch import Tensor
from torch.nn.functional import interpolate

from guided_imagination.clock import Clock
from guided_imagination.config import Guidance
from guided_imagination.data import class_names, encode_png, to_tensors
from guided_imagination.device import Batches, Placement
from guided_imagination.generators.base import Generator
from guided_imagination.guidance import CRITERIA
from guided_imagination.guide import Guide
from guided_imagination.imagination import Imagined, imagine
from guided_imagination.seeding import derive_seed


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
    guide: Guide
    guidance: Guidance
    placement: Placement
    memory: Batches

    def make(
        self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator], clock: Clock
    ) -> Imagined:
        seeds, labels, owner = (tensor.to(self.placement.device) for tensor in (seeds, labels, owner))
        with self.placement.autocast():
            return imagine(self.generator, self.guide, seeds, labels, owner, self.guidance, rngs, self.memory, clock)

    def predict(self, images: Tensor) -> Tensor | None:
        def predict(size: int) -> Tensor:
            return torch.cat([self.guide.predict(part.to(self.placement.device)) for part in images.split(size)])

        with self.placement.autocast():
            return self.memory.run(predict)


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
    """All that shapes an expansion.

    Seeds are given to the maker at `seed_resolution`, its images are kept at `resolution` (sides in
    pixels); `settings` are the maker's parameters, `inputs` the checksums of weights and seeds, by name.
    """

    method: str
    seeds: Dataset
    ratio: int
    seed: int
    resolution: int
    seed_resolution: int
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
        names = ("method", "ratio", "seed", "resolution", "seed_resolution", "redraws", "rejected")
        blocks = ("seeds_per_shard", "seeds_per_batch")
        return {**{name: getattr(self, name) for name in (*names, *blocks)}, **self.settings, **self.inputs}

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
            **{str(name): Value("float32") for name in CRITERIA},
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
    """The records of a batch of seeds; variants that lost their class are drawn again."""
    pixels, labels = to_tensors(seeds, plan.seed_resolution)
    images = pixels.float() / 255
    pending = [(row, variant) for row in range(len(seeds)) for variant in range(plan.ratio)]
    kept: dict[tuple[int, int], dict[str, Any]] = {}
    for attempt in range(plan.redraws + 1):
        drawn = _draw(plan, maker, images, labels, seeds["id"], pending, attempt, clock)
        counts["drawn"] += len(drawn)
        lost = {pair for pair, record in drawn.items() if record["prediction"] not in (None, record["label"])}
        counts["lost_class"] += len(lost)
        if attempt == plan.redraws and plan.rejected == "keep":
            lost = set()
        with clock("write"):
            for pair in drawn.keys() - lost:
                record = drawn[pair]
                kept[pair] = {**record, "image": {"bytes": encode_png(record["image"]), "path": None}}
        pending = sorted(lost)
        if not pending:
            break
    counts["kept"] += len(kept)
    counts["dropped"] += len(pending)
    return [kept[pair] for pair in sorted(kept)]


def _resized(images: Tensor, side: int) -> Tensor:
    if images.shape[-2:] == (side, side):
        return images
    return interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def _draw(
    plan: Plan,
    maker: Maker,
    images: Tensor,
    labels: Tensor,
    ids: Sequence[str],
    pairs: list[tuple[int, int]],
    attempt: int,
    clock: Clock,
) -> dict[tuple[int, int], dict[str, Any]]:
    """One attempt at each (seed row, variant) of `pairs`: its record, with the image as a uint8 tensor."""
    rows = sorted({row for row, _ in pairs})
    owner = torch.tensor([rows.index(row) for row, _ in pairs])
    random_seeds = [derive_seed(plan.seed, ids[row], variant, attempt) for row, variant in pairs]
    rngs = [torch.Generator().manual_seed(seed) for seed in random_seeds]
    made = maker.make(images[rows], labels[rows], owner, rngs, clock)
    pixels = _resized(made.images.float(), plan.resolution).mul(255).round().byte().cpu()
    with clock("check"):
        seen = maker.predict(pixels.float() / 255)
    return {
        (row, variant): {
            "image": pixels[index],
            "label": int(labels[row]),
            "seed_id": ids[row],
            "variant": variant,
            "method": plan.method,
            **{name: float(made.criteria[name][index]) if made.criteria else None for name in CRITERIA},
            "prediction": None if seen is None else int(seen[index]),
            "attempt": attempt,
            "random_seed": random_seeds[index],
        }
        for index, (row, variant) in enumerate(pairs)
    }
