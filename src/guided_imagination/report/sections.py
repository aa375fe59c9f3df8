"""The sections of the report, in the order of the paper; what was not measured is not there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from guided_imagination.config import Method, ReportConfig
from guided_imagination.report.ablation import ablation_table
from guided_imagination.report.accuracy import accuracy_table, architecture_table, group_of
from guided_imagination.report.cost import cost_table
from guided_imagination.report.curves import efficiency_figure
from guided_imagination.report.differences import difference_table
from guided_imagination.report.efficiency import efficiency_table, readings_table
from guided_imagination.report.figures import svg
from guided_imagination.report.paper import paper_accuracy, paper_architectures, paper_efficiency
from guided_imagination.report.picture import Picture
from guided_imagination.report.summary import summarise, with_references
from guided_imagination.report.table import Table

AUGMENTED = "augment_baselines"


@dataclass(frozen=True)
class Section:
    """What was measured, and beside it what the paper reports on the same datasets."""

    name: str
    title: str
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    paper: Sequence[Table] = ()


def accuracy_tables(
    results: pd.DataFrame, methods: Mapping[str, Method], config: ReportConfig, split: str
) -> dict[str, Table]:
    """A table per group of datasets that was measured, by group, for the first architecture."""
    summary = with_references(_first_architecture(results, methods), summarise(results), methods)
    found = summary["dataset"].map(lambda dataset: group_of(dataset, config.groups))
    return {
        group: accuracy_table(
            summary[found == group],
            list(methods),
            split=split,
            name=f"accuracy_{group}",
            title=f"Accuracy: {group} datasets",
        )
        for group in dict.fromkeys([*config.groups, *found])
        if (found == group).any()
    }


def efficiency_tables(results: pd.DataFrame, methods: Mapping[str, Method], split: str) -> tuple[Table, Table]:
    """Accuracy by ratio, and which ratio equals which."""
    summary = _first_architecture(results, methods)
    imagined = [name for name, row in methods.items() if row.pipeline not in (None, AUGMENTED)]
    augmented = [name for name, row in methods.items() if row.pipeline == AUGMENTED]
    return efficiency_table(summary, list(methods), split), readings_table(summary, imagined, augmented)


def architectures(results: pd.DataFrame, methods: Mapping[str, Method], split: str) -> Table:
    """Accuracy by architecture."""
    return architecture_table(_measured(results, methods), list(methods), split)


def ablation(results: pd.DataFrame, methods: Mapping[str, Method], split: str) -> Table:
    """What each part of the full methods is worth."""
    return ablation_table(_measured(results, methods), methods, split)


def efficiency_curves(results: pd.DataFrame, methods: Mapping[str, Method]) -> Figure:
    """Accuracy against ratio, a line per method."""
    return efficiency_figure(_first_architecture(results, methods), list(methods))


def cost(speeds: pd.DataFrame, methods: Mapping[str, Method], config: ReportConfig) -> Table:
    """Seconds and money per 1,000 images."""
    return cost_table(speeds, list(methods), config.price_per_hour, config.hand_price_per_image)


def sections(
    results: pd.DataFrame,
    differences: pd.DataFrame,
    speeds: pd.DataFrame,
    samples: Mapping[str, Sequence[Picture]],
    methods: Mapping[str, Method],
    config: ReportConfig,
    split: str,
) -> list[Section]:
    """All that can be shown.

    `results` are tidy; `differences` and `speeds` the rows of the functions of that name in `differences` and
    `cost`; `samples` contact sheets by dataset.
    """
    parts = [
        Section(f"accuracy-{group}", table.title, [table], paper=[paper_accuracy(group)])
        for group, table in accuracy_tables(results, methods, config, split).items()
    ]
    curve, readings = efficiency_tables(results, methods, split)
    figure = [_curves(results, methods)] if curve else []
    parts += [
        Section("efficiency", "Expansion efficiency", [curve, readings], figure, [paper_efficiency()]),
        Section(
            "architectures", "Architectures", [architectures(results, methods, split)], paper=[paper_architectures()]
        ),
        Section("ablation", "Ablation", [ablation(results, methods, split)]),
        Section("differences", "Paired differences", [difference_table(differences)]),
        *(
            Section(f"samples-{name}", f"Seeds and variants: {name}", pictures=sheets)
            for name, sheets in samples.items()
        ),
        Section("cost", "Cost", [cost(speeds, methods, config)]),
    ]
    shown = [section for part in parts if (section := _without_empty(part)).tables or section.pictures]
    return [*shown, *_rest_of_paper(shown)]


def _measured(results: pd.DataFrame, methods: Mapping[str, Method]) -> pd.DataFrame:
    """The summary of the rows that were trained, without reference lines."""
    return summarise(results[results["method"].isin(list(methods))])


def _first_architecture(results: pd.DataFrame, methods: Mapping[str, Method]) -> pd.DataFrame:
    summary = _measured(results, methods)
    return summary[summary["architecture"].isin(summary["architecture"].head(1))]


def _curves(results: pd.DataFrame, methods: Mapping[str, Method]) -> Picture:
    alt = "Line chart: accuracy in percent against new images per seed image; the table below has its values."
    return Picture(svg(efficiency_curves(results, methods)), "image/svg+xml", alt, "Accuracy against expansion ratio.")


def _without_empty(section: Section) -> Section:
    tables, paper = ([table for table in tables if table] for tables in (section.tables, section.paper))
    return Section(section.name, section.title, tables, section.pictures, paper)


def _rest_of_paper(shown: Sequence[Section]) -> list[Section]:
    """The paper's tables that no section shows beside measured ones."""
    every = [paper_accuracy("natural"), paper_efficiency(), paper_architectures(), paper_accuracy("medical")]
    beside = {table.name for section in shown for table in section.paper}
    rest = [table for table in every if table.name not in beside]
    return [Section("paper", "What the paper reports beyond these datasets", paper=rest)] if rest else []
