"""A small ViTMAEForPreTraining, trained at several mask ratios, none among them."""

import torch
from torch import Tensor
from torch.nn.functional import l1_loss
from transformers import ViTImageProcessor, ViTMAEConfig, ViTMAEForPreTraining

from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.pretraining.images import Labelled
from guided_imagination.pretraining.stages import train
from guided_imagination.utils.randomness import batch_indices, seeded

MASK_RATIOS = (0.0, 0.5, 0.75)
LATENT_NOISE = 0.5  # of latents whose deviation is about one


def train_mae(data: Labelled, config: PretrainConfig) -> float:
    """Train on all patches, masked and visible, so that the decoder also knows unmasked images; seconds."""
    stage = config.chosen.mae
    sizes = ViTMAEConfig(**stage.model)
    with seeded(stage.seed, "mae"):
        model = ViTMAEForPreTraining(sizes)

    def loss_at(step: int) -> Tensor:
        images = data.rgb(batch_indices(step, len(data.labels), stage.batch_size, stage.seed)) * 2 - 1
        sizes.mask_ratio = MASK_RATIOS[int(torch.randint(len(MASK_RATIOS), (1,)))]
        encoded = model.vit(images)
        # a noisy latent makes the decoder smooth: what perturbs the latent then changes the picture, not its grain
        latent = encoded.last_hidden_state + LATENT_NOISE * torch.randn_like(encoded.last_hidden_state)
        return l1_loss(model.decoder(latent, encoded.ids_restore).logits, model.patchify(images))

    seconds = train(model, loss_at, stage, "mae", config.checkpoint("mae", data.checksum))
    sizes.mask_ratio = 0.75
    model.half().save_pretrained(config.folder("mae"))
    side = {"height": sizes.image_size, "width": sizes.image_size}
    ViTImageProcessor(size=side, image_mean=[0.5] * 3, image_std=[0.5] * 3).save_pretrained(config.folder("mae"))
    return seconds
