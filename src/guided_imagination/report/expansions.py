"""What CLIP sees in the expansions, beside what they are worth to a classifier."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from datasets import Features

from guided_imagination.expansion.audit import COLUMNS, format_cell
from guided_imagination.expansion.store import Expansion
from guided_imagination.report.summary import SETTING, in_order, listed, setting_words
from guided_imagination.report.table import Entry, Table, number


def audited_table(summary: pd.DataFrame, audits: pd.DataFrame, methods: Sequence[str]) -> Table:
    """Accuracy and gain, then the columns of the audit.

    summary: of `summarise`, at its largest ratio; audits: dataset and audit.COLUMNS. Of a dataset that was measured in
    several settings, accuracies are those of one, and the words say which.
    """
    shown = one_setting(summary[summary["dataset"].isin(set(audits["dataset"]))])
    measured = shown.set_index(["dataset", "method"])[["mean", "gain"]]
    numbers = [name for name in COLUMNS if name != "method"]
    body = []
    for dataset in dict.fromkeys(audits["dataset"]):
        rows = audits[audits["dataset"] == dataset].set_index("method")
        for method in in_order(rows.index, methods):
            known = (dataset, method) in measured.index
            accuracy, gain = measured.loc[(dataset, method)] if known else (float("nan"), float("nan"))
            values = {"accuracy": accuracy, "gain": gain, **rows.loc[method, numbers].to_dict()}
            cells = [Entry(format_cell(name, value), number(value)) for name, value in values.items()]
            body.append([Entry(dataset), Entry(method), *cells])
    words = (
        f"{_measured_in(shown)}All else is what the auditing CLIP sees: label agreement is the "
        "share of images in which it sees the label; entropy gain, over the seeds, in nats; diversity, the mean "
        "distance 1 - cosine between two variants of a seed; seed similarity, the cosine with the nearest seed, and "
        "near duplicates those too near; FID and KID, in its feature space, to real validation images; rejected, "
        "the share of drawn images that were refused. Where the same CLIP guided and refused, agreement is high by "
        "construction."
    )
    header = ["dataset", "method", "accuracy", "gain", *(name.replace("_", " ") for name in numbers)]
    return Table("audit", "Audit of the expansions", header, 2, body, words)


def one_setting(summary: pd.DataFrame) -> pd.DataFrame:
    """Of each dataset the lines of one setting: the first of those with most lines."""
    lines = summary.groupby(["dataset", *SETTING[1:]], sort=False)["mean"].transform("size")
    most = summary[lines == lines.groupby(summary["dataset"]).transform("max")]
    first = most.groupby("dataset")[SETTING[1:]].transform("first")
    return most[(most[SETTING[1:]] == first).all(axis=1)]


def _measured_in(summary: pd.DataFrame) -> str:
    """Which accuracies these are; nothing without any."""
    told = setting_words(summary)
    return f"Mean accuracy in percent of {'; of '.join(told)}. " if told else ""


HAND = "labelled by hand"


SPEEDS = ["dataset", "method", "images_per_second", "images", "promised", "weeded", "smallest", "largest"]


def kept_by_class(expanded: Expansion) -> dict[str, int]:
    """How many new images each class has that are not weeded, in the order of labels; no image is read."""
    counts: Counter[int] = Counter()
    names: list[str] = []
    for table in expanded.tables(["label"]):
        names = Features.from_arrow_schema(table.schema)["label"].names
        counts.update(table["label"].to_pylist())
    return {name: counts[label] for label, name in enumerate(names)}


def costs(
    dataset: str, manifests: Mapping[str, Mapping[str, Any]], kept: Mapping[str, Mapping[str, int]] | None = None
) -> pd.DataFrame:
    """SPEEDS of expansions, by the manifests of their methods and what `kept_by_class` counts in them.

    images are there of those that the ratio promised: none that was dropped, or weeded by someone who looked at it;
    smallest and largest are classes with their numbers ("Trouser 37").
    """
    rows = []
    for method, manifest in manifests.items():
        classes, totals = (kept or {}).get(method, {}), manifest.get("totals", {})
        sizes = [f"{name} {number}" for name, number in sorted(classes.items(), key=lambda item: item[1])]
        images = sum(classes.values()) if classes else None
        promised = totals["kept"] + totals["dropped"] if "dropped" in totals else None
        weeded = totals["kept"] - images if images is not None and "kept" in totals else None
        ends = (sizes[0], sizes[-1]) if sizes else (None, None)
        rows.append((dataset, method, manifest.get("images_per_second"), images, promised, weeded, *ends))
    return pd.DataFrame(rows, columns=SPEEDS)


def counted(dataset: str, expanded: Mapping[tuple[str, int], Expansion]) -> pd.DataFrame:
    """`costs` of expansions by method and draw, the draws of a method as one."""
    manifests: dict[str, list[Mapping[str, Any]]] = {}
    kept: dict[str, Counter[str]] = {}
    for (method, _), expansion in expanded.items():
        manifests.setdefault(method, []).append(expansion.manifest)
        kept.setdefault(method, Counter()).update(kept_by_class(expansion))
    return costs(dataset, {method: pooled(found) for method, found in manifests.items()}, kept)


def pooled(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `costs` reads, of expansions of several draws as of one: their totals, and the speed over all of them."""
    totals: Counter[str] = Counter()
    for manifest in manifests:
        totals.update(manifest["totals"])
    sessions = [session for manifest in manifests for session in manifest["sessions"]]
    images, seconds = (sum(session[name] for session in sessions) for name in ("images", "seconds"))
    return {"totals": dict(totals), "images_per_second": images / seconds if seconds else None}


