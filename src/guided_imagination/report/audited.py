"""What CLIP sees in the expansions, beside what they are worth to a classifier."""

from collections.abc import Sequence

import pandas as pd

from guided_imagination.audit import COLUMNS, format_cell
from guided_imagination.report.summary import in_order
from guided_imagination.report.table import Cell, Table


def audited_table(summary: pd.DataFrame, audits: pd.DataFrame, methods: Sequence[str]) -> Table:
    """Accuracy and gain, then the columns of the audit.

    summary: of `summarise`, one line per dataset and method; audits: dataset and audit.COLUMNS.
    """
    measured = summary.set_index(["dataset", "method"])[["mean", "gain"]]
    numbers = [name for name in COLUMNS if name != "method"]
    body = []
    for dataset in dict.fromkeys(audits["dataset"]):
        rows = audits[audits["dataset"] == dataset].set_index("method")
        for method in in_order(rows.index, methods):
            known = (dataset, method) in measured.index
            accuracy, gain = measured.loc[(dataset, method)] if known else (float("nan"), float("nan"))
            values = {"accuracy": accuracy, "gain": gain, **rows.loc[method, numbers].to_dict()}
            cells = [Cell(format_cell(name, value), _number(value)) for name, value in values.items()]
            body.append([Cell(dataset), Cell(method), *cells])
    words = (
        "Accuracy in percent as in the table above. All else is what the auditing CLIP sees: label agreement is the "
        "share of images in which it sees the label; entropy gain, over the seeds, in nats; diversity, the mean "
        "distance 1 - cosine between two variants of a seed; seed similarity, the cosine with the nearest seed, and "
        "near duplicates those too near; FID and KID, in its feature space, to real validation images; rejected, "
        "the share of drawn images that were refused. Where the same CLIP guided and refused, agreement is high by "
        "construction."
    )
    header = ["dataset", "method", "accuracy", "gain", *(name.replace("_", " ") for name in numbers)]
    return Table("audit", "Audit of the expansions", header, 2, body, words)


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
