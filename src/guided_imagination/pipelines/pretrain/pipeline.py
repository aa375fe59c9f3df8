"""`pretrain`: Fashion-MNIST without the project's own images -> the embedded models and their cards."""

from kedro.pipeline import Node, Pipeline

from guided_imagination.pipelines.typed import NodeFunction, Nodes, typed

nodes = Nodes(f"{__package__}.nodes")

MAE_GENERATOR = "params:generators.embedded_mae"
UNCLIP_GENERATOR = "params:generators.embedded_unclip"


def create_pipeline() -> Pipeline:
    """Four trainings, three measurements and a picture."""
    parts: list[tuple[NodeFunction, list[str], str | list[str]]] = [
        (nodes.select_images, [], ["pool_images", "test_images"]),
        (nodes.select_tuning, [], "tuning_raw"),
        (nodes.train_clip, [], "clip_record"),
        (nodes.train_movq, [], "movq_record"),
        (nodes.train_unclip, ["clip_record", "movq_record"], "unclip_record"),
        (nodes.train_mae, [], "mae_record"),
        (nodes.describe_clip, ["clip_record"], "clip_card"),
        (nodes.describe_mae, ["clip_record", "mae_record", MAE_GENERATOR], "mae_card"),
        (nodes.describe_unclip, [UNCLIP_GENERATOR, "movq_record", "unclip_record"], "unclip_card"),
        (nodes.show_variations, ["clip_record", "unclip_record", UNCLIP_GENERATOR], "variations_sheet"),
    ]
    config = "params:pretrain"
    return Pipeline(
        [
            Node(typed(function), [config, "split", *inputs], outputs, name=function.name, tags="pretrain")
            for function, inputs, outputs in parts
        ],
        namespace="pretrain",
        parameters={name: name for name in (config, MAE_GENERATOR, UNCLIP_GENERATOR)},
    )
