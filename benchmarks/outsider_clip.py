"""A CLIP that guided nothing, to audit with: `python -m benchmarks.outsider_clip FOLDER`, about 22 minutes of a core.

As the embedded one (same images, sizes and steps) but for its seed and its captions: other templates, by which it has
to be asked, and no words for what is seen beside the class. Then, in an environment of its own under conf/, give
`guides: {outsider: {model: FOLDER/clip}}`, `audit: {guide: outsider}` and these templates in
`dataset_specs.fashion.templates`, and `kedro run --pipelines audit --env` with its name.
"""

import json
import sys
from pathlib import Path

import torch
import yaml

from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.pretraining import captions, cards, fashion_mnist
from guided_imagination.pretraining.clip import train_clip
from guided_imagination.pretraining.fashion_mnist import Split

ROOT = Path(__file__).parents[1]
TEMPLATES = (
    "{} for sale.",
    "somebody's {}.",
    "an old picture that shows a {}.",
    "look at this {}!",
    "{} in black.",
)
SEED = 1


def main() -> None:
    """Train, measure on the shipped test images, print the accuracy."""
    folder = Path(sys.argv[1])
    settings = yaml.safe_load((ROOT / "conf/base/parameters_pretrain.yml").read_text())["pretrain"]
    settings |= {"output": str(folder), "checkpoints": str(folder / "checkpoints")}
    settings["clip"]["seed"] = SEED
    config = PretrainConfig.model_validate(settings)
    captions.TEMPLATES, captions.ATTRIBUTES = TEMPLATES, {}
    cards.TEMPLATES = TEMPLATES
    captions.levels = lambda measures, labels: torch.zeros(len(labels), 0, dtype=torch.int8)
    split = Split(**json.loads((ROOT / "src/guided_imagination/embedded/fashion/split.json").read_text()))
    seconds = train_clip(fashion_mnist.training_images(split), config)
    accuracy = cards.measure_clip(cards.load_clip(config), fashion_mnist.test_images(split))
    print(f"{seconds:.0f} s, zero-shot accuracy {accuracy:.1f} %")


if __name__ == "__main__":
    main()
