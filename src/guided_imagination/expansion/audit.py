"""What an expansion is worth, measured on its images by one CLIP: a row per expansion, and one for the seeds.

The CLIP that audits may be the one that guided. It then flatters guided rows, which were made to please it
and rid of what it refuses: such a table compares guided rows with each other; give another CLIP (parameter
`audit.guide`) to compare them with unguided ones and baselines.
"""

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from torch import Tensor, nn

from guided_imagination.data.dataset import to_tensors
from guided_imagination.expansion.rejection import REASONS
from guided_imagination.imagination.criteria import entropy
from guided_imagination.models.zero_shot import ZeroShot
from guided_imagination.utils.files import replacing
from guided_imagination.utils.markdown import escaped
from guided_imagination.utils.randomness import seeded

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


Classify = Callable[[Tensor], ZeroShot]  # of images (N, 3, H, W) in [0, 1]


@dataclass(frozen=True)
class View:
    """What CLIP sees in N images: unit-norm features (N, D), entropy of the classes (N,) in nats, and whether its
    prediction is the label (N,); `ids` are those of each image's seed.
    """

    features: Tensor
    entropy: Tensor
    agrees: Tensor
    ids: Sequence[str]


@dataclass(frozen=True)
class Reference:
    """What all rows of a dataset are compared with, looked at once: the seeds, and features (V, D) of real images."""

    seeds: View
    real: Tensor

    def save(self, path: Path, key: str) -> None:
        """Plain arrays, and the key of what they are of."""
        own = self.seeds
        arrays = {"features": own.features, "entropy": own.entropy, "agrees": own.agrees, "real": self.real}
        named: dict[str, Any] = {name: values.numpy() for name, values in arrays.items()}
        with replacing(path) as file:
            np.savez(file, **named, ids=np.array(own.ids), key=np.array(key))

    @classmethod
    def load(cls, path: Path, key: str) -> "Reference | None":
        """What was saved under this key; None if nothing was."""
        if not path.exists():
            return None
        with np.load(path) as arrays:
            if str(arrays["key"]) != key:
                return None
            tensors = {name: torch.from_numpy(arrays[name]) for name in ("features", "entropy", "agrees", "real")}
            real = tensors.pop("real")
            return cls(View(**tensors, ids=arrays["ids"].tolist()), real)


