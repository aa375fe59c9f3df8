"""Nodes of `split` and `pretrain`: fix what no model sees, train a small model, measure and describe it."""

from typing import Any

from datasets import Dataset

from guided_imagination.config.models import MaeConfig, UnclipConfig
from guided_imagination.config.pretraining import PretrainConfig, Stage
from guided_imagination.pretraining import cards, clip, mae, unclip
from guided_imagination.pretraining import unclip as movq
from guided_imagination.pretraining.fixing import fix_split
from guided_imagination.pretraining.images import Labelled, open_domain, to_dataset, turned
from guided_imagination.pretraining.splits import Split, training_ids
from guided_imagination.pretraining.stages import check_models
from guided_imagination.utils.figures import Figure

Record = dict[str, Any]
Shares = dict[str, Labelled]


def fix(config: PretrainConfig) -> dict[str, list[str]]:
    return fix_split(config).root


def read_images(config: PretrainConfig, split: dict[str, list[str]]) -> tuple[Labelled, Shares, list[str]]:
    """What is trained on, the shares that are for choices and measurements, and the names of the classes."""
    check_models(config)
    source, split_file = open_domain(config.chosen), Split.model_validate(split)
    training = source.read(training_ids(source, split_file))
    shares = {name: source.read(split_file.ids(name)) for name in config.chosen.shares}
    return turned(training) if config.chosen.turns else training, shares, source.class_names


def select_images(shares: Shares, names: list[str]) -> tuple[Dataset, Dataset]:
    """The images that ship with the package: the pool and the test images."""
    return to_dataset(shares["pool"], names), to_dataset(shares["test"], names)


def select_tuning(shares: Shares, names: list[str]) -> Dataset:
    """Images to choose settings by, which never ship."""
    return to_dataset(shares["tuning"], names)


def train_clip(config: PretrainConfig, data: Labelled, names: list[str]) -> Record:
    return _record(config.chosen.clip, data, clip.train_clip(data, names, config, config.folder("clip")))


def train_movq(config: PretrainConfig, data: Labelled) -> Record:
    return _record(config.chosen.movq, data, movq.train_movq(data, config))


def train_unclip(config: PretrainConfig, data: Labelled, clip: Record, movq: Record) -> Record:
    return _record(config.chosen.unclip, data, unclip.train_unclip(data, config))


def train_mae(config: PretrainConfig, data: Labelled) -> Record:
    return _record(config.chosen.mae, data, mae.train_mae(data, config))


def _record(stage: Stage, data: Labelled, seconds: float) -> Record:
    images = len(set(data.ids))
    return {"steps": stage.steps, "batch_size": stage.batch_size, "images": images, "seconds": round(seconds, 1)}


def describe_clip(config: PretrainConfig, shares: Shares, names: list[str], clip: Record) -> str:
    accuracy = cards.measure_clip(cards.load_clip(config, names), shares["test"])
    quality = f"zero-shot accuracy {accuracy:.1f} %."
    return cards.write_card(config, "clip", "CLIPModel", quality, {"CLIP": clip})


def describe_mae(config: PretrainConfig, shares: Shares, names: list[str], clip: Record, mae: Record) -> str:
    # a residual would hide the error
    generator = MaeConfig(kind="mae", model=str(config.folder("mae")), decoding="full")
    error = cards.measure_mae(generator, cards.load_clip(config, names), shares["test"])
    quality = f"mean absolute error {error:.4f} on [0, 1] when reconstructing at mask ratio 0."
    return cards.write_card(config, "mae", "ViTMAEForPreTraining", quality, {"MAE": mae})


def show_variations(
    config: PretrainConfig, shares: Shares, names: list[str], clip: Record, unclip: Record, generator: UnclipConfig
) -> Figure:
    return cards.variation_sheet(_own(config, generator), cards.load_clip(config, names), shares["test"])


def describe_unclip(
    config: PretrainConfig, shares: Shares, names: list[str], movq: Record, unclip: Record, generator: UnclipConfig
) -> str:
    agreement = cards.measure_unclip(_own(config, generator), cards.load_clip(config, names), shares["test"])
    quality = f"CLIP gives {agreement:.1f} % of the variations of an image that image's label."
    return cards.write_card(config, "unclip", "KandinskyV22Pipeline", quality, {"autoencoder": movq, "decoder": unclip})


def _own(config: PretrainConfig, generator: UnclipConfig) -> UnclipConfig:
    """The settings of decoding, with the domain's own model and size."""
    own = {"model": str(config.folder("unclip")), "image_size": config.chosen.images.resolution}
    return generator.model_copy(update=own)
