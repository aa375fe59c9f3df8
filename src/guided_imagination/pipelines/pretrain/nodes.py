"""Nodes of `pretrain`: train an embedded model, or measure and describe it."""

from typing import Any

import torch
from datasets import Dataset
from matplotlib.figure import Figure

from guided_imagination.config import MaeConfig, UnclipConfig
from guided_imagination.config.pretraining import PretrainConfig, Stage
from guided_imagination.pretraining import cards, clip, fashion_mnist, mae, unclip
from guided_imagination.pretraining import unclip as movq
from guided_imagination.pretraining.fashion_mnist import Split

Record = dict[str, Any]


def _record(stage: Stage, seconds: float) -> Record:
    return {"steps": stage.steps, "batch_size": stage.batch_size, "seconds": round(seconds, 1)}


def select_images(config: PretrainConfig, split: Split) -> tuple[Dataset, Dataset]:
    """The images that ship with the package: the pool and the test images."""
    return (
        fashion_mnist.to_dataset(fashion_mnist.read("train"), split.pool, "train", config.class_names),
        fashion_mnist.to_dataset(fashion_mnist.read("t10k"), split.test, "test", config.class_names),
    )


def select_tuning(config: PretrainConfig, split: Split) -> Dataset:
    """Images to choose settings by, which never ship: the official test images that are in no split."""
    images = fashion_mnist.read("t10k")
    rest = fashion_mnist.without(images.labels, torch.tensor(split.test))
    return fashion_mnist.to_dataset(images, rest.tolist(), "test", config.class_names)


def train_clip(config: PretrainConfig, split: Split) -> Record:
    return _record(config.clip, clip.train_clip(fashion_mnist.training_images(split), config))


def train_movq(config: PretrainConfig, split: Split) -> Record:
    return _record(config.movq, movq.train_movq(fashion_mnist.training_images(split), config))


def train_unclip(config: PretrainConfig, split: Split, clip: Record, movq: Record) -> Record:
    return _record(config.unclip, unclip.train_unclip(fashion_mnist.training_images(split), config))


def train_mae(config: PretrainConfig, split: Split) -> Record:
    return _record(config.mae, mae.train_mae(fashion_mnist.training_images(split), config))


def describe_clip(config: PretrainConfig, split: Split, clip: Record) -> str:
    accuracy = cards.measure_clip(cards.load_clip(config), fashion_mnist.test_images(split))
    quality = f"zero-shot accuracy {accuracy:.1f} %."
    return cards.write_card("CLIP for garments", "CLIPModel", quality, {"CLIP": clip}, config.folder("clip"))


def describe_mae(config: PretrainConfig, split: Split, clip: Record, mae: Record, generator: MaeConfig) -> str:
    full = generator.model_copy(update={"decoding": "full"})  # a residual would hide the error
    error = cards.measure_mae(full, cards.load_clip(config), fashion_mnist.test_images(split))
    quality = f"mean absolute error {error:.4f} on [0, 1] when reconstructing at mask ratio 0."
    return cards.write_card("MAE for garments", "ViTMAEForPreTraining", quality, {"MAE": mae}, config.folder("mae"))


def show_variations(
    config: PretrainConfig, split: Split, clip: Record, unclip: Record, generator: UnclipConfig
) -> Figure:
    return cards.variation_sheet(generator, cards.load_clip(config), fashion_mnist.test_images(split))


def describe_unclip(config: PretrainConfig, split: Split, generator: UnclipConfig, movq: Record, unclip: Record) -> str:
    agreement = cards.measure_unclip(generator, cards.load_clip(config), fashion_mnist.test_images(split))
    quality = f"CLIP gives {agreement:.1f} % of the variations of an image that image's label."
    stages = {"autoencoder": movq, "decoder": unclip}
    return cards.write_card("unCLIP for garments", "KandinskyV22Pipeline", quality, stages, config.folder("unclip"))
