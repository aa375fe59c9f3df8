"""Where networks run and in which precision, and how many rows at once the memory takes."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from guided_imagination.config.models import ComputeConfig
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.workers import call

T = TypeVar("T")
logger = logging.getLogger(__name__)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Placement:
    """A device and the precision of what runs there. Below 32 bits, networks run under autocast."""

    device: torch.device
    dtype: torch.dtype
    offload: str = "none"

    def autocast(self) -> AbstractContextManager[object]:
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    @property
    def precision(self) -> str:
        """The name of `dtype`, such as bfloat16."""
        return str(self.dtype).removeprefix("torch.")


CPU = Placement(torch.device("cpu"), torch.float32)


def for_training(placement: Placement) -> Placement:
    """The same device; 32 bits instead of float16, whose gradients would need loss scaling."""
    return replace(placement, dtype=torch.float32) if placement.dtype == torch.float16 else placement


def place(config: ComputeConfig) -> Placement:
    """The placement that `config` asks for, in this process. Raises InputError for a device that this machine lacks."""
    if config.deterministic:
        make_deterministic()
    return _placement(config)


def _placement(config: ComputeConfig) -> Placement:
    device = torch.device(_best() if config.device == "auto" else config.device)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        there = torch.cuda.device_count()
        raise InputError(f"= {config.device!r}: this machine has {there} CUDA devices", parameter="compute.device")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InputError("= 'mps': this machine has no Apple GPU", parameter="compute.device")
    if config.offload != "none" and device.type == "cpu":
        problem = f"= {config.offload!r}: there is no GPU to offload from; allowed: none"
        raise InputError(problem, parameter="compute.offload")
    dtype = _half(device) if config.precision == "auto" else DTYPES[config.precision]
    return Placement(device, dtype, config.offload)


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _half(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.float32
    bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if bfloat16 else torch.float16


def precision(config: ComputeConfig) -> str:
    """The name of the type that networks run in, where workers are."""
    if config.workers.engine == "local":
        return _placement(config).precision
    return call(lambda: _placement(config).precision, config)


def training_precision(config: ComputeConfig) -> str:
    """The same for training, which does not run in float16."""
    return "float32" if precision(config) == "float16" else precision(config)


def make_deterministic() -> None:
    """Let equal inputs give equal bits on one kind of machine: one thread, deterministic kernels, no benchmarks.

    Raises RuntimeError later, where a network has an operation without a deterministic kernel.
    """
    torch.set_num_threads(1)  # sums over another number of threads round otherwise
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


class Batches:
    """How many images are in the networks at once: halved when the memory runs out, and remembered.

    Another size rounds otherwise. With `fixed`, running out of memory is an InputError instead.
    """

    def __init__(self, size: int, fixed: bool = False) -> None:
        self.size = size
        self.fixed = fixed

    def run(self, function: Callable[[int], T], rngs: Sequence[torch.Generator] = ()) -> T:
        """`function(size)`, tried again with half the size if the memory runs out.

        `rngs`, the random generators that `function` draws from, are set back before it is tried again.
        """
        states = [rng.get_state() for rng in rngs]
        while True:
            try:
                return function(self.size)
            except RuntimeError as error:
                if self.size == 1 or not should_reduce_batch_size(error):
                    raise
                if self.fixed:
                    problem = f"forbids smaller batches than {self.size} images, which do not fit into the memory"
                    raise InputError(
                        f"{problem}: set a lower images_per_batch", parameter="compute.deterministic"
                    ) from error
            # outside of the handler: the error's traceback keeps the tensors of the failed try alive
            self.size //= 2
            clear_device_cache(garbage_collection=True)
            logger.warning("out of memory: continuing with %d images at a time, which may change rounding", self.size)
            for rng, state in zip(rngs, states, strict=True):
                rng.set_state(state)
