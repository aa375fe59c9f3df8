"""What the imagination needs of a generator, and the latent that passes between them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import torch
from torch import Tensor

from guided_imagination.models.device import Placement

if TYPE_CHECKING:
    from guided_imagination.models.clip import Guide  # imports transformers

Config = TypeVar("Config", contravariant=True)


@dataclass(frozen=True)
class Siblings:
    """Variants of S seeds that are there already: how many (S,), and the sum (S, D) of their CLIP features."""

    count: Tensor
    sum: Tensor


@dataclass(frozen=True)
class SeedBatch:
    """N variants of S seeds, to be made all at once.

    images: (S, 3, H, W) in [0, 1]; labels: (S,) class indices; owner: (N,) the seed of each variant, in [0, S);
    rngs: one per variant, on the CPU; siblings: those that were kept, where only refused ones are made again;
    features: (N, ...) what is decoded, where that was made beforehand; embeds: (S, D) the guide's embeddings of the
    seeds, where it has seen them.
    """

    images: Tensor
    labels: Tensor
    owner: Tensor
    rngs: Sequence[torch.Generator]
    siblings: Siblings | None = None
    features: Tensor | None = None
    embeds: Tensor | None = None

    def __len__(self) -> int:
        return len(self.owner)

    def take(self, variants: slice) -> "SeedBatch":
        """Some of the variants, with no more seeds than are theirs."""
        used, owner = self.owner[variants].unique(return_inverse=True)
        embeds = None if self.embeds is None else self.embeds[used]
        return SeedBatch(self.images[used], self.labels[used], owner, self.rngs[variants], embeds=embeds)

    def to(self, device: torch.device) -> "SeedBatch":
        """The tensors on `device`; random numbers are drawn on the CPU, for equal bits everywhere."""
        kept = self.siblings and Siblings(self.siblings.count.to(device), self.siblings.sum.to(device))
        features, embeds = (None if part is None else part.to(device) for part in (self.features, self.embeds))
        return SeedBatch(
            self.images.to(device), self.labels.to(device), self.owner.to(device), self.rngs, kept, features, embeds
        )


@dataclass(frozen=True)
class Latent:
    """`feature` (B, ...) is perturbed; `context` (B, ...) is what else decoding needs, left as it is."""

    feature: Tensor
    context: Tensor

    def __len__(self) -> int:
        return len(self.feature)

    def take(self, rows: Tensor | slice) -> "Latent":
        return Latent(self.feature[rows], self.context[rows])

    def with_feature(self, feature: Tensor) -> "Latent":
        return Latent(feature, self.context)

    def float(self) -> "Latent":
        """In 32 bits: the perturbation is too fine for 16."""
        return Latent(self.feature.float(), self.context.float())

    @staticmethod
    def join(parts: Iterable["Latent"]) -> "Latent":
        parts = list(parts)
        return Latent(torch.cat([part.feature for part in parts]), torch.cat([part.context for part in parts]))


def batches(rows: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `rows`."""
    return (slice(start, start + size) for start in range(0, rows, size))


class Generator(Protocol):
    """Encodes images into latents, shows a latent to CLIP, and decodes it into a new image.

    Rows are independent of each other: how many are given at once changes no more than their rounding.
    """

    def encode(self, batch: SeedBatch) -> Latent:
        """Latents of N variants before they are perturbed; a generator may encode at random."""
        ...

    def embed(self, latent: Latent) -> Tensor:
        """Unit-norm CLIP features (B, D) of what the latent stands for; differentiable in the feature."""
        ...

    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> Tensor:
        """Images (B, 3, H, W) in [0, 1]; one random generator per sample."""
        ...

    def noise_shape(self, feature: Tensor) -> tuple[int, ...]:
        """Where the noise z and b live: per sample and channel, broadcastable to the feature (B, ...)."""
        ...


@dataclass(frozen=True)
class Weights:
    """Where a generator lies, as `save_pretrained` wrote it, and what fine-tuning made of it, if it did."""

    folder: Path
    adapted: Path | None


class Loader(Protocol[Config]):
    """Makes a generator from the typed settings of its kind."""

    def __call__(
        self, config: Config, weights: Weights, guide: "Guide", class_names: Sequence[str], placement: Placement, /
    ) -> Generator: ...
