"""What fine-tuning needs to know of a generator."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

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
