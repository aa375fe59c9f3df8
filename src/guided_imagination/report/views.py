"""The report's tables and its figure, from the tidy results of all rows."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from guided_imagination.config.report import ReportConfig
from guided_imagination.config.tree import Method, changing_recipe
from guided_imagination.report.ablation import ablation_table, ablations
from guided_imagination.report.accuracy import accuracy_table, architecture_table
from guided_imagination.report.efficiency import efficiency_table, readings_table
from guided_imagination.report.expansions import audited_table, cost_table, kept_words
from guided_imagination.report.figures import efficiency_figure
from guided_imagination.report.gains import gain_figure
from guided_imagination.report.measures import measure_table
from guided_imagination.report.summary import largest_ratio, note_words, summarise, with_references
from guided_imagination.report.table import Table
from guided_imagination.utils.figures import Figure

AUGMENTED = "augment_baselines"


def accuracy(
    results: pd.DataFrame,
    speeds: pd.DataFrame,
    methods: Mapping[str, Method],
    config: ReportConfig,
    group: str,
    notes: Mapping[str, Mapping[str, Sequence[int]]] = MappingProxyType({}),
) -> Table:
    """The datasets of one group, for the first architecture; speeds: the columns of `expansions.costs`; notes: as
    `note_words` takes them."""
    summary = with_references(_first_architecture(results, methods), summarise(results), methods)
    members = summary["dataset"].map(config.group_of) == group
    name, title = f"accuracy_{group}", f"Accuracy: {group} datasets"
    datasets = list(summary.loc[members, "dataset"])
    kept = f"{kept_words(speeds, datasets)} {note_words(notes, datasets)}".strip()
    return accuracy_table(summary[members], list(methods), name=name, title=title, kept=kept)


def measures(results: pd.DataFrame, methods: Mapping[str, Method]) -> Table:
    """Accuracy, macro-F1 and AUC, for the first architecture."""
    own = results[results["method"].isin(list(methods))]
    first = own[own["architecture"].isin(own["architecture"].head(1))]
    return measure_table(first, list(methods), changing_recipe(methods))


def efficiency_tables(results: pd.DataFrame, methods: Mapping[str, Method]) -> tuple[Table, Table]:
    """Accuracy by ratio, and which ratio equals which."""
    summary = _first_architecture(results, methods)
    imagined = [name for name, row in methods.items() if row.pipeline not in (None, AUGMENTED)]
    augmented = [name for name, row in methods.items() if row.pipeline == AUGMENTED]
    return efficiency_table(summary, list(methods)), readings_table(summary, imagined, augmented)


def architectures(results: pd.DataFrame, methods: Mapping[str, Method]) -> Table:
    """Accuracy by architecture."""
    return architecture_table(_measured(results, methods), list(methods))


def ablation(results: pd.DataFrame, methods: Mapping[str, Method]) -> Table:
    """What each part of the full methods is worth."""
    return ablation_table(_measured(results, methods), methods)


def gains(results: pd.DataFrame, methods: Mapping[str, Method]) -> Figure:
    """Where the gain comes from: the rows of the table `ablation`, and those they are compared with."""
    changes = {name: words for rows in ablations(methods).values() for name, words in rows.items()}
    return gain_figure(_first_architecture(results, methods), list(methods), changes)


def efficiency_curves(results: pd.DataFrame, methods: Mapping[str, Method]) -> Figure:
    """Accuracy against ratio, a line per method."""
    return efficiency_figure(_first_architecture(results, methods), list(methods))


def audited(results: pd.DataFrame, audits: pd.DataFrame, methods: Mapping[str, Method]) -> Table:
    """What CLIP sees in the expansions, beside accuracy."""
    return audited_table(largest_ratio(_first_architecture(results, methods)), audits, list(methods))


def cost(speeds: pd.DataFrame, methods: Mapping[str, Method], config: ReportConfig) -> Table:
    """Seconds and money per 1,000 images."""
    return cost_table(speeds, list(methods), config.price_per_hour, config.hand_price_per_image)


def _measured(results: pd.DataFrame, methods: Mapping[str, Method]) -> pd.DataFrame:
    """The summary of the rows that were trained, without reference lines."""
    return summarise(results[results["method"].isin(list(methods))], changing_recipe(methods))


def _first_architecture(results: pd.DataFrame, methods: Mapping[str, Method]) -> pd.DataFrame:
    summary = _measured(results, methods)
    return summary[summary["architecture"].isin(summary["architecture"].head(1))]
