"""Which images of a domain no model is trained on: drawn once, then fixed in a file of the package."""

from collections.abc import Iterable, Mapping

import torch
from pydantic import RootModel
from torch import Tensor
from torch.nn.functional import normalize

from guided_imagination.config.pretraining import ShareOfImages
from guided_imagination.pretraining.images import DomainImages
from guided_imagination.utils.errors import InputError

NEAR_DUPLICATES = "near_duplicates"
CHUNK = 1024  # images whose cosines with all others are in memory


class Split(RootModel[dict[str, list[str]]]):
    """Ids by the share that they are in, and those of near-duplicates. All other images are trained on.

    Seeds and validation images are drawn from `pool`, settings are chosen on `heldout` and `tuning`, `test` is for
    final numbers.
    """

    def ids(self, share: str) -> list[str]:
        """Raises InputError if the split has no such share."""
        if share not in self.root:
            raise InputError(f"split.json has no {share!r}; it has {', '.join(self.root)}")
        return self.root[share]

    @property
    def set_aside(self) -> set[str]:
        return {name for names in self.root.values() for name in names}


def draw(source: DomainImages, shares: Mapping[str, ShareOfImages]) -> Split:
    """Draw the shares one after the other, each with its number as the seed, from what is left of their parts.

    Raises InputError for a part that the source has not, and for a class with too few images.
    """
    left = {part: list(names) for part, names in source.parts.items()}
    labels, split = source.labels, {}
    for seed, (name, share) in enumerate(shares.items()):
        if share.part not in left:
            raise InputError(f"{name}: the source has no part {share.part!r}; it has {', '.join(left)}")
        ids = left[share.part]
        of_part = torch.tensor([labels[each] for each in ids])
        rows = torch.arange(len(ids)) if share.per_class is None else per_class(of_part, share.per_class, seed)
        drawn = [ids[row] for row in rows.tolist()]
        split[name] = drawn
        left[share.part] = _without(ids, drawn)
    return Split(split)


def per_class(labels: Tensor, count: int, seed: int) -> Tensor:
    """Sorted indices of a seeded draw of `count` samples of every class. Raises InputError if a class has fewer."""
    rng = torch.Generator().manual_seed(seed)
    drawn = []
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().flatten()
        if len(members) < count:
            raise InputError(f"class {label} has {len(members)} images left, {count} were asked for")
        drawn.append(members[torch.randperm(len(members), generator=rng)[:count]])
    return torch.cat(drawn).sort().values


def training_ids(source: DomainImages, split: Split) -> list[str]:
    """What the models may see: everything that is not set aside."""
    return _without(source.labels, split.set_aside)


def near_pairs(embeddings: Tensor, cosine: float) -> list[tuple[int, int]]:
    """Pairs of rows of `embeddings` (N, D) that are nearer than `cosine`, the smaller row first."""
    unit = normalize(embeddings, dim=1)
    pairs: list[tuple[int, int]] = []
    for rows in torch.arange(len(unit)).split(CHUNK):
        near = (unit[rows] @ unit.T > cosine) & (rows[:, None] < torch.arange(len(unit)))
        pairs += [(int(rows[first]), int(second)) for first, second in near.nonzero().tolist()]
    return pairs


def without_near_duplicates(split: Split, labels: Mapping[str, int], pairs: Iterable[tuple[str, str]]) -> Split:
    """`split` without pairs of ids that stand in two shares, or in a share and in training.

    What is trained on goes, and of two shares the later one's, in whose place comes an image of its class that was
    trained on and is in no pair. Those that go are the last share, NEAR_DUPLICATES. Raises InputError where none is
    left to stand in.
    """
    order = {name: number for number, names in enumerate(split.root.values()) for name in names}
    training, gone = len(split.root), set()
    pairs = list(pairs)
    for pair in pairs:
        first, second = sorted(pair, key=lambda name: order.get(name, training))
        if order.get(first, training) != order.get(second, training) and first not in gone:
            gone.add(second)
    paired = {name for pair in pairs for name in pair}
    spare = [name for name in labels if name not in order and name not in paired]
    kept = {}
    for share, names in split.root.items():
        kept[share] = list(names)
        for place, name in enumerate(names):
            if name in gone:
                stands_in = next((each for each in spare if labels[each] == labels[name]), None)
                if stands_in is None:
                    raise InputError(f"no image of its class is left to stand in for the near-duplicate {name!r}")
                spare.remove(stands_in)
                kept[share][place] = stands_in
    return Split({**kept, NEAR_DUPLICATES: sorted(gone)})


def _without(ids: Iterable[str], taken: Iterable[str]) -> list[str]:
    gone = set(taken)
    return [name for name in ids if name not in gone]
