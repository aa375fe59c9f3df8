"""What a guide sees in images: it knows no network, so that records of what was seen can be read without one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor
from torch.nn.functional import normalize

from guided_imagination.models.device import Batches, Placement

if TYPE_CHECKING:
    from guided_imagination.config.models import HeadChoice
    from guided_imagination.models.clip import Guide  # imports transformers
    from guided_imagination.models.heads import Features, Fitted, Head


@dataclass(frozen=True)
class ZeroShot:
    """Of N images: unit-norm `features` (N, D) and `log_probs` (N, C) of the classes, float32 on the CPU."""

    features: Tensor
    log_probs: Tensor

    @property
    def predictions(self) -> Tensor:
        """The most probable class (N,)."""
        return self.log_probs.argmax(1)

    def probability(self, labels: Tensor) -> Tensor:
        """The probability (N,) of each image's own label (N,)."""
        return self.log_probs.gather(1, labels[:, None])[:, 0].exp()

    @classmethod
    def join(cls, parts: Sequence["ZeroShot"]) -> "ZeroShot":
        """One after the other."""
        return cls(torch.cat([part.features for part in parts]), torch.cat([part.log_probs for part in parts]))


@dataclass(frozen=True)
class ZeroShotClassifier:
    """What `guide` sees in images (N, 3, H, W) in [0, 1]; `batches` says how many at once."""

    guide: "Guide"
    logit_scale: float
    placement: Placement
    batches: Batches

    def __call__(self, images: Tensor) -> ZeroShot:
        return self.recognise(self.embed(images))

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor:
        """Embeddings (N, D), not normalised, float32 on the CPU."""
        with self.placement.autocast():
            return self.batches.run(lambda size: torch.cat([self._embed(part) for part in images.split(size)]))

    def _embed(self, images: Tensor) -> Tensor:
        return self.guide.image_embeds(images.to(self.placement.device)).float().cpu()

    @torch.no_grad()
    def recognise(self, embeds: Tensor) -> ZeroShot:
        """What the head says of embeddings (N, D)."""
        features = normalize(embeds.to(self.placement.device), dim=-1)
        return ZeroShot(features.cpu(), self.guide.log_probs(features, self.logit_scale).cpu())

    def fit(self, choice: "HeadChoice", batches: "Features", classes: int) -> "Fitted":
        """A head of the encoder from embeddings of seed images; see `fit_head`."""
        from guided_imagination.models.heads import Head, fit_head  # imports scikit-learn

        text = self.guide.text and Head(self.guide.text.weight.cpu(), self.guide.text.bias.cpu())
        return fit_head(choice, batches, text, classes, self.guide.logit_scale)

    def learned(
        self, choice: "HeadChoice", images: Iterable[tuple[Tensor, Tensor]], classes: int
    ) -> tuple[Self, "Fitted"]:
        """With the chosen head, fitted to images (N, 3, H, W) in [0, 1] and labels (N,); holds all features."""
        features = [(normalize(self.embed(pixels), dim=-1), labels) for pixels, labels in images]
        found = self.fit(choice, lambda: features, classes)
        return self.with_head(found.head), found

    def with_head(self, head: "Head") -> Self:
        """The same encoder with another head."""
        return replace(self, guide=self.guide.with_head(head))
