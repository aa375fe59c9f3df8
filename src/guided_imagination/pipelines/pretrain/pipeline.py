"""`pretrain`: a domain's images but for those that its split sets aside -> its small models and their cards."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from guided_imagination.pipelines.lazy import Lazy

nodes = Lazy(f"{__package__}.nodes")

CONFIG = "params:pretrain"
DECODING = "params:generators.embedded_unclip"
DATA, MEASURED = ["training", "class_names"], ["shares", "class_names"]


def create_pipeline() -> Pipeline:
    """Images of a domain, four trainings, three measurements and a picture."""
    parts: list[tuple[Callable[..., Any], list[str], str | list[str]]] = [
        (nodes.read_images, [CONFIG, "split"], ["training", "shares", "class_names"]),
        (nodes.select_images, MEASURED, ["pool_images", "test_images"]),
        (nodes.select_tuning, MEASURED, "tuning_raw"),
        (nodes.train_clip, [CONFIG, *DATA], "clip_record"),
        (nodes.train_movq, [CONFIG, "training"], "movq_record"),
        (nodes.train_unclip, [CONFIG, "training", "clip_record", "movq_record"], "unclip_record"),
        (nodes.train_mae, [CONFIG, "training"], "mae_record"),
        (nodes.describe_clip, [CONFIG, *MEASURED, "clip_record"], "clip_card"),
        (nodes.describe_mae, [CONFIG, *MEASURED, "clip_record", "mae_record"], "mae_card"),
        (nodes.describe_unclip, [CONFIG, *MEASURED, "movq_record", "unclip_record", DECODING], "unclip_card"),
        (nodes.show_variations, [CONFIG, *MEASURED, "clip_record", "unclip_record", DECODING], "variations_sheet"),
    ]
    return _pipeline(parts)


def create_split_pipeline() -> Pipeline:
    """`split`: which images of a new domain no model sees, drawn once."""
    return _pipeline([(nodes.fix, [CONFIG], "split")])


def _pipeline(parts: list[tuple[Callable[..., Any], list[str], str | list[str]]]) -> Pipeline:
    return Pipeline(
        [
            Node(function, inputs, outputs, name=function.__name__, tags="pretrain")
            for function, inputs, outputs in parts
        ],
        namespace="pretrain",
        parameters={name: name for name in {name for _, inputs, _ in parts for name in inputs} & {CONFIG, DECODING}},
    )
