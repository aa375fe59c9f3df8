"""Typed settings of the pre-training stages (`conf/base/parameters_pretrain.yml`)."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

from guided_imagination.utils.seeding import derive_seed


class Stage(BaseModel):
    """How one model is trained: AdamW, linear warm-up, cosine decay to zero."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: float = 0.05
    warmup_steps: int = 100
    seed: int = 0
    model: dict[str, Any]


class PretrainConfig(BaseModel):
    """Parameters of the pipeline `pretrain`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    class_names: list[str]
    output: str
    checkpoints: str
    clip: Stage
    movq: Stage
    unclip: Stage
    mae: Stage

    def folder(self, model: str) -> Path:
        """Where a finished model is saved."""
        return Path(self.output) / model

    @property
    def movq_folder(self) -> Path:
        """Where the finished autoencoder waits until the unCLIP pipeline is saved with it."""
        return Path(self.checkpoints) / "movq"

    def checkpoint(self, model: str) -> Path:
        """Where a model in training is kept; another setting is another file."""
        stage: Stage = getattr(self, model)
        key = derive_seed(stage.model_dump_json(), self.class_names)
        return Path(self.checkpoints) / f"{model}-{key:016x}.pt"
