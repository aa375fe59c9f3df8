"""What an expansion is worth, measured on its images by one CLIP: a row per expansion, and one for the seeds.

The CLIP that audits may be the one that guided. It then flatters guided rows, which were made to please it
and rid of what it refuses: such a table compares guided rows with each other; give another CLIP (parameter
`audit.guide`) to compare them with unguided ones and baselines.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd
import torch
from datasets import Dataset
from torch import Tensor

from guided_imagination.data import to_tensors
from guided_imagination.guidance import entropy
from guided_imagination.measures import distances, diversity, nearest_seed
from guided_imagination.store import Expansion
from guided_imagination.zero_shot import Classifier, ZeroShot

COLUMNS = (
    "method",
    "images",
    "label_agreement",
    "entropy_gain",
    "diversity",
    "seed_similarity",
    "near_duplicates",
    "fid",
    "kid",
    "rejected",
    "images_per_second",
)

FORMATS = {  # of a cell; others have three decimals
    "method": "{}",
    "accuracy": "{:.1f}",
    "gain": "{:+.1f}",
    "images": "{:.0f}",
    "label_agreement": "{:.1%}",
    "entropy_gain": "{:+.3f}",
    "near_duplicates": "{:.1%}",
    "rejected": "{:.1%}",
    "images_per_second": "{:.1f}",
}


@dataclass(frozen=True)
class View:
    """What CLIP sees in N images: `seen`, with their labels (N,) and `ids`, those of each image's seed."""

    seen: ZeroShot
    labels: Tensor
    ids: list[str]


def view(rows: Iterable[Mapping[str, Any]], classify: Classifier, resolution: int, key: str, block: int) -> View:
    """Look at a stream of rows (image, label, and the seed's id in `key`), `block` images in memory at once."""
    parts, labels, ids = [], [], []
    for some in _blocks(rows, block):
        pixels, truth = to_tensors(some, resolution)
        parts.append(classify(pixels.float() / 255))
        labels.append(truth)
        ids += [row[key] for row in some]
    return View(ZeroShot.join(parts), torch.cat(labels), ids)


def _blocks(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    stream = iter(rows)
    while some := list(islice(stream, size)):
        yield some


def audit(
    seeds: Dataset,
    validation: Dataset,
    expanded: Expansion | None,
    classify: Classifier,
    resolution: int,
    near_duplicate: float,
    block: int = 256,
) -> dict[str, Any]:
    """A row without its method: of an expansion, or (None) of the seeds themselves.

    `block` images are in memory at once. FID and KID are missing where fewer than two validation images are.
    """
    own = view(seeds, classify, resolution, "id", block)
    real = view(validation, classify, resolution, "id", block).seen.features if len(validation) > 1 else None
    if expanded is None:
        return measure(own, own, real, near_duplicate)
    manifest = expanded.manifest
    if not manifest["totals"]["kept"]:
        return {"images": 0, **costs(manifest)}
    made = view(expanded.stream(), classify, resolution, "seed_id", block)
    return {**measure(made, own, real, near_duplicate), **costs(manifest)}


def measure(images: View, seeds: View, real: Tensor | None, near_duplicate: float) -> dict[str, Any]:
    """What can be seen in the images: the columns of COLUMNS from `images` to `kid`.

    `real` (V, D) are features of validation images. For the seeds themselves (`images is seeds`) the
    nearest seed is another one.
    """
    owner = _positions(images.ids, seeds.ids)
    nearest = nearest_seed(images.seen.features, seeds.seen.features, owner if images is seeds else None)
    gain = entropy(images.seen.log_probs) - entropy(seeds.seen.log_probs)[owner]
    fid, kid = (None, None) if real is None or len(owner) < 2 else distances(real, images.seen.features)
    return {
        "images": len(owner),
        "label_agreement": _mean(images.seen.predictions == images.labels),
        "entropy_gain": _mean(gain),
        "diversity": diversity(images.seen.features, owner),
        "seed_similarity": _mean(nearest),
        "near_duplicates": _mean(nearest > near_duplicate),
        "fid": fid,
        "kid": kid,
    }


def costs(manifest: Mapping[str, Any]) -> dict[str, float]:
    """What an expansion's manifest adds: the share of drawn variants that were refused, and the speed."""
    totals = manifest["totals"]
    refused = totals.get("lost_class", 0) + totals.get("near_copy", 0)
    return {"rejected": refused / totals["drawn"], "images_per_second": manifest["images_per_second"]}


def _positions(ids: Sequence[str], known: Sequence[str]) -> Tensor:
    position = {name: index for index, name in enumerate(known)}
    return torch.tensor([position[name] for name in ids])


def _mean(values: Tensor) -> float:
    return values.double().mean().item()


def table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows of one dataset, with the columns of COLUMNS; what does not apply is missing."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS))


def markdown(audited: pd.DataFrame) -> str:
    """A table for people: shares in percent, blanks for what is missing."""
    shown = pd.DataFrame({name: [format_cell(name, value) for value in audited[name]] for name in audited})
    shown.columns = [name.replace("_", " ") for name in shown]
    return shown.to_markdown(
        index=False, disable_numparse=True, colalign=["left", *["right"] * (len(shown.columns) - 1)]
    )


def format_cell(name: str, value: Any) -> str:
    """A value of column `name` as text; a missing one is blank."""
    return "" if pd.isna(value) else FORMATS.get(name, "{:.3f}").format(value)
