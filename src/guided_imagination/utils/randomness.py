"""Randomness that depends on names, never on order: one seed per thing that is drawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import Tensor

from guided_imagination.utils.seeding import derive_seed


def generator(*parts: object) -> torch.Generator:
    """A CPU generator seeded by `derive_seed`; draw on the CPU, then move, for equal bits on GPUs."""
    return torch.Generator().manual_seed(derive_seed(*parts))


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Seed torch's global state inside the block (for dropout and initialisation) and restore it."""
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(*parts))
        yield


def batch_indices(step: int, size: int, batch_size: int, *seed: object) -> Tensor:
    """The `batch_size` sample indices of optimiser update `step`.

    Epochs are independent permutations laid end to end, so every sample is seen equally often
    and any step can be computed without having run the ones before it.
    """
    position, stop = step * batch_size, (step + 1) * batch_size
    pieces = []
    while position < stop:
        epoch, offset = divmod(position, size)
        pieces.append(_epoch_order(size, epoch, *seed)[offset : offset + stop - position])
        position += len(pieces[-1])
    return torch.cat(pieces)


@lru_cache(maxsize=4)  # one permutation serves all batches of its epoch
def _epoch_order(size: int, epoch: int, *seed: object) -> Tensor:
    return torch.randperm(size, generator=generator(*seed, "epoch", epoch))
