"""The autoencoder of the embedded unCLIP: a VQModel used without quantisation, as Kandinsky uses it."""

import torch
from diffusers import VQModel
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from guided_imagination.pretraining.fashion_mnist import Labelled
from guided_imagination.pretraining.settings import PretrainConfig
from guided_imagination.pretraining.stages import train
from guided_imagination.randomness import batch_indices, seeded


def train_movq(data: Labelled, config: PretrainConfig) -> float:
    """Train, fold the latents' mean and deviation into the 1x1 convolutions, save; seconds.

    Kandinsky's pipeline applies no scaling factor, so the latents themselves must be standardised.
    """
    stage = config.movq
    with seeded(stage.seed, "movq"):
        model = VQModel(**stage.model)

    def loss_at(step: int) -> Tensor:
        images = data.rgb(batch_indices(step, len(data.labels), stage.batch_size, stage.seed)) * 2 - 1
        latents = model.encode(images).latents
        # a little noise keeps neighbouring latents decodable; the norm penalty keeps the scale near one
        noisy = latents + 0.05 * torch.randn_like(latents)
        decoded = model.decode(noisy, force_not_quantize=True).sample
        return l1_loss(decoded, images) + mse_loss(decoded, images) + 1e-3 * (latents.square().mean() - 1).square()

    seconds = train(model, loss_at, stage, "movq", config.checkpoint("movq"))
    with torch.no_grad():
        sample = data.rgb(torch.arange(0, len(data.labels), 60)) * 2 - 1
        standardise(model, model.encode(sample).latents)
    model.half().save_pretrained(config.movq_folder)
    return seconds


def standardise(model: VQModel, latents: Tensor) -> None:
    """Make `model` encode to zero mean and unit deviation per channel; its reconstructions stay the same."""
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    into, out = model.quant_conv, model.post_quant_conv
    into.weight.div_(std[:, None, None, None])
    into.bias.sub_(mean).div_(std)
    out.bias.add_(out.weight[:, :, 0, 0] @ mean)
    out.weight.mul_(std[None, :, None, None])
