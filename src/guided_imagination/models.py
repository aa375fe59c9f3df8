"""Pre-trained models, from the hub or from local folders, on their device: safetensors only."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffusers import (
    DiffusionPipeline,
    KandinskyV22Pipeline,
    StableDiffusionImg2ImgPipeline,
    StableUnCLIPImg2ImgPipeline,
)
from torch import nn
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoTokenizer,
    CLIPImageProcessor,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
    ViTMAEForPreTraining,
)

from guided_imagination.config import (
    GeneratorConfig,
    GuideConfig,
    MaeConfig,
    PretrainedModel,
    StableDiffusionConfig,
    StableUnclipConfig,
    UnclipConfig,
)
from guided_imagination.device import Placement
from guided_imagination.encoders import JointEncoders, SeparateEncoders
from guided_imagination.errors import InputError, first_line
from guided_imagination.generators.base import Generator
from guided_imagination.generators.mae import MaeGenerator
from guided_imagination.generators.stable_diffusion import StableDiffusionGenerator
from guided_imagination.generators.stable_unclip import StableUnclipGenerator
from guided_imagination.generators.unclip import UnclipGenerator
from guided_imagination.guide import Guide
from guided_imagination.weights import check_weights, locate_whole


def load_guide(
    config: GuideConfig, class_names: Sequence[str], templates: Sequence[str], placement: Placement, hub_folder: Path
) -> Guide:
    """CLIP or SigLIP with a zero-shot head for `class_names`."""
    folder = locate_whole(config, hub_folder)
    encoders: JointEncoders | SeparateEncoders
    with _loading(config, folder):
        if (folder / "model_index.json").is_file():
            encoders = SeparateEncoders(
                _network(CLIPVisionModelWithProjection, folder / "image_encoder", placement),
                _network(CLIPTextModelWithProjection, folder / "text_encoder", placement),
            )
            image_processor = CLIPImageProcessor.from_pretrained(folder / "image_processor")
            tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        else:
            encoders = JointEncoders(_network(AutoModel, folder, placement))
            image_processor = AutoImageProcessor.from_pretrained(folder)
            tokenizer = AutoTokenizer.from_pretrained(folder)
    return Guide(encoders, image_processor, tokenizer, class_names, templates)


def load_generator(
    config: GeneratorConfig,
    guide: Guide,
    class_names: Sequence[str],
    placement: Placement,
    hub_folder: Path,
    adapted: Path | None = None,
) -> Generator:
    """The generator that `config` describes.

    adapted: a folder with what fine-tuning made of it: a whole MAE, or a peft adapter of a pipeline's UNet.
    """
    folder = locate_whole(config, hub_folder)
    if adapted is not None:
        check_weights(adapted)
    with _loading(config, folder):
        match config:
            case MaeConfig():
                mae = _network(ViTMAEForPreTraining, adapted or folder, placement)
                return MaeGenerator(mae, AutoImageProcessor.from_pretrained(folder), guide, config.decoding)
            case UnclipConfig():
                kandinsky = _pipeline(KandinskyV22Pipeline, folder, placement, adapted)
                return UnclipGenerator(
                    kandinsky, guide, config.image_size, config.inference_steps, config.guidance_scale
                )
            case StableUnclipConfig():
                stable_unclip = _pipeline(StableUnCLIPImg2ImgPipeline, folder, placement, adapted)
                return StableUnclipGenerator(
                    stable_unclip,
                    guide,
                    config.image_size,
                    config.inference_steps,
                    config.guidance_scale,
                    config.noise_level,
                )
            case StableDiffusionConfig():
                unused = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
                stable_diffusion = _pipeline(StableDiffusionImg2ImgPipeline, folder, placement, adapted, **unused)
                return StableDiffusionGenerator(stable_diffusion, guide, class_names, config)


@contextmanager
def _loading(config: PretrainedModel, folder: Path) -> Iterator[None]:
    """Whole weights of another kind of model, or files that are no model, are the user's mistake."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, AttributeError, ImportError) as error:
        raise InputError(
            f"{folder} does not hold a model that a {type(config).__name__} can use: {first_line(error)}"
        ) from error


def _network(kind: Any, folder: Path, placement: Placement) -> Any:
    """A model of transformers. Raises InputError for weights of another kind, which would leave some random."""
    model, report = kind.from_pretrained(folder, dtype=placement.dtype, use_safetensors=True, output_loading_info=True)
    if report["missing_keys"]:
        raise InputError(f"{folder} has no weights for {sorted(report['missing_keys'])[0]} of {type(model).__name__}")
    return model.to(placement.device)


def _pipeline(
    kind: type[DiffusionPipeline], folder: Path, placement: Placement, adapted: Path | None, **components: Any
) -> Any:
    """A frozen pipeline of diffusers."""
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
