"""Settings as `Parameters.settings` gives them, small and valid; what a test is about is changed by name."""

from typing import Any

from guided_imagination.config import Recipe
from guided_imagination.config.datasets import DatasetSpec
from guided_imagination.config.expansion import AuditConfig, ExpandConfig, Expander, ImageFileConfig
from guided_imagination.config.models import ONE_WORKER, GuideConfig
from guided_imagination.config.rows import AdaptSettings, RowSettings, TrainingSettings
from guided_imagination.config.training import TrainConfig, TuneConfig
from helpers.cells import ARCHITECTURE, RECIPE
from helpers.toy import guidance

SPEC = DatasetSpec(source={"kind": "parquet", "train": "images"}, resolution=4, templates=["a {}."])
COMPUTE = ONE_WORKER.overridden({"precision": "auto"})
FILES = ImageFileConfig(format="png", quality=95)
TUNE = TuneConfig(recipe="short", learning_rates=[0.1], weight_decays=[0], seeds=1)
GRID = TrainConfig(architectures=["tiny"], recipes=["short"], seeds=1, evaluate_on="test", log_points=2)
SIZES = {"seeds_per_shard": 2, "seeds_per_batch": 2, "images_per_batch": 4}
AUDIT = {
    "audit": AuditConfig(guide="clip", logit_scale=100, near_duplicate=0.98, images=100, images_per_batch=8),
    "audit_guide": GuideConfig(model="clip"),
}
EXPANDER = Expander(
    config=ExpandConfig(
        generator="mae",
        guide="clip",
        eps=0.5,
        criteria="toy",
        steps=3,
        step_size=0.1,
        redraws=1,
        rejected="drop",
        **SIZES,
    ),
    generator={"kind": "mae", "model": "mae", "decoding": "full"},
    guide={"model": "clip"},
    criteria=guidance().criteria,
)


def training(grid: TrainConfig = GRID, largest_ratio: int = 2, **recipes: Recipe) -> TrainingSettings:
    """One small architecture and one short recipe under every name of the grid, but for the `recipes` given."""
    named = {**dict.fromkeys(grid.recipes, RECIPE), **recipes}
    architectures = dict.fromkeys(grid.architectures, ARCHITECTURE)
    return TrainingSettings(
        grid=grid,
        largest_ratio=largest_ratio,
        architectures=architectures,
        recipes=dict.fromkeys(architectures, named),
    )


def row(**changes: Any) -> RowSettings:
    """Of a guided MAE row."""
    settings = {
        "dataset": "pets",
        "spec": SPEC,
        "seed": 0,
        "compute": COMPUTE,
        "models_dir": "models",
        "method": "gif_mae",
        "guided": True,
        "ratio": 2,
        "overwrite": False,
        "image_files": FILES,
        "expander": EXPANDER,
        "augmentation": None,
        "training": training(),
        **AUDIT,
    }
    return RowSettings(**{**settings, **changes})


def adaptation(expander: Expander, **changes: Any) -> AdaptSettings:
    """Of a fine-tuning."""
    shared = {"dataset": "pets", "spec": SPEC, "seed": 0, "compute": COMPUTE, "models_dir": "models"}
    return AdaptSettings(**{**shared, "pipeline": "expand_mae", "expander": expander, **changes})
