"""The report's tables and figures: pure functions of what was found, the methods and the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from guided_imagination.config.report import ReportConfig
from guided_imagination.config.tree import Method, changing_recipe
from guided_imagination.report.ablation import ablation_table, ablations
from guided_imagination.report.accuracy import accuracy_table, architecture_table, measure_table
from guided_imagination.report.advice import advice_table, sentence
from guided_imagination.report.confusion import class_table, confusion_figure
from guided_imagination.report.differences import difference_table
from guided_imagination.report.efficiency import efficiency_table, readings_table
from guided_imagination.report.expansions import audited_table, cost_table, kept_words
from guided_imagination.report.figures import efficiency_figure, gain_figure
from guided_imagination.report.findings import Findings
from guided_imagination.report.summary import largest_ratio, note_words, summarise, with_references
from guided_imagination.report.table import Table
from guided_imagination.utils.figures import Figure

AUGMENTED = "augment_baselines"


@dataclass(frozen=True)
class Views:
    """All views of some findings, over one summary of them."""

    found: Findings
    methods: Mapping[str, Method]
    config: ReportConfig

    def tables(self, groups: Sequence[str]) -> dict[str, Table]:
        """By name, with the accuracies of each group of datasets; what was not measured is a table without rows."""
        found, names, first = self.found, list(self.methods), self._first
        own = found.results[found.results["method"].isin(names)]
        imagined = [name for name, row in self.methods.items() if row.pipeline not in (None, AUGMENTED)]
        augmented = [name for name, row in self.methods.items() if row.pipeline == AUGMENTED]
        prices = self.config.price_per_hour, self.config.hand_price_per_image
        tables = [
            *(self._of_group(group) for group in groups),
            measure_table(_of_first_architecture(own), names, changing_recipe(self.methods)),
            class_table(list(found.confusions.values())),
            efficiency_table(first, names),
            readings_table(first, imagined, augmented),
            architecture_table(self._trained, names),
            ablation_table(self._trained, self.methods),
            difference_table(found.intervals),
            advice_table(found.advice),
            audited_table(largest_ratio(first), found.audits, names),
            cost_table(found.speeds, names, *prices),
        ]
        return {table.name: table for table in tables}

    def figures(self) -> dict[str, Figure]:
        """By name: accuracy against ratio, where the gain comes from, and what is taken for what."""
        changes = {name: words for rows in ablations(self.methods).values() for name, words in rows.items()}
        return {
            "efficiency_figure": efficiency_figure(self._first, list(self.methods)),
            "gains_figure": gain_figure(self._first, list(self.methods), changes),
            "confusion_figure": confusion_figure(list(self.found.confusions.values())),
        }

    def of_dataset(self, dataset: str) -> Table:
        """The accuracies of one dataset, of all architectures."""
        table = self._accuracies(self._with_references(self._trained), dataset, dataset)
        told = [sentence(row) for row in self.found.advice.to_dict("records") if row["dataset"] == dataset]
        return replace(table, words=" ".join([table.words, *told]))

    def _of_group(self, group: str) -> Table:
        """Datasets of one group x methods, for the first architecture."""
        summary = self._with_references(self._first)
        members = summary["dataset"].map(self.config.group_of) == group
        return self._accuracies(summary[members], f"accuracy_{group}", f"Accuracy: {group} datasets")

    def _accuracies(self, summary: pd.DataFrame, name: str, title: str) -> Table:
        datasets = list(summary["dataset"])
        kept = f"{kept_words(self.found.speeds, datasets)} {note_words(self.found.notes, datasets)}".strip()
        return accuracy_table(summary, list(self.methods), name=name, title=title, kept=kept)

    def _with_references(self, trained: pd.DataFrame) -> pd.DataFrame:
        return with_references(trained, self._every, self.methods)

    @cached_property
    def _every(self) -> pd.DataFrame:
        """The summary of all rows, with those of no method, which were not trained."""
        return summarise(self.found.results)

    @cached_property
    def _trained(self) -> pd.DataFrame:
        """The summary of the rows of methods."""
        own = self.found.results["method"].isin(list(self.methods))
        return summarise(self.found.results[own], changing_recipe(self.methods))

    @cached_property
    def _first(self) -> pd.DataFrame:
        return _of_first_architecture(self._trained)


def _of_first_architecture(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["architecture"].isin(rows["architecture"].head(1))]
