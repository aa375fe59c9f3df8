"""Typed settings of the pre-training stages (`conf/base/parameters_pretrain.yml`)."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

from guided_imagination.utils.seeding import derive_seed


class Stage(BaseModel):
    """How one model is trained: AdamW, linear warm-up, cosine decay to zero.

    `steps` is the number of updates. `batch_size` is in images. `learning_rate` is the highest. `weight_decay` is that
    of AdamW. `warmup_steps` is how many updates the learning rate rises. `seed` is that of weights and batches. `model`
    is the configuration of the transformers or diffusers class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: float = 0.05
    warmup_steps: int = 100
    seed: int = 0
    model: dict[str, Any]


class PretrainConfig(BaseModel):
    """Parameters of the pipeline `pretrain`.

    `class_names` are those of Fashion-MNIST in the order of its labels. `output` is the folder of the finished models.
    `checkpoints` is that of models in training.
    """

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
