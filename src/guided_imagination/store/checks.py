"""What has to hold of the rows of a shard."""

import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from PIL import Image, UnidentifiedImageError

from guided_imagination.seeding import derive_seed

Row = Mapping[str, Any]
SLACK = 1e-4  # of float32 and of networks in 16 bits


def faults(
    rows: list[dict[str, Any]], classes: int, seeds: Mapping[str, int], fingerprint: Mapping[str, Any], dropped: int
) -> Iterator[str]:
    """One sentence per kind of fault: how many images have it and which is the first.

    rows: of one shard; seeds: label by id of all seeds of the shard; dropped: how many variants were.
    """
    for problem, holds in _rules(classes, seeds, fingerprint).items():
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


def _rules(classes: int, seeds: Mapping[str, int], fingerprint: Mapping[str, Any]) -> dict[str, Callable[[Row], bool]]:
    """What has to hold of each row, by the words for a row of which it does not."""
    side, ratio, method = (fingerprint[name] for name in ("resolution", "ratio", "method"))
    gain = math.log(classes)
    ranges = {"consistency": (0, 1), "entropy": (-gain, gain), "diversity": (0, math.inf)}

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
        f"have criteria out of range (consistency in [0, 1], entropy within ±{gain:.2f}, diversity >= 0)": plausible,
        "have a random seed that their name and attempt do not give": lambda row: (
            row["random_seed"] == random_seed(row)
        ),
    }


def _size(row: Row) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
            image.load()
            return image.size
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, TypeError):
        return None


def _name(row: Row) -> str:
    return f"{row['variant']} of seed {row['seed_id']!r}"
