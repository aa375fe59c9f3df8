"""Cells of the grid whose training failed: their numbers are missing from every table."""

from collections.abc import Mapping

from guided_imagination.report.table import Cell, Table

WORDS = "These trainings failed, and their numbers are missing from the tables; the same command tries only them again."


def failure_table(failures: Mapping[str, str]) -> Table:
    """Names of cells and the errors they ended with."""
    body = [[Cell(cell), Cell(error)] for cell, error in failures.items()]
    return Table("failures", "Trainings that failed", ["cell", "error"], 2, body, WORDS)
