"""One record per new image: its columns, what the guide measures, and what has to hold of it."""

import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datasets import ClassLabel, Features, Image, Value
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from guided_imagination.config.guidance import CRITERION_RANGES, MOVE_RANGES
from guided_imagination.expansion import store
from guided_imagination.utils.seeding import derive_seed

if TYPE_CHECKING:  # who only reads records need not wait for torch
    from torch import Tensor

    from guided_imagination.models.zero_shot import ZeroShot

Row = Mapping[str, Any]
SEEDS = b"seeds"  # in the schema of a shard
SLACK = 1e-4  # of float32 and of networks in 16 bits


@dataclass(frozen=True)
class Seen:
    """What the guide sees in N stored variants, in the seed of each, and their labels (N,)."""

    variants: "ZeroShot"
    seeds: "ZeroShot"
    labels: "Tensor"


# What is measured of every stored variant, by column; null where no guide looks.
MEASUREMENTS: dict[str, Callable[[Seen], "Tensor"]] = {
    "prediction": lambda seen: seen.variants.predictions,
    "label_probability": lambda seen: seen.variants.probability(seen.labels),
    "seed_similarity": lambda seen: (seen.variants.features * seen.seeds.features).sum(1),  # CLIP cosine, in [-1, 1]
}


def record_features(names: Sequence[str]) -> Features:
    """The columns of an expansion, one row per new image.

    The criteria are those of the latent that was decoded, and so is how far it went from its seed's (MOVE_RANGES);
    MEASUREMENTS are what the guide sees in the stored pixels. All of them are null for augmentations.
    """
    classes = ClassLabel(names=list(names))
    return Features(
        {
            "image": Image(),
            "label": classes,
            "seed_id": Value("string"),
            "variant": Value("int32"),
            "method": Value("string"),
            **{str(name): Value("float32") for name in [*CRITERION_RANGES, *MOVE_RANGES]},
            **{name: classes if name == "prediction" else Value("float32") for name in MEASUREMENTS},
            "attempt": Value("int32"),
            "random_seed": Value("int64"),
        }
    )


def to_table(rows: Sequence[Row], names: Sequence[str], seeds: Mapping[str, int]) -> pa.Table:
    """The records of a shard; `seeds` are the labels of all its seeds by id.

    They go along, so that a seed without any variant can be told from a lost one.
    """
    features = record_features(names)
    table = pa.table({name: [row[name] for row in rows] for name in features}, schema=features.arrow_schema)
    pairs = json.dumps(list(seeds.items())).encode()
    return table.replace_schema_metadata({**table.schema.metadata, SEEDS: pairs})


def seeds_of(table: pa.Table) -> dict[str, int]:
    """The label of each seed of a shard, by id. Raises ValueError if they are not in it."""
    pairs: list[tuple[str, int]] = json.loads((table.schema.metadata or {}).get(SEEDS, b""))
    return dict(pairs)


def faults(table: pa.Table, fingerprint: Mapping[str, Any], dropped: int, seen: set[str]) -> Iterator[str]:
    """What does not hold of the records of a shard: a sentence for each kind of fault.

    fingerprint: of the expansion; dropped: how many variants were; seen: the seeds of the shards before, to which
    its own are added. Raises ValueError for a table that is no shard.
    """
    seeds = seeds_of(table)
    names = Features.from_arrow_schema(table.schema)["label"].names
    if table.schema.remove_metadata() != record_features(names).arrow_schema.remove_metadata():
        yield f"has other columns than {', '.join(record_features(names))}: delete it and run its pipeline again"
        return
    if again := sorted(seen & seeds.keys()):
        yield f"{len(again)} seeds are in an earlier shard too, first {again[0]!r}"
    seen.update(seeds)
    rows = table.to_pylist()
    for problem, holds in _rules(len(names), seeds, fingerprint).items():
        bad = [row for row in rows if not holds(row)]
        if bad:
            yield f"{len(bad)} of {len(rows)} images {problem}, first variant {_name(bad[0])}"
    pairs = Counter((row["seed_id"], row["variant"]) for row in rows)
    twice = [pair for pair, count in pairs.items() if count > 1]
    if twice:
        yield f"{len(twice)} images are there more than once, first variant {twice[0][1]} of seed {twice[0][0]!r}"
    missing = [
        pair for seed in seeds for variant in range(fingerprint["ratio"]) if (pair := (seed, variant)) not in pairs
    ]
    if len(missing) != dropped:
        first = f", first variant {missing[0][1]} of seed {missing[0][0]!r}" if missing else ""
        yield f"{len(missing)} images are missing, but {dropped} were dropped{first}"


def verify(folder: Path) -> list[str]:
    """What is wrong with the expansion in `folder`, one sentence each; nothing if it can be trusted."""
    return store.verify(folder, faults)


def _rules(classes: int, seeds: Mapping[str, int], fingerprint: Mapping[str, Any]) -> dict[str, Callable[[Row], bool]]:
    """What has to hold of each row, by the words for a row of which it does not."""
    side, ratio, method = (fingerprint[name] for name in ("resolution", "ratio", "method"))
    ranges = {str(name): ends(classes) for name, ends in CRITERION_RANGES.items()} | MOVE_RANGES
    allowed = ", ".join(f"{name} {_span(*ends)}" for name, ends in ranges.items())

    def plausible(row: Row) -> bool:
        given = [row[name] is not None for name in ranges]
        within = (low - SLACK <= row[name] <= high + SLACK for name, (low, high) in ranges.items())
        return all(within) if all(given) else not any(given)  # a classical augmentation has none

    def random_seed(row: Row) -> int:
        return derive_seed(fingerprint["seed"], row["seed_id"], row["variant"], row["attempt"])

    return {
        f"cannot be decoded to {side}x{side} pixels": lambda row: _size(row) == (side, side),
        "are of a seed that does not belong here": lambda row: row["seed_id"] in seeds,
        f"have a label outside [0, {classes})": lambda row: 0 <= row["label"] < classes,
        "have another label than their seed": lambda row: row["label"] == seeds.get(row["seed_id"], row["label"]),
        f"have a prediction outside [0, {classes})": lambda row: 0 <= (row["prediction"] or 0) < classes,
        f"have a variant outside [0, {ratio})": lambda row: 0 <= row["variant"] < ratio,
        f"are of another method than {method!r}": lambda row: row["method"] == method,
        f"have criteria or moves out of range ({allowed})": plausible,
        "have a random seed that their name and attempt do not give": lambda row: (
            row["random_seed"] == random_seed(row)
        ),
    }


def _span(low: float, high: float) -> str:
    if low == -high:
        return f"within ±{high:.2f}"
    return f">= {low:g}" if high == math.inf else f"in [{low:g}, {high:g}]"


def _size(row: Row) -> tuple[int, int] | None:
    try:
        with PillowImage.open(io.BytesIO(row["image"]["bytes"])) as image:
            image.load()
            return image.size
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, TypeError):
        return None


def _name(row: Row) -> str:
    return f"{row['variant']} of seed {row['seed_id']!r}"
