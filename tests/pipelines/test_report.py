"""The pipeline `report`: every input arrives under its name, of every draw and row."""

from itertools import product

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node

from guided_imagination.config.rows import DatasetSettings
from guided_imagination.config.tree import Method
from guided_imagination.data.dataset import checksum
from guided_imagination.expansion import audit
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.pipelines.lazy import by_name
from guided_imagination.pipelines.report import nodes
from helpers.results import cells, config, tidy
from helpers.settings import SPEC
from helpers.toy import NAMES, ToyAugmenter, dataset, plan

DRAWS, METHODS = (0, 1), {"gif_dalle": Method(pipeline="expand_dalle", guided=True), "original": Method()}


def test_inputs_of_a_kind_arrive_as_one_dict_whatever_their_order_and_number():
    def node(**given):
        return given

    inputs = {"one": "a.one", "none": {}, "several": {("b", 1): "b.several", "c": "c.several"}}
    function, names = by_name(node, inputs)
    catalog = DataCatalog({name: MemoryDataset(name.upper()) for name in names.values()})
    catalog["made"] = MemoryDataset()
    (ran,) = [Node(function, dict(reversed(names.items())), "made")]
    assert ran.run({name: catalog.load(name) for name in ran.inputs})["made"] == {
        "one": "A.ONE",
        "none": {},
        "several": {("b", 1): "B.SEVERAL", "c": "C.SEVERAL"},
    }


@pytest.fixture
def collected(tmp_path, monkeypatch):
    """Two draws of two rows: of each other accuracies, failures, audits and notes, and expansions of their own."""
    logged = {}
    monkeypatch.setattr(nodes.tracking, "log_table", lambda table, name: logged.setdefault(name, table))
    seeds, places = dataset([0, 1], NAMES), {draw: f"cars_draw{draw}" if draw else "cars" for draw in DRAWS}
    expanded = {}
    for draw in DRAWS:
        expand(tmp_path / str(draw), plan(ToyAugmenter(), seeds=seeds, inputs={"seeds": checksum(seeds)}))
        expanded["gif_dalle", draw] = Expansion(tmp_path / str(draw))
    results = {
        f"{places[draw]}.{method}": tidy(
            cells("cars", method, 5 * (method != "original"), 20 + 10 * number + draw), draw=draw
        )
        for draw, (number, method) in product(DRAWS, enumerate(METHODS))
    }
    found, table = nodes.collect(
        seeds=seeds,
        expanded=expanded,
        results=results,
        failures={name: {f"{name} cell": "boom"} for name in results},
        audits={
            place: audit.table([{"method": "gif_dalle", "images": 4, "label_agreement": 0.5 + draw / 4}])
            for draw, place in places.items()
        },
        manifests={
            place: {
                "draw": draw,
                "notes": [{"said": f"{draw} of 9 are", "examples": []}, {"said": "all", "examples": []}],
            }
            for draw, place in places.items()
        },
        settings=DatasetSettings.model_construct(dataset="cars", draw=0, spec=SPEC),
        methods=METHODS,
        config=config().model_copy(update={"compare": [("gif_dalle", "original")]}),
        models=str(tmp_path),
        looked=["gif_dalle"],
    )
    return found, table, logged


def test_what_was_found_on_a_dataset_is_of_all_of_its_draws_and_rows(collected):
    found, _, logged = collected
    rows = found.results[["draw", "method", "accuracy"]].to_numpy().tolist()
    assert rows == [[0, "gif_dalle", 20], [0, "original", 30], [1, "gif_dalle", 21], [1, "original", 31]]
    assert logged["results_cars"] is found.results
    (interval,) = found.intervals.to_dict("records")
    assert (interval["difference"], interval["covers"]) == (-10, "2 draws")
    places = [f"{place}.{method} cell" for place, method in product(("cars", "cars_draw1"), METHODS)]
    assert found.failures == dict.fromkeys(places, "boom")
    assert found.audits[["dataset", "label_agreement"]].to_numpy().tolist() == [["cars", 0.625]]
    assert found.notes == {"cars": {"0 of 9 are": [0], "all": [], "1 of 9 are": [1]}}
    (speed,) = found.speeds.to_dict("records")
    assert (speed["method"], speed["images"], speed["promised"]) == ("gif_dalle", 8, 8), "four of each draw"
    assert found.confusions == {}, "no predictions are kept"
    look = found.looks["cars"]
    assert (look["draw"], [(row["method"], row["images"]) for row in look["rows"]]) == (0, [("gif_dalle", 4)])


def test_its_table_says_what_ingest_has_said_of_copies(collected):
    _, table, _ = collected
    assert (table.name, table.header) == ("cars", ["method", "cars"])
    assert table.frame()["cars"].tolist() == ["20.5 ± 0.7 (-10.0)", "30.5 ± 0.7"]
    assert "In cars, draw 0: 0 of 9 are. In cars: all. In cars, draw 1: 1 of 9 are. Do not generate" in table.words
