"""Checks and repairs the local store's files, while services use them or not.

A check compares what is derived (the inverted metadata, the full text, the counts) with the records; a repair derives
it anew. A backup is one zip archive of SQLite's own online copies, with a note of what each holds.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from askmesh_vectordb.stores.base import StoreDamaged, StoreError
from askmesh_vectordb.stores.local import lexical, rows, schema, terms, writes
from askmesh_vectordb.stores.local.database import connect, migrate, transaction, translated
from askmesh_vectordb.stores.local.snapshots import Snapshots

Progress = Callable[[str, int, int], None]
"""What is being looked at, how much of it is done, of how much."""

CATALOG_NAME = "catalog.sqlite3"
_STEP = 500


class MaintenanceError(StoreError):
    status, code = 400, "maintenance_refused"


@dataclass
class Report:
    """What was found in one index. `problems` can be repaired; `fatal` ones cannot."""

    name: str
    records: int = 0
    problems: list[str] = field(default_factory=list)
    fatal: list[str] = field(default_factory=list)


class Checker:
    """Works on the files of one folder."""

    def __init__(self, folder: Path, progress: Progress, busy_timeout_s: float = 10.0) -> None:
        self._folder, self._progress, self._busy_timeout_s = folder, progress, busy_timeout_s

    def check(self, *, repair: bool = False) -> list[Report]:
        """One report for each index. Raises StoreDamaged where the catalog itself cannot be read."""
        reports = []
        for name, path, dimension in indexes(self._folder, self._busy_timeout_s):
            report = Report(name)
            reports.append(report)
            try:
                with self._opened(path) as connection:
                    self._check(connection, report, dimension)
                    if repair and report.problems and not report.fatal:
                        self._rebuild(connection, report)
            except StoreError as error:
                report.fatal.append(error.detail)
        return reports

    @contextmanager
    def _opened(self, path: Path) -> Iterator[sqlite3.Connection]:
        if not path.exists():
            raise StoreDamaged(f"The file {path.name} is missing.", fix="Restore it from a backup.")
        with translated(), closing(connect(path, self._busy_timeout_s)) as connection:
            migrate(connection, schema.INDEX)
            yield connection

    def _check(self, connection: sqlite3.Connection, report: Report, dimension: int) -> None:
        self._progress(f"{report.name}: pages", 0, 1)
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
        if found != ["ok"]:
            # Indexes on tables can be made anew; anything else is not for us to guess.
            mendable = all("index" in line.lower() or "fts5" in line.lower() for line in found)
            (report.problems if mendable else report.fatal).extend(found)
        try:
            connection.execute("INSERT INTO lexical (lexical) VALUES ('integrity-check')")
        except sqlite3.DatabaseError as error:
            report.problems.append(f"full text: {error}")
        if not report.fatal:
            with transaction(connection, "DEFERRED"):
                self._compare(connection, report, dimension)

    def _compare(self, connection: sqlite3.Connection, report: Report, dimension: int) -> None:
        """Every record with what is derived from it."""
        (report.records,) = connection.execute("SELECT count(*) FROM records").fetchone()
        wrong = {"vector": 0, "metadata": 0, "inverted metadata": 0, "full text": 0}
        lines, documents, done = 0, 0, 0
        columns = "row, namespace, id, vector, vector_sum, metadata, text_sum"
        for row, namespace, name, vector, vector_sum, text, text_sum in connection.execute(
            f"SELECT {columns} FROM records"  # noqa: S608
        ):
            try:
                values = rows.decode(vector, vector_sum)
                wrong["vector"] += len(values) != dimension or not np.isfinite(values).all()
            except (StoreDamaged, ValueError):
                wrong["vector"] += 1
            try:
                metadata = rows.parse(name, text, text_sum)
            except (StoreDamaged, ValueError):
                wrong["metadata"] += 1
                continue
            expected = terms.terms_of(metadata)
            lines += len(expected)
            wrong["inverted metadata"] += not all(_has(connection, namespace, term, row) for term in expected)
            wanted = lexical.columns(metadata)
            documents += any(wanted)
            found = connection.execute("SELECT header, body FROM lexical WHERE rowid = ?", [row]).fetchone()
            wrong["full text"] += (found or ("", "")) != wanted
            done += 1
            if done % _STEP == 0:
                self._progress(f"{report.name}: records", done, report.records)
        self._progress(f"{report.name}: records", report.records, report.records)
        fatal = {"vector", "metadata"}
        for what, count in wrong.items():
            if count:
                (report.fatal if what in fatal else report.problems).append(f"{what} of {count} records is wrong")
        _compare_totals(connection, report, lines, documents)

    def _rebuild(self, connection: sqlite3.Connection, report: Report) -> None:
        """Derive everything anew in one transaction."""
        with transaction(connection):
            connection.execute("DELETE FROM terms")
            connection.execute("DROP TABLE lexical")
            connection.execute(next(part for part in schema.INDEX[0].split(";") if "fts5" in part))
            records = connection.execute("SELECT row, namespace, metadata FROM records").fetchall()
            for done, (row, namespace, text) in enumerate(records):
                terms.add(connection, namespace, row, json.loads(text))
                lexical.add(connection, row, json.loads(text))
                if done % _STEP == 0:
                    self._progress(f"{report.name}: repair", done, len(records))
            connection.execute(
                "UPDATE namespaces SET records = (SELECT count(*) FROM records WHERE namespace = namespaces.id)"
            )
            connection.execute("REINDEX")
            writes.have_all_read_again(connection)
        self._progress(f"{report.name}: repair", len(records), len(records))


def indexes(folder: Path, busy_timeout_s: float) -> list[tuple[str, Path, int]]:
    """Name, file and dimension of each index. Raises MaintenanceError where there is no store."""
    path = folder / CATALOG_NAME
    if not path.exists():
        raise MaintenanceError(f"There is no store in {folder}.", fix="Set ASKMESH_VECTORDB_DATA_PATH.")
    with translated(), closing(connect(path, busy_timeout_s)) as connection:
        migrate(connection, schema.CATALOG)
        rows = connection.execute("SELECT name, uid, dimension FROM indexes ORDER BY name").fetchall()
    return [(name, folder / f"{uid}.index.sqlite3", dimension) for name, uid, dimension in rows]


def forget_snapshots(folder: Path) -> None:
    """Remove the approximate indexes' snapshots: they are built anew."""
    for path in folder.glob("*.index.sqlite3"):
        Snapshots(path, 1, "cosine").remove()


def _has(connection: sqlite3.Connection, namespace: int, term: terms.Term, row: int) -> bool:
    query = "SELECT 1 FROM terms WHERE namespace = ? AND key = ? AND type = ? AND value = ? AND row = ?"
    return connection.execute(query, [namespace, *term, row]).fetchone() is not None


def _compare_totals(connection: sqlite3.Connection, report: Report, lines: int, documents: int) -> None:
    """What is derived from no record that is there, and the counts of the namespaces."""
    for what, query, expected in (
        ("inverted metadata", "SELECT count(*) FROM terms", lines),
        ("full text", "SELECT count(*) FROM lexical", documents),
    ):
        (found,) = connection.execute(query).fetchone()
        if found != expected:
            report.problems.append(f"{what} has {found} lines, not {expected}")
    counted = "SELECT count(*) FROM records WHERE namespace = namespaces.id"
    (off,) = connection.execute(f"SELECT count(*) FROM namespaces WHERE records != ({counted})").fetchone()  # noqa: S608
    if off:
        report.problems.append(f"the counts of {off} namespaces are wrong")
