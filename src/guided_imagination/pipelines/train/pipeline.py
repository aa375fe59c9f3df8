"""`train`: seeds and an expansion -> accuracies of every cell; CLIP's own; the best classifier."""

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.parameters import Parameters
from guided_imagination.config.rows import place_of
from guided_imagination.config.tree import Method
from guided_imagination.pipelines.lazy import GPU, Lazy, bound

nodes = Lazy(f"{__package__}.nodes")

SPLITS = ["seeds", "validation", "test"]
SETTINGS = "params:settings"


def create_pipeline(parameters: Parameters) -> Pipeline:
    """One namespace per dataset and method, one per reference, and the registration per dataset."""
    tuned = parameters.train.tuned
    rows = [
        _row(dataset, method, row, tuned) for dataset in parameters.places for method, row in parameters.methods.items()
    ]
    references = [_reference(dataset, name) for dataset in parameters.places for name in parameters.train.references]
    firsts = [place_of(dataset, parameters.draws[0]) for dataset in parameters.datasets]
    registrations = [_registration(place, list(parameters.methods)) for place in firsts]
    return Pipeline([*rows, *references, *registrations])


def _row(dataset: str, method: str, row: Method, tuned: bool) -> Pipeline:
    splits = {split: f"{dataset}.{split}" for split in SPLITS}
    made = {"expanded": f"{dataset}.{method}.expanded"} if row.pipeline is not None else {}
    chosen = {"tuned": f"{dataset}.tuned"} if tuned else {}
    inputs = {"settings": SETTINGS, **{name: name for name in (*splits, *made, *chosen)}}
    # apart, so that workers who are done with a row begin the next one
    begin = Node(nodes.begin, inputs, "begun", name="begin", tags=["train", GPU])
    train = Node(nodes.train, "begun", ["results", "failures"], name="train", tags=["train", GPU])
    return Pipeline([begin, train], namespace=f"{dataset}.{method}", inputs={**splits, **made, **chosen})


def _reference(dataset: str, name: str) -> Pipeline:
    splits = {split: f"{dataset}.{split}" for split in SPLITS}
    classify = bound(nodes.reference_row, name=name)
    node = Node(classify, [*splits, SETTINGS], "results", name="classify", tags=["train", GPU])
    own = {SETTINGS: f"params:{dataset}.settings"}
    return Pipeline([node], namespace=f"{dataset}.{name}", inputs=splits, parameters=own)


def _registration(dataset: str, methods: list[str]) -> Pipeline:
    rows = {f"{method}_results": f"{dataset}.{method}.results" for method in methods}
    node = Node(nodes.register, ["seeds", SETTINGS, *rows], "best", name="register", tags="train")
    return Pipeline([node], namespace=dataset, inputs=rows)
