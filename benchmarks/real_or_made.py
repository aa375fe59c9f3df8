"""Can a person tell? 100 real and 100 generated images, shuffled: `python -m benchmarks.real_or_made DOMAIN FOLDER`.

Real are test images; generated are unguided, unperturbed variations of other test images. Writes sheet.png, 20 images
in each of 10 rows, and key.json: for each place whether it is real. Look first.
"""

import json
import sys
from pathlib import Path

import torch
from torchvision.utils import make_grid, save_image

from guided_imagination.config.defaults import defaults, embedded
from guided_imagination.config.models import UnclipConfig
from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.data.dataset import class_names, to_tensors
from guided_imagination.pretraining import cards
from guided_imagination.utils.randomness import generator

EACH, PER_ROW = 100, 20


def main() -> None:
    """Draw, generate, shuffle, write."""
    from datasets import load_dataset

    domain, folder = sys.argv[1], Path(sys.argv[2])
    config = PretrainConfig.model_validate(defaults()["pretrain"] | {"domain": domain})
    rows = load_dataset("parquet", data_files=embedded(f"{domain}/test.parquet"), split="train")
    order = torch.randperm(len(rows), generator=generator("real or made", domain)).tolist()
    images, _ = to_tensors(rows.select(order[: 2 * EACH]))
    decoding = defaults()["generators"]["embedded_unclip"] | {"model": str(config.folder("unclip"))}
    seen = images.float() / 255
    guide = cards.load_clip(config, class_names(rows))
    made = cards.vary(UnclipConfig.model_validate(decoding), guide, seen[EACH:])
    both = torch.cat([seen[:EACH], made])
    place = torch.randperm(2 * EACH, generator=generator("places", domain))
    folder.mkdir(parents=True, exist_ok=True)
    save_image(make_grid(both[place].repeat_interleave(2, 2).repeat_interleave(2, 3), PER_ROW), folder / "sheet.png")
    (folder / "key.json").write_text(json.dumps([bool(number < EACH) for number in place]))


if __name__ == "__main__":
    main()
