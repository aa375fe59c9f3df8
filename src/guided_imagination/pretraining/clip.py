"""A small CLIPModel, trained on captions that are true of several images of a batch."""

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, normalize
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.pretraining import captions
from guided_imagination.pretraining.fashion_mnist import Labelled
from guided_imagination.pretraining.stages import train
from guided_imagination.utils.randomness import batch_indices, seeded


def build_processor(class_names: list[str], image_size: int, mean: float, std: float, context: int) -> CLIPProcessor:
    """CLIP's own processor: a byte-pair tokenizer learned from the captions, and the pixel statistics."""
    words = [word for pair in captions.ATTRIBUTES.values() for word in pair]
    corpus = [template.format(name) for template in captions.TEMPLATES for name in class_names] + words
    tokenizer = CLIPTokenizer().train_new_from_iterator([corpus] * 10, vocab_size=800, show_progress=False)
    tokenizer.model_max_length = context
    side = {"height": image_size, "width": image_size}
    images = CLIPImageProcessor(
        size={"shortest_edge": image_size}, crop_size=side, image_mean=[mean] * 3, image_std=[std] * 3
    )
    return CLIPProcessor(image_processor=images, tokenizer=tokenizer)


def contrastive_loss(image_embeds: Tensor, text_embeds: Tensor, matches: Tensor, scale: Tensor) -> Tensor:
    """CLIP's symmetric cross-entropy with every true pair as a target.

    Embeddings (N, D); `matches` (N, N) bool, row = image, column = caption, diagonal true.
    With a diagonal matrix it is the loss of Radford et al. 2021, section 2.3.
    """
    logits = scale * normalize(image_embeds, dim=-1) @ normalize(text_embeds, dim=-1).T
    targets = matches.float()
    by_image = -(log_softmax(logits, 1) * targets / targets.sum(1, keepdim=True)).sum(1)
    by_text = -(log_softmax(logits, 0) * targets / targets.sum(0, keepdim=True)).sum(0)
    return (by_image.mean() + by_text.mean()) / 2


def shift(images: Tensor, most: int = 2) -> Tensor:
    """Move the batch by up to `most` pixels in x and y, filling with black."""
    dx, dy = torch.randint(-most, most + 1, (2,)).tolist()
    moved = torch.nn.functional.pad(images, (most,) * 4)
    return moved[..., most + dy : most + dy + images.shape[-2], most + dx : most + dx + images.shape[-1]]


def train_clip(data: Labelled, config: PretrainConfig) -> float:
    """Train, scale image embeddings to unit mean norm (so that eps is a share of it), save; seconds."""
    stage, class_names = config.clip, config.class_names
    pixels = data.images.float() / 255
    mean, std = pixels.mean().item(), pixels.std().item()
    sizes = CLIPConfig(**stage.model)
    size, context = sizes.vision_config.image_size, sizes.text_config.max_position_embeddings
    # learning merges breaks ties at random: a resumed training must read the tokens that it was started with
    kept = config.checkpoint("clip").with_suffix("")
    if not kept.exists():
        build_processor(class_names, size, mean, std, context).save_pretrained(kept)
    processor = CLIPProcessor.from_pretrained(kept)
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(sizes.text_config, key, getattr(processor.tokenizer, key))
    sizes.text_config.vocab_size = len(processor.tokenizer)
    with seeded(stage.seed, "clip"):
        model = CLIPModel(sizes)
    seen = captions.levels(captions.attributes(pixels), data.labels)

    def loss_at(step: int) -> Tensor:
        rows = batch_indices(step, len(data.labels), stage.batch_size, stage.seed)
        texts, matches = captions.write(class_names, data.labels[rows], seen[rows])
        tokens = processor.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        images = (shift(data.rgb(rows)) - mean) / std
        out = model(pixel_values=images, **tokens)
        return contrastive_loss(out.image_embeds, out.text_embeds, matches, model.logit_scale.exp())

    seconds = train(model, loss_at, stage, "clip", config.checkpoint("clip"))
    with torch.no_grad():
        sample = (data.rgb(torch.arange(0, len(data.labels), 20)) - mean) / std
        model.visual_projection.weight /= model.get_image_features(sample).pooler_output.norm(dim=-1).mean()
    model.half().save_pretrained(config.folder("clip"))
    processor.save_pretrained(config.folder("clip"))
    return seconds
