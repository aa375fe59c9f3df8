"""The documentation is built without a warning, holds every parameter, and its pages load nothing from elsewhere."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config

import guided_imagination
from docs import generated
from guided_imagination.config import Parameters
from helpers.project import ROOT

LOADING = re.compile(r"<(?:script|img|iframe|source)[^>]* src=\"?(\S+)|<link [^>]*href=\"?(\S+)|url\((\S+)\)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


def test_every_page_is_built(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert len(pages) >= 12
    assert pages <= {path.stem for path in site.glob("*.html")}
    assert "To add ..." in (site / "contributing.html").read_text()


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = [*site.glob("*.html"), *site.glob("**/*.css")]
    loaded = [next(filter(None, found)) for page in pages for found in LOADING.findall(page.read_text())]
    assert loaded
    assert not [link for link in loaded if re.match(r"[\"']?(https?:)?//", link)]


def leaves(value: Any, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict) or not value:
        return [place]
    return [leaf for name, below in value.items() for leaf in leaves(below, (*place, name))]


def test_every_key_of_conf_base_and_of_the_models_has_a_row_and_a_meaning(site: Path) -> None:
    keys = [key for section in generated.sections().values() for key in section]
    known = {key.place for key in keys}
    shipped = [
        path
        for file in (ROOT / "conf/base").glob("parameters*.yml")
        for path in leaves(yaml.safe_load(file.read_text()))
    ]
    for path in shipped:
        fitting = [place for place in known if fits(path[: len(place)], place[: len(path)])]
        assert fitting, f"{'.'.join(path)} is on no page"
    assert {place[0] for place in known} == set(Parameters.model_fields)
    assert [".".join(key.place) for key in keys if not key.meaning] == []
    page = (site / "parameters.html").read_text()
    assert all(f"<code>{'.'.join(key.place[1:])}</code>" in page for key in keys if key.place[1:])


def fits(path: tuple[str, ...], place: tuple[str, ...]) -> bool:
    return len(path) == len(place) and all(part in (name, "NAME") for name, part in zip(path, place, strict=True))


def test_every_field_of_the_models_is_described_beside_it() -> None:
    """In full sentences: a field of a model's own may have that model's."""
    for model, schema in generated.SCHEMA["$defs"].items():
        for name, field in schema["properties"].items():
            told = field.get("description") or field.get("$ref")
            assert told, f"{model}.{name}"
            assert "$ref" in field or told.endswith("."), f"{model}.{name}: {told}"


def test_ranges_defaults_and_descriptions_are_those_of_the_code() -> None:
    rows = {row.split(" | ")[0]: row for row in generated.parameters_page().splitlines() if row.startswith("| `")}
    assert rows["| `ratio`"].startswith("| `ratio` | whole number from 1, or `null` | `5` | Number of generated images")
    assert "| `near_duplicate` | number from -1 to 1 | `0.98` |" in rows["| `near_duplicate`"]
    assert "| number above 0 | must be given |" in rows["| `NAME.learning_rate`"]
    assert "one thread, deterministic kernels" in rows["| `deterministic`"]
    assert rows["| `workers`"] == (
        "| `workers` | the keys below |  | Workers that make the shards of expansions and do the training runs. |"
    )
    assert rows["| `manifold`"].startswith("| `manifold` | the keys below, or `null` | `null` | Settings of")
    assert rows["| `NAME.source.val` (folder)"].endswith("| text, or `null` | `null` | Folder of the part val. |")


def test_public_functions_are_listed_with_their_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guided_imagination, "__all__", [], raising=False)
    assert "This version has none" in generated.api_page()

    def expand(folder: Path, *, ratio: int = 5) -> Path:
        """Make images.

        >>> expand("birds")
        """

    monkeypatch.setattr(guided_imagination, "__all__", ["expand", "LIMIT"], raising=False)
    monkeypatch.setattr(guided_imagination, "expand", expand, raising=False)
    monkeypatch.setattr(guided_imagination, "LIMIT", 3, raising=False)
    page = generated.api_page()
    assert "## `expand` { #expand }" in page
    assert "ratio: int = 5" in page
    assert '```python\n>>> expand("birds")\n```' in page
    assert "## `LIMIT`" in page
