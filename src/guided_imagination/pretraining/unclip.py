"""The decoder of the embedded unCLIP: Kandinsky 2.2's kind of UNet, conditioned on CLIP image embeddings."""

from pathlib import Path

import torch
from diffusers import DDIMScheduler, KandinskyV22Pipeline, UNet2DConditionModel, VQModel
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss
from torchvision.transforms import Normalize
from transformers import CLIPModel, CLIPProcessor

from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.models.weights import weights_checksum
from guided_imagination.pretraining.images import Labelled
from guided_imagination.pretraining.stages import train
from guided_imagination.utils.randomness import batch_indices, seeded

SCHEDULER = {
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "timestep_spacing": "trailing",
    "rescale_betas_zero_snr": True,
}


@torch.no_grad()
def encode_all(data: Labelled, clip_folder: Path, movq: VQModel) -> tuple[Tensor, Tensor, Tensor]:
    """Latents (N, 4, h, w), CLIP image embeddings (N, D), and the embedding (D,) of the zero image."""
    clip = CLIPModel.from_pretrained(clip_folder, dtype=torch.float32)
    statistics = CLIPProcessor.from_pretrained(clip_folder).image_processor
    normalise = Normalize(statistics.image_mean, statistics.image_std)
    latents, embeds = [], []
    for rows in torch.arange(len(data.labels)).split(256):
        images = data.rgb(rows)
        latents.append(movq.encode(images * 2 - 1).latents)
        embeds.append(clip.get_image_features(normalise(images)).pooler_output)
    zero = clip.get_image_features(torch.zeros_like(images[:1])).pooler_output[0]
    return torch.cat(latents), torch.cat(embeds), zero


def train_unclip(data: Labelled, config: PretrainConfig) -> float:
    """Train the UNet (v-prediction; a tenth of the conditions replaced by the zero image), save the pipeline."""
    stage = config.chosen.unclip
    movq = VQModel.from_pretrained(config.movq_folder, dtype=torch.float32)
    latents, embeds, zero = encode_all(data, config.folder("clip"), movq)
    scheduler = DDIMScheduler(**SCHEDULER)
    with seeded(stage.seed, "unclip"):
        unet = UNet2DConditionModel(**stage.model)

    def loss_at(step: int) -> Tensor:
        rows = batch_indices(step, len(latents), stage.batch_size, stage.seed)
        x, noise = latents[rows], torch.randn_like(latents[rows])
        time = torch.randint(scheduler.config.num_train_timesteps, (len(rows),))
        condition = torch.where(torch.rand(len(rows), 1) < 0.1, zero, embeds[rows])
        out = unet(
            scheduler.add_noise(x, noise, time),
            time,
            encoder_hidden_states=None,
            added_cond_kwargs={"image_embeds": condition},
        ).sample
        # the second half of the channels is Kandinsky's learned variance, which DDIM does not use
        return mse_loss(out[:, : x.shape[1]], scheduler.get_velocity(x, noise, time))

    models = [weights_checksum(folder) for folder in (config.folder("clip"), config.movq_folder)]
    seconds = train(unet, loss_at, stage, "unclip", config.checkpoint("unclip", data.checksum, *models))
    KandinskyV22Pipeline(unet=unet.half(), scheduler=scheduler, movq=movq.half()).save_pretrained(
        config.folder("unclip")
    )
    return seconds


def train_movq(data: Labelled, config: PretrainConfig) -> float:
    """Train, fold the latents' mean and deviation into the 1x1 convolutions, save; seconds.

    Kandinsky's pipeline applies no scaling factor, so the latents themselves must be standardised.
    """
    stage = config.chosen.movq
    with seeded(stage.seed, "movq"):
        model = VQModel(**stage.model)

    def loss_at(step: int) -> Tensor:
        images = data.rgb(batch_indices(step, len(data.labels), stage.batch_size, stage.seed)) * 2 - 1
        latents = model.encode(images).latents
        # a little noise keeps neighbouring latents decodable; the norm penalty keeps the scale near one
        noisy = latents + 0.05 * torch.randn_like(latents)
        decoded = model.decode(noisy, force_not_quantize=True).sample
        return l1_loss(decoded, images) + mse_loss(decoded, images) + 1e-3 * (latents.square().mean() - 1).square()

    seconds = train(model, loss_at, stage, "movq", config.checkpoint("movq", data.checksum))
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
