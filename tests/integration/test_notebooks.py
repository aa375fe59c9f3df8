"""The notebooks run from top to bottom, show pictures and tables, and are kept without outputs."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from datasets import load_dataset
from kedro.framework.project import configure_project

from guided_imagination.config.tree import Method
from guided_imagination.expansion.expand import expand
from guided_imagination.report.contact_sheet import contact_sheet
from helpers.results import findings, views
from helpers.toy import ToyAugmenter, plan

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EMBEDDED = ROOT / "src/guided_imagination/embedded"


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == kind]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """IPython with Kedro's extension, as `kedro jupyter` starts it, over a data folder of a few images."""
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell

    folder = tmp_path_factory.mktemp("data")
    modules = project_modules()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # outside of the project, where the extension opens nothing by itself
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "kedro.ipython")
        shell.run_line_magic("reload_kedro", f"{ROOT} --env test --params data_dir={folder}")
        fill(shell.user_ns["catalog"], shell.user_ns["context"].params)
        yield shell
        InteractiveShell.clear_instance()
    # Kedro has imported the project anew: the other tests know the modules of before, and only those
    for name in project_modules():
        del sys.modules[name]
    sys.modules.update(modules)
    configure_project("guided_imagination")


def project_modules() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "guided_imagination"}


def fill(catalog: Any, parameters: dict[str, Any]) -> None:
    """What the notebooks read: real seeds, toy expansions of them, invented accuracies."""
    pool = load_dataset("parquet", data_files=str(EMBEDDED / "fashion/pool.parquet"), split="train")
    seeds = pool.filter(lambda label: label < 2, input_columns="label").select([0, 1, 99])  # the toy knows two classes
    catalog.save("fashion.seeds", seeds)
    methods = {name: Method.model_validate(row) for name, row in parameters["methods"].items()}
    rows = []
    for number, (method, row) in enumerate(methods.items()):
        ratios = (1, 2) if row.pipeline else (0,)
        rows += [("fashion", method, ratio, "tiny", "matched", 0, 50 + number + ratio, "") for ratio in ratios]
        if row.pipeline is None:
            continue
        toy = plan(ToyAugmenter(), seeds=seeds, resolution=32, seed_resolution=32, method=method)
        expand(Path(catalog.get(f"fashion.{method}.expanded")._describe()["filepath"]), toy)
        sheet = contact_sheet(seeds, catalog.load(f"fashion.{method}.expanded"), 2, 2, method)
        sheet.savefig(figure_path(catalog, f"fashion.{method}.contact_sheet"))
    columns = ["dataset", "method", "ratio", "architecture", "recipe", "seed", "accuracy", "run_id"]
    save_report(catalog, pd.DataFrame(rows, columns=columns), methods)


def figure_path(catalog: Any, name: str) -> Path:
    """Where the figure `name` is kept; saving it through the catalog would need an MLflow run."""
    path = Path(str(catalog.get(name)._filepath))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def save_report(catalog: Any, results: pd.DataFrame, methods: dict[str, Method]) -> None:
    from guided_imagination.datasets.table import TableDataset

    catalog.save("report.findings", findings(results))
    shown = views(results, methods)
    for name, figure in shown.figures().items():
        figure.savefig(figure_path(catalog, f"report.{name}"))
    for name, table in shown.tables([]).items():
        TableDataset(filepath=str(figure_path(catalog, f"report.{name}"))).save(table)


def test_there_are_three_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["look", "results", "walk"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_without_outputs_and_reads_through_the_catalog(notebook: Path) -> None:
    code = cells(notebook, "code")
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert any("catalog.load(" in "".join(cell["source"]) for cell in code)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_something(shell: Any, notebook: Path) -> None:
    from IPython.utils.capture import capture_output

    shown: set[str] = set()
    with capture_output() as captured:
        for cell in cells(notebook, "code"):
            result = shell.run_cell("".join(cell["source"]))
            result.raise_error()
            shown |= set(shell.display_formatter.format(result.result)[0])
    shown |= {kind for output in captured.outputs for kind in output.data}
    assert {"image/png", "text/html"} <= shown