class Images(Protocol):
    """New images of seeds, whatever keeps them: as many as `manifest` counts under totals.kept."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """With `totals`; what was drawn, and how fast, where that is known."""

    def stream(self, seeds: Collection[str]) -> Iterator[Mapping[str, Any]]:
        """Rows of image, label and seed_id of these seeds."""


def view(rows: Iterable[Mapping[str, Any]], classify: Classify, resolution: int, key: str, block: int) -> View:
    """Look at a stream of rows (image, label, and the seed's id in `key`), `block` images in memory at once."""
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    ids: list[str] = []
    for some in _blocks(rows, block):
        pixels, labels = to_tensors(some, resolution)
        seen = classify(pixels.float() / 255)
        parts.append((seen.features, entropy(seen.log_probs), seen.predictions == labels))
        ids += [row[key] for row in some]
    features, uncertain, agrees = (torch.cat(columns) for columns in zip(*parts, strict=True))
    return View(features, uncertain, agrees, ids)


def _blocks(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    stream = iter(rows)
    while some := list(islice(stream, size)):
        yield some


def reference(
    seeds: Dataset, validation: Dataset, classify: Classify, resolution: int, block: int, most: int
) -> Reference:
    """All seeds, and at most `most` validation images from all over them; `block` images are in memory at once."""
    step = -(-len(validation) // most) or 1
    own = view(seeds, classify, resolution, "id", block)
    if not len(validation):
        return Reference(own, own.features[:0])
    spread = validation.select(range(0, len(validation), step))
    return Reference(own, view(spread, classify, resolution, "id", block).features)


def audit(
    known: Reference,
    expanded: Images | None,
    classify: Classify,
    resolution: int,
    near_duplicate: float,
    block: int,
    most: int,
) -> dict[str, Any]:
    """A row without its method: of an expansion, or (None) of the seeds themselves.

    Of an expansion of more than `most` images, every n-th seed image is audited with all of its variants, so that time
    and memory stay in bounds. FID and KID are missing where fewer than two validation images are.
    """
    if expanded is None:
        return statistics(known.seeds, known, near_duplicate)
    manifest = expanded.manifest
    kept = manifest["totals"]["kept"]
    if not kept:
        return {"images": 0, **costs(manifest)}
    shown = set(known.seeds.ids[:: -(-kept // most)])
    rows = expanded.stream(shown)
    first = next(rows, None)
    if first is None:  # all of these seeds' variants were refused
        return {"images": kept, **costs(manifest)}
    made = view(chain([first], rows), classify, resolution, "seed_id", block)
    return {**statistics(made, known, near_duplicate), "images": kept, **costs(manifest)}


def statistics(images: View, known: Reference, near_duplicate: float) -> dict[str, Any]:
    """What can be seen in the images: the columns of COLUMNS from `images` to `kid`.

    For the seeds themselves (`images is known.seeds`) the nearest seed is another one.
    """
    seeds, real = known.seeds, known.real
    owner = _positions(images.ids, seeds.ids)
    nearest = nearest_seed(images.features, seeds.features, owner if images is seeds else None)
    fid, kid = (None, None) if len(real) < 2 or len(owner) < 2 else distances(real, images.features)
    return {
        "images": len(owner),
        "label_agreement": _mean(images.agrees),
        "entropy_gain": _mean(images.entropy - seeds.entropy[owner]),
        "diversity": diversity(images.features, owner),
        "seed_similarity": _mean(nearest),
        "near_duplicates": _mean(nearest > near_duplicate),
        "fid": fid,
        "kid": kid,
    }


def costs(manifest: Mapping[str, Any]) -> dict[str, float]:
    """What an expansion's manifest adds: the share of drawn variants that were refused, and the speed.

    Nothing where only the images are known.
    """
    totals = manifest["totals"]
    if "drawn" not in totals:
        return {}
    refused = sum(totals.get(why, 0) for why in REASONS)
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
    shown = pd.DataFrame({name: [escaped(format_cell(name, value)) for value in audited[name]] for name in audited})
    shown.columns = [name.replace("_", " ") for name in shown]
    return shown.to_markdown(
        index=False, disable_numparse=True, colalign=["left", *["right"] * (len(shown.columns) - 1)]
    )


def format_cell(name: str, value: Any) -> str:
    """A value of column `name` as text; a missing one is blank."""
    return "" if pd.isna(value) else FORMATS.get(name, "{:.3f}").format(value)


KID_SUBSET_SIZE = 1000  # at most, as in torchmetrics
BLOCK = 1024  # rows of a similarity matrix at once


class _Given(nn.Identity):
    """In place of the network that the metrics take: these features have been through theirs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width


def diversity(features: Tensor, owner: Tensor) -> float | None:
    """Mean over seeds of the mean distance 1 - cosine, in [0, 2], between two variants of the seed.

    features: (N, D) unit-norm; owner: (N,) the seed of each. Seeds with one variant do not count; None
    if all are such.
    """
    features = features.double()
    count = torch.bincount(owner).double()
    sums = features.new_zeros(len(count), features.shape[1]).index_add(0, owner, features)
    # |sum f|^2 is n and twice the cosines of all pairs
    several = count > 1
    pairs = (count * (count - 1))[several]
    cosine = (sums.square().sum(1) - count)[several] / pairs
    return (1 - cosine).mean().item() if len(pairs) else None


def nearest_seed(features: Tensor, seeds: Tensor, own: Tensor | None = None) -> Tensor:
    """The greatest cosine (N,) of unit-norm features (N, D) with those of any seed (S, D).

    `own` (N,) is a seed that does not count for an image: itself.
    """
    nearest = []
    for start in range(0, len(features), BLOCK):
        cosine = features[start : start + BLOCK] @ seeds.T
        if own is not None:
            cosine.scatter_(1, own[start : start + BLOCK, None], -1)
        nearest.append(cosine.amax(1))
    return torch.cat(nearest)


def distances(real: Tensor, made: Tensor) -> tuple[float, float]:
    """FID and KID between unit-norm features (N, D) and (M, D), with the kernel (1 + cosine)^3.

    FID (Heusel et al. 2017) has a bias that falls with the number of images, so rows with other numbers
    of images compare by KID (Binkowski et al. 2018), which has none and can be negative.
    """
    # imported here because torchmetrics takes seconds to import
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    network = _Given(real.shape[1])
    size = min(KID_SUBSET_SIZE, len(real), len(made))
    with warnings.catch_warnings(), seeded("kid"):
        warnings.simplefilter("ignore", UserWarning)  # that features take memory
        fid = FrechetInceptionDistance(network)
        kid = KernelInceptionDistance(network, subset_size=size, gamma=1.0)
        for metric in (fid, kid):
            metric.update(real.double(), real=True)
            metric.update(made.double(), real=False)
        return fid.compute().item(), kid.compute()[0].item()
