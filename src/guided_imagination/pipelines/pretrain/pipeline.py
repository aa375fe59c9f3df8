"""`pretrain`: Fashion-MNIST without the project's own images -> the embedded models and their cards."""

from kedro.pipeline import Node, Pipeline

from guided_imagination.pipelines.pretrain import nodes
from guided_imagination.pipelines.typed import typed

CONFIG = "params:pretrain"
SPLIT = "pretrain.split"


def create_pipeline() -> Pipeline:
    """Four trainings and three measurements."""
    clip, movq, unclip, mae = (f"pretrain.{model}_record" for model in ("clip", "movq", "unclip", "mae"))
    parts = [
        (nodes.select_images, [], ["pretrain.pool", "pretrain.test"]),
        (nodes.train_clip, [], clip),
        (nodes.train_movq, [], movq),
        (nodes.train_unclip, [clip, movq], unclip),
        (nodes.train_mae, [], mae),
        (nodes.describe_clip, [clip], "pretrain.clip_card"),
        (nodes.describe_mae, [clip, mae, "params:expand_mae.generator"], "pretrain.mae_card"),
        (nodes.describe_unclip, [clip, movq, unclip, "params:expand_dalle.generator"], "pretrain.unclip_card"),
    ]
    return Pipeline(
        [
            Node(
                typed(function),
                [CONFIG, SPLIT, *inputs],
                outputs,
                name=f"pretrain.{function.__name__}",
                tags="pretrain",
            )
            for function, inputs, outputs in parts
        ]
    )
