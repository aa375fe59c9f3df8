"""From typed settings to a generator: one loader for each kind, in the generator's own module."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guided_imagination.config.models import GeneratorConfig
from guided_imagination.generators import mae, stable_diffusion, unclip
from guided_imagination.generators.base import Generator, Loader, Weights
from guided_imagination.models.clip import Guide
from guided_imagination.models.device import Placement
from guided_imagination.models.loading import explaining_wrong_model
from guided_imagination.models.weights import check_weights, locate_whole

LOADERS: dict[str, Loader[Any]] = {
    "mae": mae.load,
    "unclip": unclip.load_kandinsky,
    "stable_unclip": unclip.load_stable_unclip,
    "stable_diffusion": stable_diffusion.load,
}


def load_generator(
    config: GeneratorConfig,
    guide: Guide,
    class_names: Sequence[str],
    placement: Placement,
    hub_folder: Path,
    adapted: Path | None = None,
) -> Generator:
    """The generator that `config` describes.

    class_names: words, as a guide is told them (data.sources.classes.words).
    adapted: a folder with what fine-tuning made of it: a whole MAE, or a peft adapter of a pipeline's UNet.
    Raises InputError for weights that are missing, not whole, or of another kind of model.
    """
    weights = Weights(locate_whole(config, hub_folder), adapted)
    if adapted is not None:
        check_weights(adapted)
    with explaining_wrong_model(config, weights.folder):
        return LOADERS[config.kind](config, weights, guide, class_names, placement)
