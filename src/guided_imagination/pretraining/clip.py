"""A small CLIPModel, trained on captions that are true of several images of a batch."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor
from torch.nn.functional import log_softmax, normalize, pad
from torchvision.transforms import Normalize
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.pretraining import captions
from guided_imagination.pretraining.images import Labelled
from guided_imagination.pretraining.stages import train
from guided_imagination.utils.randomness import batch_indices, seeded

END_OF_WORD, SPECIAL = "</w>", ("<|startoftext|>", "<|endoftext|>")


def build_processor(
    corpus: Sequence[str], image_size: int, mean: Sequence[float], std: Sequence[float], context: int
) -> CLIPProcessor:
    """CLIP's own processor: a tokenizer with the words of the `corpus`, and the pixel statistics (RGB)."""
    side = {"height": image_size, "width": image_size}
    images = CLIPImageProcessor(
        size={"shortest_edge": image_size}, crop_size=side, image_mean=list(mean), image_std=list(std)
    )
    return CLIPProcessor(image_processor=images, tokenizer=build_tokenizer(corpus, context))


def build_tokenizer(corpus: Sequence[str], context: int) -> CLIPTokenizer:
    """CLIP's tokenizer with a token for every byte, inside a word and at its end, and for the words of the `corpus`.

    Other words are read in pieces. Its merges are those that spell the words in the order of the alphabet: learning
    them breaks ties at random, so that no two trainings would begin alike.
    """
    rules = CLIPTokenizer().backend_tokenizer
    words = {
        word
        for text in corpus
        for word, _ in rules.pre_tokenizer.pre_tokenize_str(rules.normalizer.normalize_str(text))
    }
    merges: dict[tuple[str, str], None] = {}
    for word in sorted(words):
        pieces = [*word[:-1], word[-1] + END_OF_WORD]
        for length in range(1, len(pieces)):
            merges["".join(pieces[:length]), pieces[length]] = None
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(letter + END_OF_WORD for letter in letters), *("".join(pair) for pair in merges), *SPECIAL]
    tokenizer = CLIPTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=list(merges))
    tokenizer.model_max_length = context
    return tokenizer


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
    """Move the batch by up to `most` pixels in x and y, repeating the pixels of the border."""
    dx, dy = torch.randint(-most, most + 1, (2,)).tolist()
    moved = pad(images, (most,) * 4, mode="replicate")
    return moved[..., most + dy : most + dy + images.shape[-2], most + dx : most + dx + images.shape[-1]]


def train_clip(data: Labelled, class_names: list[str], config: PretrainConfig, folder: Path) -> float:
    """Train, scale image embeddings to unit mean norm (so that eps is a share of it), save in `folder`; seconds."""
    domain, stage = config.chosen, config.chosen.clip
    mean, std = statistics(data)
    sizes = CLIPConfig(**stage.model)
    said = captions.words(domain.attributes)
    corpus = [template.format(name) for template in domain.templates for name in class_names]
    corpus += [word for pair in said for word in pair]
    size, context = sizes.vision_config.image_size, sizes.text_config.max_position_embeddings
    processor = build_processor(corpus, size, mean, std, context)
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(sizes.text_config, key, getattr(processor.tokenizer, key))
    sizes.text_config.vocab_size = len(processor.tokenizer)
    with seeded(stage.seed, "clip"):
        model = CLIPModel(sizes)
    seen = _levels(data, config)
    normalise = Normalize(mean, std)

    def loss_at(step: int) -> Tensor:
        rows = batch_indices(step, len(data.labels), stage.batch_size, stage.seed)
        texts, matches = captions.write(domain.templates, said, class_names, data.labels[rows], seen[rows])
        tokens = processor.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        out = model(pixel_values=normalise(shift(data.rgb(rows))), **tokens)
        return contrastive_loss(out.image_embeds, out.text_embeds, matches, model.logit_scale.exp())

    captioned = domain.model_dump_json(include={"templates", "foreground", "attributes"})
    seconds = train(model, loss_at, stage, "clip", config.checkpoint("clip", data.checksum, captioned, *class_names))
    with torch.no_grad():
        sample = normalise(data.rgb(torch.arange(0, len(data.labels), 20)))
        model.visual_projection.weight /= model.get_image_features(sample).pooler_output.norm(dim=-1).mean()
    model.half().save_pretrained(folder)
    processor.save_pretrained(folder)
    return seconds


def statistics(data: Labelled) -> tuple[list[float], list[float]]:
    """Mean and deviation of red, green and blue in [0, 1]."""
    moments = [torch.std_mean(channel.float().div(255)) for channel in data.images.unbind(1)]
    return [mean.item() for _, mean in moments], [std.item() for std, _ in moments]


def _levels(data: Labelled, config: PretrainConfig) -> Tensor:
    attributes, foreground = list(config.chosen.attributes.values()), config.chosen.foreground
    rows = torch.arange(len(data.labels)).split(4096)
    measures = torch.cat([captions.measure(data.rgb(part), attributes, foreground) for part in rows])
    return captions.levels(measures, data.labels)
