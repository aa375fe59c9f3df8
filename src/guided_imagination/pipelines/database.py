"""MLflow's database of a project: set up by one process at a time, and without a word of where the project lies.

MLflow keeps absolute locations. Those of a project are cut to what follows its root, which is the working directory of
whoever opens the project, so that a copy, or a project that was moved, reads and writes its own files alone.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from zlib import crc32

from guided_imagination.utils.errors import InputError, first_line
from guided_imagination.utils.files import writing_alone

SQLITE = "sqlite:///"
ARTIFACTS = "mlruns"  # below the working directory, where MLflow keeps files if nothing else is said
# Columns with locations, and what a value begins with before its path.
LOCATIONS = {
    ("experiments", "artifact_location"): "",
    ("runs", "artifact_uri"): "",
    ("logged_models", "artifact_location"): "",
    ("model_versions", "source"): "",
    ("model_versions", "storage_location"): "",
    ("datasets", "dataset_source"): '{"uri": "',
    ("tags", "value"): "",
}
SET_UP = crc32(version("mlflow").encode()) >> 1  # kept in the database by the version that has set it up; 31 bits
PATIENCE = 20  # seconds that another program may lock the database, as MLflow has it too


def database_of(uri: str, root: Path) -> Path | None:
    """The file of a tracking store that is an SQLite database, None of all others."""
    path = uri.removeprefix(SQLITE)
    return None if path in (uri, "", ":memory:") else Path(os.path.normpath(root / path))


def is_own(path: Path | None, root: Path) -> bool:
    """Whether a database is that of the project at `root` alone, so that what it names can be named from there."""
    return path is not None and path.is_relative_to(root)


def absolute(uri: str, root: Path) -> str:
    """`uri`, with the whole path of the database: MLflow keeps stores by it, of all projects that a process opens."""
    path = database_of(uri, root)
    if path is None or {"%", "?"} & set(str(path)):  # which mean something in a URI, and to MLflow something else
        return uri
    return SQLITE + path.as_posix()


@contextmanager
def setting_up(uri: str, experiment: str, root: Path) -> Iterator[None]:
    """MLflow opens its store in this block. Raises InputError where it cannot.

    MLflow makes and upgrades databases, and makes experiments, without a thought of other processes that do the same.
    """
    path = database_of(uri, root)
    if path is None or _is_set_up(path, experiment, root):
        with _explaining(path):
            yield
        return
    alone = writing_alone(path) if os.access(path.parent, os.W_OK) or not path.exists() else nullcontext()
    with alone, _explaining(path):
        yield
        if is_own(path, root):
            with _connected(path) as database:
                _cut_locations(database, root)
                database.execute(f"PRAGMA user_version = {SET_UP}")


def _is_set_up(path: Path, experiment: str, root: Path) -> bool:
    """Whether nothing is to be made. Raises InputError for what is no database: MLflow would try for an hour."""
    if not path.exists():
        return False
    with _explaining(path), _connected(path) as database:
        tables = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchall()
        ((mark,),) = database.execute("PRAGMA user_version").fetchall()
        if not tables or (is_own(path, root) and mark != SET_UP):
            return False
        return bool(database.execute("SELECT 1 FROM experiments WHERE name = ?", [experiment]).fetchall())


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction."""
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
        yield database


@contextmanager
def _explaining(path: Path | None) -> Iterator[None]:
    """Raise InputError where MLflow fails in the block."""
    try:
        yield
    except Exception as error:
        sentence = explained(error, path)
        if sentence is None and type(error).__module__.split(".")[0] in ("alembic", "mlflow", "sqlalchemy"):
            where = path or "server.mlflow_tracking_uri of mlflow.yml"
            sentence = (
                f"MLflow cannot use {where} ({first_line(error)}): mend that, or move it away and run again, "
                "what was trained is kept"
            )
        if sentence is None:
            raise
        raise InputError(sentence) from error


def explained(error: BaseException, path: Path | None = None) -> str | None:
    """What an error of MLflow's SQLite database means, None for any other."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, sqlite3.Error):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    what = str(cause)
    if "locked" in what:
        advice = "another program uses it: wait for its end, or end it, and run again"
    elif isinstance(cause, sqlite3.OperationalError):
        advice = "let it and its folder be written to, and see whether the disk is full"
    else:
        advice = "move it away, and run again: a new one is made, what was trained is kept"
    return f"MLflow's database{f' {path}' if path else ''} cannot be used ({first_line(cause)}): {advice}"


def _cut_locations(database: sqlite3.Connection, root: Path) -> None:
    """Let locations in the project, and in the place where it lay when the database was made, begin at its root."""
    for prefix in _prefixes(database, root):
        for (table, column), before in LOCATIONS.items():
            start = before + (json.dumps(prefix)[1:-1] if before else prefix)
            ours = " AND key = 'folder'" if table == "tags" else ""
            database.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?{ours}",
                [before, len(start) + 1, len(start), start],
            )


def _prefixes(database: sqlite3.Connection, root: Path) -> set[str]:
    here = f"{root.as_posix()}/"
    # the default experiment's, which nobody has placed elsewhere by hand
    rows = database.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 0").fetchall()
    earlier = {str(place).removesuffix(f"{ARTIFACTS}/0") for (place,) in rows if str(place).endswith(f"/{ARTIFACTS}/0")}
    # a folder of that name elsewhere may be meant, where the project has none
    moved = {
        prefix
        for prefix in earlier
        if prefix.startswith("/") and ((root / ARTIFACTS).exists() or not Path(prefix, ARTIFACTS).exists())
    }
    return {here} | moved
