"""From seeds to labelled variants: shard by shard, redrawn until none of the checks refuses a variant."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from torch import Tensor

from guided_imagination.config.guidance import MOVE_RANGES
from guided_imagination.data.dataset import class_names, forget, to_tensors
from guided_imagination.data.images import encode, resize
from guided_imagination.expansion import store
from guided_imagination.expansion.augmenters import Augmenter
from guided_imagination.expansion.plan import Plan
from guided_imagination.expansion.preparation import Prepared, prepare
from guided_imagination.expansion.records import MEASUREMENTS, Seen, to_table
from guided_imagination.expansion.rejection import REASONS, rank, reason
from guided_imagination.generators.base import SeedBatch, Siblings
from guided_imagination.imagination.criteria import CRITERIA
from guided_imagination.models.zero_shot import ZeroShot
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.seeding import derive_seed
from guided_imagination.utils.workers import start

logger = logging.getLogger(__name__)
PRELOAD = (__name__, "guided_imagination.generators.loading")  # what all workers import


def expand(folder: Path, plan: Plan) -> dict[str, Any]:
    """Make the shards of `plan` that are missing in `folder`, then the manifest, and return it.

    Raises InputError if `folder` holds another expansion (unless `plan.overwrite`) or another process writes there,
    and when the disk is full: what was finished is kept.
    """

    def tables(place: Path, missing: Sequence[int]) -> Iterator[store.Made]:
        if not missing:
            return
        work = partial(_work, place, plan)
        shown = f"expanding {plan.method}", "shards"
        for _, made in start(work, [None, *missing], plan.compute, preload=PRELOAD, lead=True, shown=shown):
            if made is not None:
                yield made

    manifest, made = store.write(
        folder,
        plan.fingerprint,
        plan.shards,
        tables,
        overwrite=plan.overwrite,
        averaged=[*CRITERIA, *MOVE_RANGES],
    )
    if made:
        _report(plan.method, manifest)
    return manifest


def _work(place: Path, plan: Plan) -> Callable[[int | None], store.Made | None]:
    """Makes a shard by its number; None stands for what has to be there before the first."""
    augmenter = plan.load_augmenter()
    prepared: list[Prepared] = []

    def make(shard: int | None) -> store.Made | None:
        if shard is None:
            prepare(place, plan, augmenter)
            return None
        if not prepared:
            prepared.append(Prepared.read(place, plan, augmenter))
        clock = Clock()
        table, counts = expand_shard(plan, prepared[0], shard, clock)
        forget(plan.seeds)
        return store.Made(shard, table, counts, clock)

    return make


def _report(method: str, made: dict[str, Any]) -> None:
    images, sessions = sum(shard["rows"] for shard in made["shards"]), len(made["sessions"])
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in made["seconds"].items())
    speed = f"{made['images_per_second']} images/s in {sessions} session{'s' * (sessions > 1)}"
    logger.info("%s: %d new images, %s | %s", method, images, speed, seconds)
    scale, cosine = (made["means"].get(name) for name in MOVE_RANGES)
    if cosine is not None:
        logger.info(
            "%s: latents have a root mean square of %.3g and a cosine of %.3f with those of their seed images",
            method,
            scale,
            cosine,
        )
    logger.info("%s: %s", method, ", ".join(f"{count} {name}" for name, count in made["totals"].items()))


def expand_shard(plan: Plan, prepared: Prepared, shard: int, clock: Clock) -> tuple[pa.Table, Counter[str]]:
    """The table of a shard, rows in the order of seeds and variants, and counts of what was drawn."""
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    labels: dict[str, int] = {}
    for first, seeds in plan.shard_seeds(shard):
        labels |= zip(seeds["id"], seeds["label"], strict=True)
        own = slice(first, first + len(seeds))
        rows += _expand_batch(plan, prepared.augmenter, _batch(plan, prepared, seeds, own), counts, clock)
    return to_table(rows, class_names(plan.seeds), labels), counts


@dataclass(frozen=True)
class _Batch:
    """Seeds as the augmenter takes them, (S, 3, H, W) in [0, 1], and what it sees in them at the kept resolution.

    `embeds` (S, D) are the guide's embeddings; `targets` (S, R, D) are the features that their variants are made of,
    spare ones last, where they were planned.
    """

    images: Tensor
    labels: Tensor
    ids: Sequence[str]
    embeds: Tensor | None
    seen: ZeroShot | None
    targets: Tensor | None


def _batch(plan: Plan, prepared: Prepared, seeds: Dataset, own: slice) -> _Batch:
    """Seeds, which are those of the rows `own`, as tensors."""
    pixels, labels = to_tensors(seeds, plan.seed_resolution)
    embeds, targets = (
        None if array is None else torch.from_numpy(array[own].astype(np.float32))
        for array in (prepared.embeddings, prepared.targets)
    )
    seen = None if embeds is None else prepared.augmenter.recognise(embeds)
    return _Batch(pixels.float() / 255, labels, seeds["id"], embeds, seen, targets)


def _expand_batch(
    plan: Plan, augmenter: Augmenter, batch: _Batch, counts: Counter[str], clock: Clock
) -> list[dict[str, Any]]:
    """The records of a batch of seeds; refused variants are drawn again."""
    pending = [(row, variant) for row in range(len(batch.labels)) for variant in range(plan.ratio)]
    spare = None if batch.targets is None else _Spare(len(batch.labels), plan.ratio, batch.targets.shape[1])
    kept: dict[tuple[int, int], dict[str, Any]] = {}
    refused: dict[tuple[int, int], dict[str, Any]] = {}
    siblings: Siblings | None = None
    counts.update(dict.fromkeys(("drawn", *REASONS, "kept", "dropped"), 0))
    for attempt in range(plan.redraws + 1):
        if attempt and spare is not None:
            pending = spare.take(pending)
        if not pending:
            break
        drawn, features = _draw(
            plan, augmenter, batch, pending, spare.rank if spare else None, attempt, siblings, clock
        )
        counts["drawn"] += len(drawn)
        tried, pending = pending, []
        for pair, record in drawn.items():
            why = reason(record, plan.reject)
            if why is None:
                kept[pair] = record
                continue
            counts[why] += 1
            pending.append(pair)
            refused[pair] = max(refused.get(pair, record), record, key=lambda one: rank(one, plan.reject))
        if features is not None:
            accepted = [index for index, pair in enumerate(tried) if pair in kept]
            siblings = _with(siblings, features[accepted], [tried[index][0] for index in accepted], len(batch.labels))
    if plan.rejected == "keep":
        kept |= {pair: record for pair, record in refused.items() if pair not in kept}
    counts["kept"] += len(kept)
    counts["dropped"] += len(batch.labels) * plan.ratio - len(kept)
    with clock("write"):
        return [{**kept[pair], "image": _file(kept[pair]["image"], plan)} for pair in sorted(kept)]


class _Spare:
    """Which planned feature each (seed row, variant) is made of: its own, then the next that its seed has left."""

    def __init__(self, seeds: int, ratio: int, features: int) -> None:
        self.rank = {(row, variant): variant for row in range(seeds) for variant in range(ratio)}
        self._next, self._features = [ratio] * seeds, features

    def take(self, refused: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Those of the refused for which there is another feature."""
        again = []
        for row, variant in refused:
            if self._next[row] < self._features:
                self.rank[row, variant] = self._next[row]
                self._next[row] += 1
                again.append((row, variant))
        return again


