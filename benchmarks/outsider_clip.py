"""A CLIP that guided nothing, to audit with: `python -m benchmarks.outsider_clip FOLDER`, about 22 minutes of a core.

As the embedded one (same images, sizes and steps) but for its seed and its captions: other templates, by which it has
to be asked, and no words for what is seen beside the class. Then, in an environment of its own under conf/, give
`guides: {outsider: {model: FOLDER/fashion/clip}}`, `audit: {guide: outsider}` and these templates in
`dataset_specs.fashion.templates`, and `kedro run --pipelines audit --env` with its name.
"""

import sys
from pathlib import Path

from guided_imagination.config.defaults import defaults, embedded
from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.pretraining import cards
from guided_imagination.pretraining.clip import train_clip
from guided_imagination.pretraining.images import open_domain
from guided_imagination.pretraining.splits import Split, training_ids

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
    settings = defaults()["pretrain"]
    other = {"templates": TEMPLATES, "attributes": {}, "clip": {**settings["domains"]["fashion"]["clip"], "seed": SEED}}
    settings["domains"]["fashion"] |= other
    config = PretrainConfig.model_validate(
        settings | {"domain": "fashion", "output": str(folder), "checkpoints": str(folder / "checkpoints")}
    )
    source = open_domain(config.chosen)
    split = Split.model_validate_json(Path(embedded("fashion/split.json")).read_text())
    seconds = train_clip(source.read(training_ids(source, split)), source.class_names, config, config.folder("clip"))
    accuracy = cards.measure_clip(cards.load_clip(config, source.class_names), source.read(split.ids("test")))
    print(f"{seconds:.0f} s, zero-shot accuracy {accuracy:.1f} %")


if __name__ == "__main__":
    main()
