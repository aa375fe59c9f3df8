"""The sections of the report, in the order of the paper; what was not measured is not there."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from guided_imagination.report.paper import paper_accuracy, paper_architectures, paper_efficiency
from guided_imagination.report.table import Table

CURVES = "Line chart: accuracy in percent against new images per seed image; the table below has its values."


CONFUSIONS = "Heat maps: the predictions for the images of each class, of two rows, and what differs between them."
GAINS = "Dot chart: the accuracy of every row, a line each, with its draws; the table has the means."


@dataclass(frozen=True)
class Picture:
    """An encoded image with its media type ("image/png"), what it shows in words, and its caption."""

    content: bytes = field(repr=False)
    media_type: str
    alt: str
    caption: str

    @property
    def uri(self) -> str:
        """The picture itself as an address."""
        return f"data:{self.media_type};base64,{b64encode(self.content).decode()}"


@dataclass(frozen=True)
class Section:
    """What was measured, and beside it what the paper reports on datasets of the same kind.

    `look` is of `report.look`: images to look at one by one.
    """

    name: str
    title: str
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    paper: Sequence[Table] = ()
    look: Mapping[str, Any] | None = None


def sections(
    tables: Mapping[str, Table],
    groups: Iterable[str],
    figures: Mapping[str, bytes],
    samples: Mapping[str, Sequence[Picture]],
    looks: Mapping[str, Mapping[str, Any]],
) -> list[Section]:
    """All that can be shown.

    tables, figures: those of `views` by name, the latter as PNG, and the table of failures; samples: contact sheets by
    dataset; looks: what can be weeded, by dataset.
    """
    curves = Picture(figures["efficiency_figure"], "image/png", CURVES, "Accuracy against expansion ratio")
    gains = Picture(figures["gains_figure"], "image/png", GAINS, "Where the gain comes from")
    confusions = Picture(figures["confusion_figure"], "image/png", CONFUSIONS, "What is taken for what")
    parts = [
        Section("advice", "What should I use?", [tables["advice"]]),
        Section("failures", "Trainings that failed", [tables["failures"]]),
        *(_accuracy(tables[f"accuracy_{group}"], group) for group in groups),
        Section(
            "efficiency",
            "Expansion efficiency",
            [tables["efficiency"], tables["readings"]],
            [curves] if tables["efficiency"] else [],
            [paper_efficiency()],
        ),
        Section("measures", "Beyond accuracy", [tables["measures"]]),
        Section("classes", "Which classes gain", [tables["classes"]], [confusions] if tables["classes"] else []),
        Section("architectures", "Architectures", [tables["architectures"]], paper=[paper_architectures()]),
        *(Section(f"samples-{name}", f"Seeds and variants: {name}", pictures=found) for name, found in samples.items()),
        *(
            Section(f"weed-{name}", f"Look and weed: {name}", look=found)
            for name, found in looks.items()
            if found["rows"]
        ),
        Section("audit", "Audit of the expansions", [tables["audit"]]),
        Section("ablation", "Ablation", [tables["ablation"]], [gains] if tables["ablation"] else []),
        Section("differences", "Paired differences", [tables["differences"]]),
        Section("cost", "Cost", [tables["cost"]]),
    ]
    shown = [section for part in parts if (section := _without_empty(part)).tables or section.pictures or section.look]
    return [*shown, *_rest_of_paper(shown)]


def _accuracy(table: Table, group: str) -> Section:
    return Section(f"accuracy-{group}", table.title, [table], paper=[paper_accuracy(group)])


def _without_empty(section: Section) -> Section:
    tables, paper = ([table for table in tables if table] for tables in (section.tables, section.paper))
    return replace(section, tables=tables, paper=paper)


def _rest_of_paper(shown: Sequence[Section]) -> list[Section]:
    """The paper's tables that no section shows beside measured ones."""
    every = [paper_accuracy("natural"), paper_efficiency(), paper_architectures(), paper_accuracy("medical")]
    beside = {table.name for section in shown for table in section.paper}
    rest = [table for table in every if table.name not in beside]
    return [Section("paper", "What the paper reports beyond these datasets", paper=rest)] if rest else []
