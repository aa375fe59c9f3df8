"""What the embedded models can do, measured on test images, and their model cards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from guided_imagination.config.models import GuideConfig, MaeConfig, UnclipConfig
from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.generators.base import SeedBatch
from guided_imagination.generators.loading import load_generator
from guided_imagination.models.clip import Guide
from guided_imagination.models.device import CPU
from guided_imagination.models.loading import load_guide
from guided_imagination.pretraining.images import Labelled
from guided_imagination.utils.figures import Figure
from guided_imagination.utils.markdown import code, escaped
from guided_imagination.utils.randomness import generator

BATCH = 256


def measure_clip(guide: Guide, data: Labelled) -> float:
    """Zero-shot accuracy in percent."""
    rows = torch.arange(len(data.labels))
    predicted = torch.cat([guide.predict(data.rgb(part)) for part in rows.split(BATCH)])
    return 100 * (predicted == data.labels).float().mean().item()


def measure_mae(config: MaeConfig, guide: Guide, data: Labelled) -> float:
    """Mean absolute error on [0, 1] of the full reconstruction at mask ratio 0."""
    mae = load_generator(config, guide, [], CPU, Path())
    errors = []
    for rows in torch.arange(len(data.labels)).split(BATCH):
        images = data.rgb(rows)
        latent = mae.encode(SeedBatch(images, data.labels[rows], torch.arange(len(rows)), []))
        errors.append((mae.decode(latent, []) - images).abs().mean((1, 2, 3)))
    return torch.cat(errors).mean().item()


def vary(config: UnclipConfig, guide: Guide, data: Labelled, rows: Tensor) -> Iterator[Tensor]:
    """One unguided, unperturbed variation of each of these rows, in batches (B, 3, H, W) in [0, 1]."""
    unclip = load_generator(config, guide, [], CPU, Path())
    for numbers in torch.arange(len(rows)).split(BATCH):
        rngs = [generator("variation", number) for number in numbers.tolist()]
        batch = SeedBatch(data.rgb(rows[numbers]), torch.zeros_like(numbers), torch.arange(len(numbers)), rngs)
        with torch.no_grad():
            yield unclip.decode(unclip.encode(batch), rngs)


def measure_unclip(config: UnclipConfig, guide: Guide, data: Labelled) -> float:
    """Label agreement in percent: how often CLIP gives an image's variation the image's label."""
    variations = vary(config, guide, data, torch.arange(len(data.labels)))
    predicted = torch.cat([guide.predict(batch) for batch in variations])
    return 100 * (predicted == data.labels).float().mean().item()


def variation_sheet(config: UnclipConfig, guide: Guide, data: Labelled, per_class: int = 2) -> Figure:
    """Images of every class in the upper row, their variations in the lower."""
    rows = torch.cat([(data.labels == label).nonzero()[:per_class, 0] for label in data.labels.unique()])
    made = torch.cat(list(vary(config, guide, data, rows)))
    figure = Figure(figsize=(len(rows) * 0.6, 1.4), layout="constrained")
    grid = figure.subplots(2, len(rows))
    for line, pictures in zip(grid, (data.rgb(rows), made), strict=True):
        for axis, picture in zip(line, pictures, strict=True):
            axis.axis("off")
            axis.imshow(picture.permute(1, 2, 0))
    return figure


def load_clip(config: PretrainConfig, class_names: list[str]) -> Guide:
    """The finished CLIP with its training templates."""
    return load_guide(GuideConfig(model=str(config.folder("clip"))), class_names, config.chosen.templates, CPU, Path())


def write_card(config: PretrainConfig, model: str, kind: str, quality: str, stages: dict[str, dict[str, Any]]) -> str:
    """A model card in Markdown for a finished model; `kind` is its class, `quality` a sentence with what it can do."""
    domain, folder = config.chosen, config.folder(model)
    size = sum(file.stat().st_size for file in folder.rglob("*.safetensors")) / 1e6
    rows = "\n".join(
        f"| {name} | {stage['steps']:,} x {stage['batch_size']} | {stage['seconds'] / 60:.1f} min |"
        for name, stage in stages.items()
    )
    images, side = stages[next(iter(stages))]["images"], domain.images.resolution
    licence = {"license": domain.images.licence} if domain.images.licence else {}
    library = "diffusers" if "Pipeline" in kind else "transformers"
    header = {**licence, "library_name": library, "tags": ["guided-imagination"]}
    title, credit = escaped(domain.title), escaped(domain.credit)
    command = code(f"kedro run --pipelines pretrain --params pretrain.domain={config.domain}")
    balanced = "balanced images" if domain.shares["test"].per_class else "all images"
    return f"""---
{yaml.safe_dump(header, sort_keys=False, allow_unicode=True, default_flow_style=None)}---
# {TITLES[kind]} for {title}

A `{kind}` for {side}x{side} images, small enough to ship with the package ({size:.1f} MB, float16 safetensors),
made by {command}.

- **Measured**, on {balanced} of the share `test` of `split.json`: {quality}
- **Data**: {images:,} of the {credit}; none of those that `split.json` sets aside, so no seed, validation or
  test image of this project.
- **Use**: the embedded defaults and tests of Guided Imagination; it knows {title} and nothing else.

| trained | updates x batch | time on 2 CPU cores |
|---|---|---|
{rows}
"""


TITLES = {"CLIPModel": "CLIP", "ViTMAEForPreTraining": "MAE", "KandinskyV22Pipeline": "unCLIP"}
