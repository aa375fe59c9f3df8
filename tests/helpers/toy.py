"""Stand-ins that are small enough to reason about: a linear CLIP, a pixel generator, a maker, a dataset."""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import log_softmax, normalize

from guided_imagination.config import RejectConfig
from guided_imagination.config.guidance import MOVE_RANGES, Criteria, Guidance
from guided_imagination.data.dataset import features, to_tensors
from guided_imagination.data.images import encode
from guided_imagination.expansion.plan import Plan
from guided_imagination.expansion.preparation import Prepared
from guided_imagination.generators.base import Latent, SeedBatch
from guided_imagination.imagination.criteria import CRITERIA
from guided_imagination.imagination.imagine import Imagined
from guided_imagination.models.heads import Fitted, Head, LeftOut
from guided_imagination.models.zero_shot import ZeroShot

SIDE = 4
NAMES = ["cat", "dog"]


class ToyGuide:
    """CLIP with one linear layer: the features are the normalised projection of the pixels."""

    def __init__(self, classes: int = 3, width: int = 5) -> None:
        rng = torch.Generator().manual_seed(1)
        self.projection = torch.randn(3 * SIDE * SIDE, width, generator=rng)
        self.head = normalize(torch.randn(classes, width, generator=rng), dim=-1)
        self.bias = torch.zeros(classes)
        self.text, self.logit_scale = None, 100.0

    def with_head(self, head: Head) -> "ToyGuide":
        other = copy(self)
        other.head, other.bias = head.weight, head.bias
        return other

    def image_embeds(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.projection

    def features(self, images: Tensor) -> Tensor:
        return normalize(self.image_embeds(images), dim=-1)

    def log_probs(self, features: Tensor, logit_scale: float = 100.0) -> Tensor:
        return log_softmax(logit_scale * (features @ self.head.T + self.bias), dim=-1)

    def predict(self, images: Tensor) -> Tensor:
        return (self.features(images) @ self.head.T).argmax(1)


class ToyGenerator:
    """The latent is the image, the noise is per channel; decoding adds grain drawn from the sample's generator."""

    def __init__(self, guide: ToyGuide, grain: float = 0.0) -> None:
        self.guide, self.grain = guide, grain

    def encode(self, batch: SeedBatch) -> Latent:
        return Latent(batch.images, batch.images.new_empty(len(batch.images), 0)).take(batch.owner)

    def embed(self, latent: Latent) -> Tensor:
        return self.guide.features(latent.feature)

    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> Tensor:
        grain = torch.stack([torch.rand(3, SIDE, SIDE, generator=rng) for rng in rngs])
        return (latent.feature + self.grain * grain).clamp(0, 1)

    def noise_shape(self, feature: Tensor) -> tuple[int, ...]:
        return (len(feature), 3, 1, 1)


def guidance(**changes: object) -> Guidance:
    """Settings of an ascent; `changes` go to the criteria or to the ascent, by name."""
    ascent = {"eps": 0.52, "noise": 1.72, "steps": 5, "step_size": 0.02}  # seeds have a root mean square of about 0.58
    criteria = {
        "hold": "label",
        "weights": {"consistency": 1, "entropy": 1, "diversity": 1},
        "logit_scale": 5,
        "temperature": 0.1,
        "gradient": "straight_through",
    }
    for name, value in changes.items():
        (ascent if name in ascent else criteria)[name] = value
    return Guidance(**ascent, criteria=Criteria(**criteria))


class ToyLook:
    """Recognises embedded images as it classifies images; has the head that it has."""

    def embed(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :6]

    def recognise(self, embeds: Tensor) -> ZeroShot:
        return self.classify(embeds)

    def fit(self, choice, batches, classes: int) -> Fitted:
        features, labels = (torch.cat(parts) for parts in zip(*batches(), strict=True))
        head = Head(torch.zeros(classes, features.shape[1]), torch.zeros(classes))
        return Fitted("text", head, LeftOut(self.recognise(features).log_probs, labels), 1.0)


class ToyAugmenter(ToyLook):
    """Half seed, half noise. `wrong(call, labels)` says which variants of a call it sees as another class."""

    def __init__(
        self, wrong: Callable[[int, Tensor], Tensor] = lambda call, labels: labels < 0, fail_at: int | None = None
    ) -> None:
        self.wrong, self.fail_at, self.calls = wrong, fail_at, 0
        self.labels: Tensor | None = None

    def make(self, seeds, clock) -> Imagined:
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        self.labels = seeds.labels[seeds.owner]
        noise = torch.stack([torch.rand(seeds.images.shape[1:], generator=rng) for rng in seeds.rngs])
        self.calls += 1
        scores = {name: torch.full((len(seeds),), 1.0 + number) for number, name in enumerate(CRITERIA)}
        moves = {name: torch.full((len(seeds),), 0.5) for name in MOVE_RANGES}
        return Imagined((seeds.images[seeds.owner] + noise) / 2, scores, moves=moves)

    def classify(self, images: Tensor) -> ZeroShot:
        """Nine in ten for the class that it sees, if these images were just made; seeds could be either."""
        labels, self.labels = self.labels, None
        features = normalize(self.embed(images), dim=1)
        if labels is None:
            return ZeroShot(features, torch.full((len(images), 2), 0.5).log())
        seen = torch.where(self.wrong(self.calls - 1, labels), 1 - labels, labels)
        classes = max(2, int(labels.max()) + 1)
        return ZeroShot(features, torch.where(torch.arange(classes) == seen[:, None], 0.9, 0.1 / (classes - 1)).log())


def dataset(labels: Sequence[int], names: Sequence[str] = NAMES, side: int = SIDE) -> Dataset:
    """Random images of these labels, ids "0", "1", ..."""
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (len(labels), 3, side, side), dtype=torch.uint8, generator=rng)
    columns = {
        "id": [str(row) for row in range(len(labels))],
        "image": [{"bytes": encode(image), "path": None} for image in pixels],
        "label": list(labels),
    }
    return Dataset.from_dict(columns, features=features(list(names)))


def plan(maker: ToyAugmenter | None = None, **changes: object) -> Plan:
    """An expansion of four seeds by two in two shards; without a maker, loading one is a failure."""

    def load() -> ToyAugmenter:
        assert maker is not None, "the maker was loaded although nothing had to be made"
        return maker

    settings = {
        "method": "toy",
        "seeds": dataset([0, 1, 0, 1]),
        "ratio": 2,
        "seed": 0,
        "resolution": SIDE,
        "seed_resolution": SIDE,
        "seeds_per_shard": 2,
        "seeds_per_batch": 2,
        "redraws": 0,
        "reject": RejectConfig(),
        "rejected": "drop",
        "settings": {"eps": 0.1},
        "inputs": {"seeds": "abc"},
        "overwrite": False,
        "load_augmenter": load,
    }
    return Plan(**{**settings, **changes})


def prepared(maker: ToyAugmenter, settings: Plan, targets: NDArray[Any] | None = None) -> Prepared:
    """What `prepare` would have left for the shards of `settings`, with these targets."""
    embeds = maker.embed(to_tensors(settings.seeds, settings.resolution)[0] / 255)
    return Prepared(maker, None if embeds is None else embeds.numpy(), targets)
