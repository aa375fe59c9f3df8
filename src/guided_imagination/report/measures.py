"""Other measures beside accuracy, for classes that are not equally frequent or not equally important."""

from collections.abc import Container, Sequence

import pandas as pd

from guided_imagination.report.accuracy import layout
from guided_imagination.report.summary import BEST, SETTING, largest_ratio, summarise, varying
from guided_imagination.report.table import Table

MEASURES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "auc": "AUC"}
WORDS = (
    "In percent, of the same images, runs and draws as the accuracy tables: macro-F1 is the mean of the classes' F1, "
    "AUC the mean area under the ROC curve of each class against the rest; in brackets the gain over the originals. "
)


def measure_table(results: pd.DataFrame, methods: Sequence[str], changed: Container[str] = ()) -> Table:
    """Datasets x methods as rows, MEASURES as columns, at the largest ratio; those that were not taken are blank."""
    taken = [name for name in MEASURES if name in results and results[name].notna().any()]
    parts = []
    for name in taken:
        values = results[results[name].notna()].assign(accuracy=lambda rows, name=name: rows[name])
        parts.append(largest_ratio(summarise(values, changed)).assign(measure=MEASURES[name]))
    rows = pd.concat(parts, ignore_index=True) if parts else summarise(results, changed).assign(measure="")
    blocks = ["dataset", *varying(rows, SETTING[1:])]
    words = WORDS + BEST if parts else ""
    return layout(rows, blocks, "measure", methods, name="measures", title="Beyond accuracy", words=words)
