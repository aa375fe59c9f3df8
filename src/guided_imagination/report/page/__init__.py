"""One self-contained HTML page of the report's sections."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from guided_imagination.report.sections import Section


@dataclass(frozen=True)
class Tracking:
    """Where MLflow's UI is, and the experiment that holds the runs; without an experiment nothing is linked."""

    url: str
    experiment: str | None

    def link(self, runs: Sequence[str]) -> str | None:
        """The page of a run; of several, their comparison."""
        if self.experiment is None or not runs:
            return None
        if len(runs) == 1:
            return f"{self.url}/#/experiments/{self.experiment}/runs/{runs[0]}"
        query = f"runs={quote(json.dumps(list(runs)))}&experiments={quote(json.dumps([self.experiment]))}"
        return f"{self.url}/#/compare-runs?{query}"


def render(sections: Sequence[Section], title: str, tracking: Tracking, run: str | None) -> str:
    """The page. It loads nothing: style, script and images are inside. `run` is the run that made it."""
    environment = Environment(
        loader=PackageLoader("guided_imagination.report", "page"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("page.css", "page.js", "weed.js")
    style, script, weeding = (files(__package__).joinpath(name).read_text("utf-8") for name in names)
    if any(section.look for section in sections):
        script += weeding
    return environment.get_template("page.html").render(
        title=title, sections=sections, link=tracking.link, run=run, style=style, script=script
    )
