"""The configurations of a domain's models, whose classes take unknown keys without a word."""

from inspect import signature

from diffusers import UNet2DConditionModel, VQModel
from transformers import CLIPConfig, CLIPTextConfig, CLIPVisionConfig, ViTMAEConfig

from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.utils.errors import InputError

CLASSES: dict[str, type] = {
    "clip.model": CLIPConfig,
    "clip.model.text_config": CLIPTextConfig,
    "clip.model.vision_config": CLIPVisionConfig,
    "movq.model": VQModel,
    "unclip.model": UNet2DConditionModel,
    "mae.model": ViTMAEConfig,
}


def check_models(config: PretrainConfig) -> None:
    """Raises InputError for a key that the class of a model does not have: the default would be trained instead."""
    stages = config.chosen.model_dump(include={"clip", "movq", "unclip", "mae"})
    for place, kind in CLASSES.items():
        found = stages
        for key in place.split("."):
            found = found.get(key, {})
        known = [name for name in signature(kind).parameters if name != "kwargs"]
        for key in found:
            if key not in known:
                raise InputError(
                    f"parameters: pretrain.domains.{config.domain}.{place}.{key} is not a known key; "
                    f"{kind.__name__} has {', '.join(known)}"
                )
