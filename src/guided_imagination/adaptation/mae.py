"""Continued masked pre-training of a MAE, all of its weights."""

from pathlib import Path

import torch
from torch import Tensor
from transformers import ViTImageProcessor, ViTMAEForPreTraining

from guided_imagination.adaptation.seeds import Seeds
from guided_imagination.adaptation.task import Task
from guided_imagination.device import Placement

WEIGHT_DECAY = 0.05  # that of MAE's pre-training (He et al. 2022, table 8)


def mae_task(folder: Path, seeds: Seeds, placement: Placement) -> Task:
    """The model's own loss at its own mask ratio; weights stay in float32, whatever the precision of the arithmetic."""
    model = ViTMAEForPreTraining.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    model = model.to(placement.device).train()
    processor = ViTImageProcessor.from_pretrained(folder)
    mean, std = (
        torch.tensor(values, device=placement.device)[:, None, None]
        for values in (processor.image_mean, processor.image_std)
    )
    side = model.config.image_size
    patches = (side // model.config.patch_size) ** 2

    def loss(rows: Tensor) -> Tensor:
        images = (seeds.images(rows, side) - mean) / std
        # the patches with the highest numbers are masked; drawn on the CPU for equal masks on GPUs
        order = torch.rand(len(rows), patches).to(placement.device)
        with placement.autocast():
            return model(images, noise=order).loss

    def save(target: Path) -> None:
        model.save_pretrained(target)
        processor.save_pretrained(target)

    return Task(model, loss, model, save, WEIGHT_DECAY)
