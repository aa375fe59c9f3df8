"""Pre-trained models from a local folder: safetensors only."""

from collections.abc import Sequence

import torch
from diffusers import KandinskyV22Pipeline
from transformers import CLIPModel, CLIPProcessor, ViTImageProcessor, ViTMAEForPreTraining

from guided_imagination.config import MaeConfig, UnclipConfig
from guided_imagination.generators.base import Generator
from guided_imagination.generators.mae import MaeGenerator
from guided_imagination.generators.unclip import UnclipGenerator
from guided_imagination.guide import Guide
from guided_imagination.weights import check_weights


def load_guide(folder: str, class_names: Sequence[str], templates: Sequence[str]) -> Guide:
    """CLIP with a zero-shot head for `class_names`."""
    check_weights(folder)
    model = CLIPModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    return Guide(model, CLIPProcessor.from_pretrained(folder), class_names, templates)


def load_generator(config: MaeConfig | UnclipConfig, guide: Guide) -> Generator:
    """The generator that `config` describes, in float32."""
    check_weights(config.model)
    match config:
        case MaeConfig(model=folder, decoding=decoding):
            mae = ViTMAEForPreTraining.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
            return MaeGenerator(mae, ViTImageProcessor.from_pretrained(folder), guide, decoding)
        case UnclipConfig(model=folder) as unclip:
            pipeline = KandinskyV22Pipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
            return UnclipGenerator(pipeline, guide, unclip.image_size, unclip.inference_steps, unclip.guidance_scale)
