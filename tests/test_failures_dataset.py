"""A row with failed cells is not finished: `--only-missing-outputs` runs it again, and no other."""

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset

from guided_imagination.datasets.files import FailuresDataset


def test_only_rows_with_failures_are_run_again(tmp_path):
    ran, errors = [], {"sound": {}, "unlucky": {"cell": "RuntimeError: the memory ran out"}}

    def row(name):
        def train():
            ran.append(name)
            return {"accuracy": 1}, errors[name]

        return Node(train, None, [f"{name}.results", f"{name}.failures"], name=name)

    catalog = DataCatalog(
        {f"{name}.results": JSONDataset(filepath=str(tmp_path / f"{name}.json")) for name in errors}
        | {f"{name}.failures": FailuresDataset(filepath=str(tmp_path / f"{name}_failures.json")) for name in errors}
    )
    pipeline = Pipeline([row(name) for name in errors])
    SequentialRunner().run(pipeline, catalog)
    errors["unlucky"] = {}
    for _ in range(2):  # the second time nothing is left to do
        SequentialRunner().run(pipeline, catalog, only_missing_outputs=True)
    assert sorted(ran) == ["sound", "unlucky", "unlucky"]
    assert catalog.load("unlucky.failures") == {}
