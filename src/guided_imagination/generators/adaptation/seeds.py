"""The seeds as training images, decoded when they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from datasets import Dataset
from torch import Tensor

from guided_imagination.data.dataset import to_tensors
from guided_imagination.data.images import resize


@dataclass(frozen=True)
class Seeds:
    """`dataset` as expansions read it: squares of `resolution` pixels, given out on `device`.

    `words` are what CLIP and Stable Diffusion are told for its classes.
    """

    dataset: Dataset
    words: Sequence[str]
    resolution: int
    device: torch.device

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def labels(self) -> Tensor:
        """Class indices (N,), on the CPU."""
        return torch.tensor(self.dataset["label"][:])

    def images(self, rows: Tensor, side: int | None = None) -> Tensor:
        """Images (B, 3, side, side) in [0, 1] of the seeds at `rows` (B,)."""
        pixels, _ = to_tensors(self.dataset.select(rows.tolist()), self.resolution)
        return resize(pixels.to(self.device) / 255, side or self.resolution)
