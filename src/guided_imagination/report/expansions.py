"""What CLIP sees in the expansions, beside what they are worth to a classifier."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from guided_imagination.expansion.audit import COLUMNS, format_cell
from guided_imagination.report.summary import in_order
from guided_imagination.report.table import Entry, Table


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
            cells = [Entry(format_cell(name, value), _number(value)) for name, value in values.items()]
            body.append([Entry(dataset), Entry(method), *cells])
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


HAND = "labelled by hand"


def costs(dataset: str, manifests: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """dataset, method and images_per_second of expansions, by the manifests of their methods."""
    rows = [(dataset, method, manifest.get("images_per_second")) for method, manifest in manifests.items()]
    return pd.DataFrame(rows, columns=["dataset", "method", "images_per_second"])


def cost_table(
    speeds: pd.DataFrame, methods: Sequence[str], price_per_hour: float, hand_price_per_image: float
) -> Table:
    """Per 1,000 images that were kept; expansions without a measured speed are left out.

    speeds: the columns of `costs`; prices in US dollars.
    """
    known = speeds[speeds["images_per_second"] > 0]
    seconds = {(row.dataset, row.method): 1000 / row.images_per_second for row in known.itertuples()}
    rows = [
        _row(dataset, method, seconds[dataset, method], seconds[dataset, method] / 3600 * price_per_hour)
        for dataset in dict.fromkeys(known["dataset"])
        for method in in_order(known["method"], methods)
        if (dataset, method) in seconds
    ]
    by_hand = [_row("any", HAND, None, 1000 * hand_price_per_image)] if rows else []
    words = (
        "Seconds per 1,000 new images that were kept, redraws and checks included, on the machine that made them, as "
        f"their manifests say; US dollars at {price_per_hour:g} per hour of that machine (report.price_per_hour). "
        f"By hand: {hand_price_per_image:g} dollars per image for one person's label (report.hand_price_per_image), "
        "with nothing for finding or taking the images; a new image carries the label of its seed."
    )
    header = ["dataset", "method", "seconds per 1,000", "dollars per 1,000"]
    return Table("cost", "Cost of 1,000 labelled images", header, 2, [*rows, *by_hand], words)


def _row(dataset: str, method: str, seconds: float | None, dollars: float) -> list[Entry]:
    time = Entry("") if seconds is None else Entry(f"{seconds:,.1f}", seconds)
    return [Entry(dataset), Entry(method), time, Entry(_money(dollars), dollars)]


def _money(dollars: float) -> str:
    """Cents, or below one two digits that count."""
    return f"{dollars:,.2f}" if dollars >= 0.01 else np.format_float_positional(dollars, 2, fractional=False)
