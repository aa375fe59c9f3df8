"""Pre-trained models, from the hub or from local folders, on their device: safetensors only."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import transformers
from diffusers import DiffusionPipeline
from torch import nn
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoTokenizer,
    CLIPImageProcessor,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)

from guided_imagination.config import GuideConfig, PretrainedModel
from guided_imagination.models.clip import Guide, JointEncoders, SeparateEncoders
from guided_imagination.models.device import Placement
from guided_imagination.models.weights import locate_whole
from guided_imagination.utils.errors import InputError, first_line

# bars of a second, which hide what matters; downloads keep theirs
diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()


def load_guide(
    config: GuideConfig, class_names: Sequence[str], templates: Sequence[str], placement: Placement, hub_folder: Path
) -> Guide:
    """CLIP or SigLIP with a zero-shot head for `class_names`."""
    folder = locate_whole(config, hub_folder)
    encoders: JointEncoders | SeparateEncoders
    with explaining_wrong_model(config, folder):
        if (folder / "model_index.json").is_file():
            encoders = SeparateEncoders(
                load_network(CLIPVisionModelWithProjection, folder / "image_encoder", placement),
                load_network(CLIPTextModelWithProjection, folder / "text_encoder", placement),
            )
            image_processor = CLIPImageProcessor.from_pretrained(folder / "image_processor")
            tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        else:
            encoders = JointEncoders(load_network(AutoModel, folder, placement))
            image_processor = AutoImageProcessor.from_pretrained(folder)
            tokenizer = AutoTokenizer.from_pretrained(folder)
    return Guide(encoders, image_processor, tokenizer, class_names, templates)


@contextmanager
def explaining_wrong_model(config: PretrainedModel, folder: Path) -> Iterator[None]:
    """Whole weights of another kind of model, or files that are no model, are the user's mistake."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, AttributeError, ImportError) as error:
        raise InputError(
            f"{folder} does not hold a model that a {type(config).__name__} can use: {first_line(error)}"
        ) from error


def load_network(kind: Any, folder: Path, placement: Placement) -> Any:
    """A model of transformers on its device.

    Raises InputError for weights of another kind, which would leave some random.
    """
    model, report = kind.from_pretrained(folder, dtype=placement.dtype, use_safetensors=True, output_loading_info=True)
    if report["missing_keys"]:
        raise InputError(f"{folder} has no weights for {sorted(report['missing_keys'])[0]} of {type(model).__name__}")
    return model.to(placement.device)


def load_pipeline(
    kind: type[DiffusionPipeline], folder: Path, placement: Placement, adapted: Path | None, **components: Any
) -> Any:
    """A frozen pipeline of diffusers, with a peft adapter in the folder `adapted` merged into its UNet."""
    pipeline = kind.from_pretrained(folder, dtype=placement.dtype, use_safetensors=True, **components)
    if adapted is not None:
        pipeline.unet = _adapted(pipeline.unet, adapted)
    for component in pipeline.components.values():
        if isinstance(component, nn.Module):
            component.eval().requires_grad_(False)
    if placement.attention_slicing:
        pipeline.enable_attention_slicing()
    match placement.offload:
        case "model":
            pipeline.enable_model_cpu_offload(device=placement.device)
        case "sequential":
            pipeline.enable_sequential_cpu_offload(device=placement.device)
        case _:
            pipeline.to(placement.device)
    return pipeline


def _adapted(unet: nn.Module, folder: Path) -> nn.Module:
    """The network with a peft adapter merged into its weights."""
    from peft import PeftModel  # takes seconds to import, and only adapted runs need it

    return PeftModel.from_pretrained(unet, folder).merge_and_unload()
