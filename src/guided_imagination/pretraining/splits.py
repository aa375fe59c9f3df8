"""Which images of a domain no model is trained on: drawn once, then fixed in a file of the package."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from pydantic import RootModel
from torch import Tensor
from torch.nn.functional import normalize

from guided_imagination.config.pretraining import NEAR_DUPLICATES, ShareOfImages
from guided_imagination.pretraining.images import DomainImages
from guided_imagination.utils.errors import InputError

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

    Raises InputError for a class with too few images, for the share or to train on.
    """
    left = {part: list(names) for part, names in source.parts.items()}
    labels, split = source.labels, {}
    for seed, (name, share) in enumerate(shares.items()):
        ids = left[share.part]
        drawn = ids
        if share.per_class is not None:
            of_part = torch.tensor([labels[each] for each in ids])
            place = f"shares.{name}, of {share.part!r}"
            drawn = [ids[row] for row in per_class(of_part, share.per_class, seed, source.class_names, place).tolist()]
        split[name] = drawn
        left[share.part] = _without(ids, drawn)
    return _trainable(Split(split), source)


def of_classes(split: Split, source: DomainImages) -> Split:
    """`split` without what the source has not, as the images of classes that `images.exclude` leaves out.

    Raises InputError where a share would be empty.
    """
    kept = {name: [each for each in ids if each in source.labels] for name, ids in split.root.items()}
    if empty := [name for name, ids in kept.items() if split.root[name] and not ids]:
        raise InputError(f"the split's share {empty[0]!r} has none of the {len(source.labels)} images of the source")
    return _trainable(Split(kept), source)


def per_class(labels: Tensor, count: int, seed: int, class_names: Sequence[str], place: str) -> Tensor:
    """Sorted indices of a seeded draw of `count` samples of every class. Raises InputError if a class has fewer."""
    rng = torch.Generator().manual_seed(seed)
    drawn = []
    for label, name in enumerate(class_names):
        members = (labels == label).nonzero().flatten()
        if len(members) < count:
            raise InputError(f"{place}: the class {name!r} has {len(members)} images left, but {count} were requested")
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


def without_near_duplicates(
    split: Split, source: DomainImages, shares: Mapping[str, ShareOfImages], pairs: Iterable[tuple[str, str]]
) -> Split:
    """`split` without pairs of ids that stand in two shares, or in a share and in training.

    What is trained on goes, and of two shares the later one's. In its place comes the first image of its class and part
    that was trained on and is in no pair, but for a share that had all that was left. Those that go are the last share,
    NEAR_DUPLICATES. Raises InputError where none is left to stand in, or to train on.
    """
    labels = source.labels
    order = {name: number for number, names in enumerate(split.root.values()) for name in names}
    training, gone = len(split.root), set()
    pairs = list(pairs)
    for pair in pairs:
        first, second = sorted(pair, key=lambda name: order.get(name, training))
        if order.get(first, training) != order.get(second, training) and first not in gone:
            gone.add(second)
    paired = {name for pair in pairs for name in pair}
    spare = {part: _without(names, {*order, *paired}) for part, names in source.parts.items()}
    kept = {}
    for name, names in split.root.items():
        share, kept[name] = shares[name], list(names)
        if share.per_class is None:
            kept[name] = _without(names, gone)
            continue
        for place, lost in enumerate(names):
            if lost in gone:
                stands_in = next((each for each in spare[share.part] if labels[each] == labels[lost]), None)
                if stands_in is None:
                    raise InputError(f"no image of its class is left to stand in for the near-duplicate {lost!r}")
                spare[share.part].remove(stands_in)
                kept[name][place] = stands_in
    return _trainable(Split({**kept, NEAR_DUPLICATES: sorted(gone)}), source)


def _trainable(split: Split, source: DomainImages) -> Split:
    """Raises InputError where a class has no image that is not set aside."""
    labels = source.labels
    left = {labels[name] for name in training_ids(source, split)}
    for label, name in enumerate(source.class_names):
        if label not in left:
            raise InputError(f"the shares leave no image of the class {name!r} to train on: make them smaller")
    return split


def _without(ids: Iterable[str], taken: Iterable[str]) -> list[str]:
    gone = set(taken)
    return [name for name in ids if name not in gone]