def kept_words(speeds: pd.DataFrame, datasets: Sequence[str]) -> str:
    """A sentence for the accuracies of `datasets`: which expansions lack images that their ratio promised."""
    known = speeds.reindex(columns=SPEEDS).dropna(subset=["images", "promised"])
    known = known[known["dataset"].isin(datasets)]
    if known.empty:
        return ""
    short = known[known["images"] < known["promised"]]
    if short.empty:
        return "Every expansion holds as many new images as its ratio promises."
    several = known["dataset"].nunique() > 1
    parts = [
        f"{f'{row.dataset} ' if several else ''}{row.method} {_of(row)} "
        f"({f'{_weeded(row):,} weeded; ' if _weeded(row) else ''}{row.smallest} to {row.largest})"
        for row in short.itertuples()
    ]
    rest = "; the others hold all" if len(short) < len(known) else ""
    return f"New images that were kept, of those that the ratio promises: {listed(parts)}{rest}."


def _of(row: Any) -> str:
    return f"{row.images:,.0f} of {row.promised:,.0f}" if pd.notna(row.promised) else f"{row.images:,.0f}"


def _weeded(row: Any) -> int:
    return 0 if pd.isna(row.weeded) else int(row.weeded)


def cost_table(
    speeds: pd.DataFrame, methods: Sequence[str], price_per_hour: float, hand_price_per_image: float
) -> Table:
    """Images kept, and cost per 1,000 of them; expansions of which neither number nor speed is known are left out.

    speeds: the columns of `costs`; prices in US dollars.
    """
    speeds = speeds.reindex(columns=SPEEDS).astype({"images_per_second": float})
    known = speeds[(speeds["images_per_second"] > 0) | speeds["images"].notna()]
    found = {(row.dataset, row.method): row for row in known.itertuples()}
    rows = [
        _row(found[dataset, method], price_per_hour)
        for dataset in dict.fromkeys(known["dataset"])
        for method in in_order(known["method"], methods)
        if (dataset, method) in found
    ]
    dollars = 1000 * hand_price_per_image
    nothing = Entry("")
    by_hand = [[Entry("any"), Entry(HAND), nothing, nothing, nothing, Entry(_money(dollars), dollars)]] if rows else []
    words = (
        "Images are the new ones that were kept, of those that the ratio promised, without those that were weeded; by "
        "class, the classes with fewest and most of them. Seconds of one worker per 1,000 of them, preparation, "
        "redraws and checks included, on the machine that made them, as their manifests say; US dollars at "
        f"{price_per_hour:g} per hour of a worker (report.price_per_hour). "
        f"By hand: {hand_price_per_image:g} dollars per image for one person's label (report.hand_price_per_image), "
        "with nothing for finding or taking the images; a new image carries the label of its seed."
    )
    header = ["dataset", "method", "images", "by class", "seconds per 1,000", "dollars per 1,000"]
    return Table("cost", "Images kept, and the cost of 1,000 labelled images", header, 2, [*rows, *by_hand], words)


def _row(row: Any, price_per_hour: float) -> list[Entry]:
    counted = pd.notna(row.images)
    weeded = _weeded(row)
    told = f"{_of(row)}{f', {weeded:,} weeded' if weeded else ''}" if counted else ""
    images = Entry(told, float(row.images) if counted else None)
    classes = Entry(f"{row.smallest} to {row.largest}") if counted and pd.notna(row.smallest) else Entry("")
    cost = [Entry(""), Entry("")]
    if row.images_per_second > 0 and row.images != 0:
        seconds = 1000 / row.images_per_second * (1 + (weeded / row.images if weeded else 0))
        dollars = seconds / 3600 * price_per_hour
        cost = [Entry(f"{seconds:,.1f}", seconds), Entry(_money(dollars), dollars)]
    return [Entry(row.dataset), Entry(row.method), images, classes, *cost]


def _money(dollars: float) -> str:
    """Cents, or below one two digits that count."""
    return f"{dollars:,.2f}" if dollars >= 0.01 else np.format_float_positional(dollars, 2, fractional=False)
