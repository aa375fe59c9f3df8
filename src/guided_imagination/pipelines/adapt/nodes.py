"""Node of `adapt`."""

from functools import partial
from typing import Any

from datasets import Dataset

from guided_imagination.config import AdaptSettings
from guided_imagination.generators.adaptation import adapt as adaptation
from guided_imagination.utils.workers import call


def adapt(seeds: Dataset, settings: AdaptSettings) -> dict[str, Any]:
    """A generator fine-tuned on the seeds: where its weights are, and their checksum."""
    return call(partial(adaptation.adapt, seeds, settings), settings.compute)
