"""Continued masked pre-training of a MAE, all of its weights (He et al. 2022)."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from transformers import AutoImageProcessor, ViTMAEForPreTraining

from guided_imagination.generators.adaptation.objective import Seeds, Task
from guided_imagination.models.clip import preprocess
from guided_imagination.models.device import Placement
from guided_imagination.models.loading import load_network

WEIGHT_DECAY = 0.05  # that of MAE's pre-training (He et al. 2022, table 8)


def reconstruction_loss(model: ViTMAEForPreTraining, images: Tensor, order: Tensor) -> Tensor:
    """Mean squared error on all patches of `images` (B, 3, H, W), of which those with the highest `order` are masked.

    The model's own loss counts the masked ones alone. But an expansion decodes images that are not masked, and a
    decoder that is not asked for its visible patches forgets them.
    """
    predicted = model(images, noise=order).logits
    patches = model.patchify(images)
    if model.config.norm_pix_loss:
        patches = (patches - patches.mean(-1, keepdim=True)) / (patches.var(-1, keepdim=True) + 1e-6).sqrt()
    return mse_loss(predicted.float(), patches)


def mae_task(folder: Path, seeds: Seeds, placement: Placement, variant: str | None = None) -> Task:
    """Reconstruction at the model's own mask ratio; weights stay in float32, whatever the arithmetic's precision.

    Raises InputError for weights that lack a part of the model, as an encoder's alone do.
    """
    model = load_network(ViTMAEForPreTraining, folder, replace(placement, dtype=torch.float32), variant).train()
    processor = AutoImageProcessor.from_pretrained(folder)
    patches = (model.config.image_size // model.config.patch_size) ** 2

    def loss(rows: Tensor) -> Tensor:
        images = preprocess(seeds.images(rows), processor)
        # drawn on the CPU for equal masks on GPUs
        order = torch.rand(len(rows), patches).to(placement.device)
        with placement.autocast():
            return reconstruction_loss(model, images, order)

    def save(target: Path) -> None:
        model.save_pretrained(target)
        processor.save_pretrained(target)

    return Task(model, loss, model, save, WEIGHT_DECAY)
