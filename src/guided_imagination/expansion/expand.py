"""From seeds to labelled variants: one record per image, redrawn until none of the checks refuses it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa
import torch
from datasets import ClassLabel, Dataset, Features, Image, Value
from torch import Tensor
from torch.nn.functional import interpolate

from guided_imagination.config import RejectConfig
from guided_imagination.data.dataset import class_names, to_tensors
from guided_imagination.data.images import ImageFormat, encode
from guided_imagination.expansion.augmenters import Maker
from guided_imagination.expansion.rejection import REASONS, rank, reason
from guided_imagination.imagination.criteria import CRITERIA
from guided_imagination.models.clip import ZeroShot
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.seeding import derive_seed


@dataclass(frozen=True)
class Plan:
    """All that shapes an expansion.

    Seeds are given to the maker at `seed_resolution`, its images are kept at `resolution` (sides in
    pixels); `settings` are the maker's parameters, `inputs` the checksums of weights and seeds, by name.
    A variant that `reject` refuses is drawn again, at most `redraws` times; then it is dropped, or the
    least bad of its attempts is kept, so that every seed has `ratio` variants. `quality` in [1, 100] is
    that of lossy image formats.
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
    reject: RejectConfig
    rejected: Literal["drop", "keep"]
    settings: dict[str, Any]
    inputs: dict[str, str]
    overwrite: bool
    load_maker: Callable[[], Maker] = field(repr=False)
    image_format: ImageFormat = "png"
    quality: int = 95

    @property
    def shards(self) -> int:
        return -(-len(self.seeds) // self.seeds_per_shard)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that, if it changed, would change the images."""
        names = ("method", "ratio", "seed", "resolution", "seed_resolution", "image_format", "quality")
        blocks = ("redraws", "rejected", "seeds_per_shard", "seeds_per_batch")
        fixed = {name: getattr(self, name) for name in (*names, *blocks)}
        return {**fixed, **self.reject.model_dump(), **self.settings, **self.inputs}

    def shard_seeds(self, shard: int) -> Iterator[Dataset]:
        """The seeds of a shard in batches."""
        stop = min((shard + 1) * self.seeds_per_shard, len(self.seeds))
        for start in range(shard * self.seeds_per_shard, stop, self.seeds_per_batch):
            yield self.seeds.select(range(start, min(start + self.seeds_per_batch, stop)))


def record_features(names: Sequence[str]) -> Features:
    """The columns of an expansion, one row per new image.

    The criteria are those of the latent that was decoded; `prediction`, `label_probability` and
    `seed_similarity` (CLIP cosine, in [-1, 1]) are what the guide sees in the stored pixels. All of
    them are null for augmentations.
    """
    return Features(
        {
            "image": Image(),
            "label": ClassLabel(names=list(names)),
            "seed_id": Value("string"),
            "variant": Value("int32"),
            "method": Value("string"),
            **{str(name): Value("float32") for name in CRITERIA},
            "prediction": ClassLabel(names=list(names)),
            "label_probability": Value("float32"),
            "seed_similarity": Value("float32"),
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


@dataclass(frozen=True)
class _Batch:
    """Seeds as the maker takes them, (S, 3, H, W) in [0, 1], and what it sees in them at the kept resolution."""

    images: Tensor
    labels: Tensor
    ids: Sequence[str]
    seen: ZeroShot | None


def _expand_batch(plan: Plan, maker: Maker, seeds: Dataset, counts: Counter[str], clock: Clock) -> list[dict[str, Any]]:
    """The records of a batch of seeds; refused variants are drawn again."""
    pixels, labels = to_tensors(seeds, plan.seed_resolution)
    images = pixels.float() / 255
    with clock("check"):
        batch = _Batch(images, labels, seeds["id"], maker.classify(_stored(images, plan.resolution).float() / 255))
    pending = [(row, variant) for row in range(len(seeds)) for variant in range(plan.ratio)]
    kept: dict[tuple[int, int], dict[str, Any]] = {}
    refused: dict[tuple[int, int], dict[str, Any]] = {}
    counts.update(dict.fromkeys(("drawn", *REASONS, "kept", "dropped"), 0))
    for attempt in range(plan.redraws + 1):
        drawn = _draw(plan, maker, batch, pending, attempt, clock)
        counts["drawn"] += len(drawn)
        pending = []
        for pair, record in drawn.items():
            why = reason(record, plan.reject)
            if why is None:
                kept[pair] = record
                continue
            counts[why] += 1
            pending.append(pair)
            refused[pair] = max(refused.get(pair, record), record, key=lambda one: rank(one, plan.reject))
        if not pending:
            break
    if plan.rejected == "keep":
        kept |= {pair: refused[pair] for pair in pending}
    counts["kept"] += len(kept)
    counts["dropped"] += len(seeds) * plan.ratio - len(kept)
    with clock("write"):
        return [{**kept[pair], "image": _file(kept[pair]["image"], plan)} for pair in sorted(kept)]


def _file(pixels: Tensor, plan: Plan) -> dict[str, Any]:
    return {"bytes": encode(pixels, plan.image_format, plan.quality), "path": None}


def _stored(images: Tensor, side: int) -> Tensor:
    """Images in [0, 1] as they are kept: (N, 3, side, side) uint8 on the CPU."""
    images = images.float()
    if images.shape[-2:] != (side, side):
        images = interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    return images.mul(255).round().byte().cpu()


def _draw(
    plan: Plan, maker: Maker, batch: _Batch, pairs: list[tuple[int, int]], attempt: int, clock: Clock
) -> dict[tuple[int, int], dict[str, Any]]:
    """One attempt at each (seed row, variant) of `pairs`: its record, with the image as a uint8 tensor."""
    rows = sorted({row for row, _ in pairs})
    owner = torch.tensor([rows.index(row) for row, _ in pairs])
    random_seeds = [derive_seed(plan.seed, batch.ids[row], variant, attempt) for row, variant in pairs]
    rngs = [torch.Generator().manual_seed(seed) for seed in random_seeds]
    made = maker.make(batch.images[rows], batch.labels[rows], owner, rngs, clock)
    pixels = _stored(made.images, plan.resolution)
    with clock("check"):
        checked = _check(maker, batch, pixels, torch.tensor([row for row, _ in pairs]))
    return {
        (row, variant): {
            "image": pixels[index],
            "label": int(batch.labels[row]),
            "seed_id": batch.ids[row],
            "variant": variant,
            "method": plan.method,
            **{name: float(made.criteria[name][index]) if made.criteria else None for name in CRITERIA},
            **{name: values[index] for name, values in checked.items()},
            "attempt": attempt,
            "random_seed": random_seeds[index],
        }
        for index, (row, variant) in enumerate(pairs)
    }


def _check(maker: Maker, batch: _Batch, pixels: Tensor, rows: Tensor) -> dict[str, list[Any]]:
    """What the guide sees in stored variants (N, 3, H, W) uint8 of the seeds in `rows` (N,), by column."""
    seen = maker.classify(pixels.float() / 255)
    if seen is None or batch.seen is None:
        return dict.fromkeys(("prediction", "label_probability", "seed_similarity"), [None] * len(pixels))
    return {
        "prediction": seen.predictions.tolist(),
        "label_probability": seen.probability(batch.labels[rows]).tolist(),
        "seed_similarity": (seen.features * batch.seen.features[rows]).sum(1).tolist(),
    }
