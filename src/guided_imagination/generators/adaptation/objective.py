"""What fine-tuning needs: a task of a generator, and the seeds as training images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from torch import Tensor, nn

from guided_imagination.data.dataset import to_tensors
from guided_imagination.data.images import resize
from guided_imagination.utils.fit import Stateful


@dataclass(frozen=True)
class Task:
    """The trainable parameters are those of `model` that require gradients, and nothing else is saved.

    loss: mean loss of the seeds at rows (B,); its randomness comes from torch's global state.
    state: what a checkpoint keeps of the model.
    save: writes the result into a folder, as safetensors and JSON only.
    """

    model: nn.Module
    loss: Callable[[Tensor], Tensor]
    state: Stateful
    save: Callable[[Path], None]
    weight_decay: float


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