def _file(pixels: Tensor, plan: Plan) -> dict[str, Any]:
    return {"bytes": encode(pixels, plan.image_format, plan.quality, plan.digital_source), "path": None}


def _stored(images: Tensor, side: int) -> Tensor:
    """Images in [0, 1] as they are kept: (N, 3, side, side) uint8 on the CPU."""
    return resize(images.float(), side).mul(255).round().byte().cpu()


def _with(siblings: Siblings | None, features: Tensor, owner: list[int], seeds: int) -> Siblings:
    """`siblings` of so many seeds and further ones, with features (N, D)."""
    rows = torch.tensor(owner, dtype=torch.long)
    count = torch.bincount(rows, minlength=seeds)
    total = torch.zeros(seeds, features.shape[1]).index_add(0, rows, features.float().cpu())
    return Siblings(count, total) if siblings is None else Siblings(siblings.count + count, siblings.sum + total)


def _draw(
    plan: Plan,
    augmenter: Augmenter,
    batch: _Batch,
    pairs: list[tuple[int, int]],
    target: Mapping[tuple[int, int], int] | None,
    attempt: int,
    siblings: Siblings | None,
    clock: Clock,
) -> tuple[dict[tuple[int, int], dict[str, Any]], Tensor | None]:
    """One attempt at each (seed row, variant) of `pairs`: its record, with the image as a uint8 tensor; features."""
    rows = sorted({row for row, _ in pairs})
    owner = torch.tensor([rows.index(row) for row, _ in pairs])
    random_seeds = [derive_seed(plan.seed, batch.ids[row], variant, attempt) for row, variant in pairs]
    rngs = [torch.Generator().manual_seed(seed) for seed in random_seeds]
    kept = siblings and Siblings(siblings.count[rows], siblings.sum[rows])
    features = None
    if batch.targets is not None and target is not None:
        features = torch.stack([batch.targets[row, target[row, variant]] for row, variant in pairs])
    embeds = None if batch.embeds is None else batch.embeds[rows]
    seeds = SeedBatch(batch.images[rows], batch.labels[rows], owner, rngs, kept, features, embeds)
    made = augmenter.make(seeds, clock)
    pixels = _stored(made.images, plan.resolution)
    with clock("check"):
        checked = _check(augmenter, batch, pixels, torch.tensor([row for row, _ in pairs]))
    records = {
        (row, variant): {
            "image": pixels[index],
            "label": int(batch.labels[row]),
            "seed_id": batch.ids[row],
            "variant": variant,
            "method": plan.method,
            **{name: float(made.criteria[name][index]) if made.criteria else None for name in CRITERIA},
            **{name: float(made.moves[name][index]) if made.moves else None for name in MOVE_RANGES},
            **{name: values[index] for name, values in checked.items()},
            "attempt": attempt,
            "random_seed": random_seeds[index],
        }
        for index, (row, variant) in enumerate(pairs)
    }
    return records, made.features


def _check(augmenter: Augmenter, batch: _Batch, pixels: Tensor, rows: Tensor) -> dict[str, list[Any]]:
    """What the guide sees in stored variants (N, 3, H, W) uint8 of the seeds in `rows` (N,), by column."""
    variants = augmenter.classify(pixels.float() / 255)
    if variants is None or batch.seen is None:
        return {name: [None] * len(pixels) for name in MEASUREMENTS}
    seeds = ZeroShot(batch.seen.features[rows], batch.seen.log_probs[rows])
    seen = Seen(variants, seeds, batch.labels[rows])
    return {name: measure(seen).tolist() for name, measure in MEASUREMENTS.items()}
