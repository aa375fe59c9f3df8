"""Pre-trained models, from the hub or from local folders, on their device: safetensors only."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import timm
import transformers
from diffusers import DiffusionPipeline
from PIL.Image import Resampling
from safetensors.torch import load_file
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

from guided_imagination.config.models import ComputeConfig, GuideConfig, PretrainedModel
from guided_imagination.models.clip import Guide, JointEncoders, PooledEncoder, SeparateEncoders, TimmEncoder
from guided_imagination.models.device import Batches, Placement, place
from guided_imagination.models.weights import locate_whole
from guided_imagination.models.zero_shot import ZeroShotClassifier
from guided_imagination.utils.errors import InputError, first_line
from guided_imagination.utils.files import read_json

# bars of a second, which hide what matters; downloads keep theirs
diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()


def load_guide(
    config: GuideConfig, class_names: Sequence[str], templates: Sequence[str], placement: Placement, hub_folder: Path
) -> Guide:
    """The encoder of `config`; a CLIP has the head of `class_names`, which are words (data.sources.classes.words)."""
    folder = locate_whole(config, hub_folder)
    with explaining_wrong_model(config, folder):
        encoders, image_processor, tokenizer = _LOADERS[config.kind](folder, config, placement)
    return Guide(encoders, image_processor, tokenizer, class_names, templates)


def _clip(folder: Path, config: GuideConfig, placement: Placement) -> tuple[Any, Any, Any]:
    if (folder / "model_index.json").is_file():
        encoders = SeparateEncoders(
            load_network(CLIPVisionModelWithProjection, folder / "image_encoder", placement, config.variant),
            load_network(CLIPTextModelWithProjection, folder / "text_encoder", placement, config.variant),
        )
        image_processor = CLIPImageProcessor.from_pretrained(folder / "image_processor")
        return encoders, image_processor, CLIPTokenizer.from_pretrained(folder / "tokenizer")
    model = load_network(AutoModel, folder, placement, config.variant)
    if not hasattr(model, "get_text_features"):
        raise InputError(f"{folder} holds a {type(model).__name__}, which reads no words: give it `kind: vision`")
    if not hasattr(model.config.vision_config, "image_size"):
        raise InputError(
            f"{folder} holds a {type(model).__name__}, which takes images of any shape: use a model of a fixed size, "
            "such as google/siglip2-base-patch16-224"
        )
    return JointEncoders(model), AutoImageProcessor.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def _vision(folder: Path, config: GuideConfig, placement: Placement) -> tuple[Any, Any, Any]:
    model = load_network(AutoModel, folder, placement, config.variant)
    if hasattr(model, "get_text_features"):
        raise InputError(f"{folder} holds a {type(model).__name__}, which reads words too: give it `kind: clip`")
    return PooledEncoder(model), AutoImageProcessor.from_pretrained(folder), None


def _timm(folder: Path, config: GuideConfig, placement: Placement) -> tuple[Any, Any, Any]:
    """A folder as timm's on the hub: config.json with `architecture` and `pretrained_cfg`, model.safetensors."""
    described = read_json(folder / "config.json")
    if "architecture" not in described:
        raise InputError(f"{folder / 'config.json'} names no `architecture`, as timm's repositories do")
    network = timm.create_model(described["architecture"], num_classes=0)
    weights = load_file(folder / "model.safetensors")
    missing, _ = network.load_state_dict(weights, strict=False)  # what is left over is the classifier
    if missing:
        raise InputError(f"{folder} has no weights for {missing[0]} of {described['architecture']}")
    known = timm.data.resolve_data_config(described.get("pretrained_cfg", {}), model=network)
    side = known["input_size"][-1]
    image_processor = CLIPImageProcessor(
        size={"shortest_edge": int(side / known["crop_pct"])},
        crop_size={"height": side, "width": side},
        resample=Resampling[known["interpolation"].upper()],
        image_mean=list(known["mean"]),
        image_std=list(known["std"]),
    )
    return TimmEncoder(network.to(placement.device, placement.dtype), side), image_processor, None


_LOADERS = {"clip": _clip, "vision": _vision, "timm": _timm}


def load_zero_shot(
    config: GuideConfig,
    class_names: Sequence[str],
    templates: Sequence[str],
    compute: ComputeConfig,
    hub_folder: Path,
    logit_scale: float,
    images_per_batch: int,
) -> ZeroShotClassifier:
    """A guide that looks at `images_per_batch` images at once, or fewer where memory runs out and that may be."""
    placement = place(compute)
    guide = load_guide(config, class_names, templates, placement, hub_folder)
    memory = Batches(images_per_batch, fixed=compute.deterministic)
    return ZeroShotClassifier(guide, logit_scale, placement, memory)


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


def load_network(kind: Any, folder: Path, placement: Placement, variant: str | None = None) -> Any:
    """A model of transformers on its device.

    Raises InputError for weights of another kind, which would leave some random.
    """
    model, report = kind.from_pretrained(
        folder, dtype=placement.dtype, variant=variant, use_safetensors=True, output_loading_info=True
    )
    if report["missing_keys"]:
        raise InputError(f"{folder} has no weights for {sorted(report['missing_keys'])[0]} of {type(model).__name__}")
    return model.to(placement.device)


def load_pipeline(
    kind: type[DiffusionPipeline],
    folder: Path,
    placement: Placement,
    adapted: Path | None,
    variant: str | None = None,
    **components: Any,
) -> Any:
    """A frozen pipeline of diffusers.

    adapted: a folder with a peft adapter, which is merged into the UNet, or with a whole pipeline in place of this one.
    """
    if adapted is not None and (adapted / "model_index.json").is_file():
        folder, adapted, variant = adapted, None, None
    pipeline = kind.from_pretrained(folder, dtype=placement.dtype, variant=variant, use_safetensors=True, **components)
    if adapted is not None:
        pipeline.unet = _adapted(pipeline.unet, adapted)
    for component in pipeline.components.values():
        if isinstance(component, nn.Module):
            component.eval().requires_grad_(False)
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
