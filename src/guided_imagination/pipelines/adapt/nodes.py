"""Node of `adapt`."""

from typing import Any

from datasets import Dataset

from guided_imagination.config import AdaptSettings
from guided_imagination.generators.adaptation import adapt as adaptation


def adapt(seeds: Dataset, settings: AdaptSettings) -> dict[str, Any]:
    """A generator fine-tuned on the seeds: where its weights are, and their checksum."""
    return adaptation.adapt(seeds, settings)
