"""A table as plain data, and its plain forms."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from guided_imagination.utils.markdown import escaped


@dataclass(frozen=True)
class Entry:
    """`text` is read, `value` is what the column sorts by; `runs` are the MLflow runs behind a number."""

    text: str
    value: float | None = None
    runs: tuple[str, ...] = ()
    best: bool = False


def number(value: float) -> float | None:
    """The `value` of an entry; None for what is not known."""
    return None if pd.isna(value) else float(value)


@dataclass(frozen=True)
class Table:
    """Rows of cells under `header`; the first `labels` columns name a row, the others hold numbers.

    `words` say what was measured on, in full sentences.
    """

    name: str
    title: str
    header: list[str]
    labels: int
    body: list[list[Entry]] = field(repr=False)
    words: str = ""

    def __bool__(self) -> bool:
        return bool(self.body)

    def to_json(self) -> dict[str, Any]:
        """The table as plain values, from which `from_json` makes it again."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Table":
        cells = [[Entry(**{**cell, "runs": tuple(cell["runs"])}) for cell in row] for row in value["body"]]
        return cls(**{**value, "body": cells})

    def frame(self) -> pd.DataFrame:
        """The texts, as a person reads them."""
        return pd.DataFrame([[cell.text for cell in row] for row in self.body], columns=self.header)

    def markdown(self) -> str:
        """A Markdown table with the best of each column in bold, and the words below it; empty without rows."""
        if not self:
            return ""
        aligned = ["left"] * self.labels + ["right"] * (len(self.header) - self.labels)
        texts = [[_markdown(cell) for cell in row] for row in self.body]
        table = pd.DataFrame(texts, columns=list(map(escaped, self.header))).to_markdown(
            index=False, colalign=aligned, disable_numparse=True
        )
        return f"{table}\n\n{escaped(self.words)}\n" if self.words else f"{table}\n"

    def latex(self) -> str:
        r"""A booktabs `table`, for documents with \usepackage{booktabs}; empty without rows."""
        if not self:
            return ""
        texts = [[_latex(cell) for cell in row] for row in self.body]
        style = pd.DataFrame(texts, columns=[_escape(name) for name in self.header]).style.hide(axis="index")
        return style.to_latex(
            hrules=True,
            column_format="l" * self.labels + "r" * (len(self.header) - self.labels),
            position="tbp",
            position_float="centering",
            caption=_escape(f"{self.title}. {self.words}".strip()),
            label="tab:" + re.sub(r"[^\w:.-]", "-", self.name),
        )


def _markdown(cell: Entry) -> str:
    return f"**{escaped(cell.text)}**" if cell.best else escaped(cell.text)


def _latex(cell: Entry) -> str:
    return f"\\textbf{{{_escape(cell.text)}}}" if cell.best else _escape(cell.text)


def _escape(text: str) -> str:
    special = {**{mark: f"\\{mark}" for mark in "&%$#_{}"}, "\\": r"\textbackslash{}"}
    special |= {"±": r"$\pm$", "\u00d7": r"$\times$", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {"|": r"\textbar{}", "<": r"\textless{}", ">": r"\textgreater{}", "`": r"\textasciigrave{}"}
    special |= {"[": "{[}", "*": "{*}"}  # at the beginning of a row they would belong to the command before it
    words = "".join(special.get(mark, mark) for mark in " ".join(text.split()))
    return re.sub("-(?=-)", "-{}", words)  # two hyphens would become a dash


WORDS = "These trainings failed, and their numbers are missing from the tables; the same command tries only them again."


def failure_table(failures: Mapping[str, str]) -> Table:
    """Names of cells and the errors they ended with."""
    body = [[Entry(cell), Entry(error)] for cell, error in failures.items()]
    return Table("failures", "Trainings that failed", ["cell", "error"], 2, body, WORDS)
