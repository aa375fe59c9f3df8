"""Sets of images compared in CLIP's feature space: pure functions of unit-norm features."""

import warnings

import torch
from torch import Tensor, nn

from guided_imagination.randomness import seeded

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
