"""Fabricated results, whose means can be reckoned in the head. Nothing here was measured."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from guided_imagination.config.report import ReportConfig
from guided_imagination.config.tree import Method
from guided_imagination.expansion import audit
from guided_imagination.report.advice import advice
from guided_imagination.report.differences import COLUMNS
from guided_imagination.report.expansions import costs
from guided_imagination.report.findings import Findings
from guided_imagination.report.table import Table
from guided_imagination.report.views import Views

METHODS = {
    "original": Method(),
    "randaugment": Method(pipeline="augment_baselines"),
    "dalle": Method(pipeline="expand_dalle"),
    "gif_dalle": Method(pipeline="expand_dalle", guided=True),
    "narrow": Method(pipeline="expand_dalle", guided=True, settings={"eps": 0.01, "criteria": "paper"}),
}


SPEEDS = costs("cars", {})  # nothing is known of any expansion


def cells(
    dataset: str, method: str, ratio: int, *accuracies: float, architecture: str = "tiny", recipe: str = "matched"
) -> Iterator[tuple]:
    """A row of tidy results per accuracy, one seed each, with run ids such as "cars-gif-5-tiny-0"."""
    for seed, accuracy in enumerate(accuracies):
        run = f"{dataset}-{method}-{ratio}-{architecture}-{seed}"
        yield (dataset, method, ratio, architecture, recipe, seed, accuracy, run)


def tidy(*groups: Iterator[tuple], **made: str | int) -> pd.DataFrame:
    """The rows of `groups`, all of them `made` in one way: measured on test images, by one recipe, code and precision.

    `made` replaces parts of that, or adds a column `draw`.
    """
    columns = ["dataset", "method", "ratio", "architecture", "recipe", "seed", "accuracy", "run_id"]
    rows = pd.DataFrame([row for group in groups for row in group], columns=columns)
    return rows.assign(**{"split": "test", "recipe_key": "0a1b", "code": "0.2.0", "precision": "float32", **made})


def results() -> pd.DataFrame:
    """Two datasets; on cars three ratios, two architectures and an ablation."""
    return tidy(
        cells("cars", "original", 0, 20, 24),
        cells("cars", "randaugment", 1, 28, 30),
        cells("cars", "randaugment", 5, 33, 35),
        cells("cars", "dalle", 1, 29, 31),
        cells("cars", "dalle", 5, 38, 40),
        cells("cars", "gif_dalle", 1, 30, 32),
        cells("cars", "gif_dalle", 2, 35, 37),
        cells("cars", "gif_dalle", 5, 41, 43),
        cells("cars", "narrow", 5, 40, 40),
        cells("cars", "original", 0, 30, 30, architecture="large"),
        cells("cars", "gif_dalle", 5, 50, 50, architecture="large"),
        cells("pathmnist", "original", 0, 70),
        cells("pathmnist", "gif_dalle", 5, 81.5),
    )


def config() -> ReportConfig:
    return ReportConfig(
        contact_seeds=2,
        contact_variants=2,
        weed_images=4,
        weed_methods=None,
        groups={"natural": ["cars"], "medical": ["pathmnist"]},
        compare=[("gif_dalle", "randaugment")],
        price_per_hour=3.6,
        hand_price_per_image=0.05,
        tracking_url="http://127.0.0.1:5000",
    )


def findings(results: pd.DataFrame, **found: Any) -> Findings:
    """`results`, and nothing else but `found`."""
    nothing = {
        "intervals": pd.DataFrame(columns=COLUMNS),
        "speeds": SPEEDS,
        "audits": audit.table([]).assign(dataset=""),
        "advice": advice(results.iloc[:0], [], lambda row: None),
        **{name: {} for name in ("confusions", "failures", "notes", "looks")},
    }
    return Findings(results, **{**nothing, **found})


def views(results: pd.DataFrame, methods: Mapping[str, Method] = METHODS, **found: Any) -> Views:
    return Views(findings(results, **found), methods, config())


def tables(results: pd.DataFrame, methods: Mapping[str, Method] = METHODS, **found: Any) -> dict[str, Table]:
    """All tables by name."""
    return views(results, methods, **found).tables(["natural", "medical"])
