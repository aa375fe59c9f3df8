"""Fine-tuning of a generator on the seeds, for domains that its training images lack."""

from guided_imagination.adaptation.adapted import adapt as adapt
