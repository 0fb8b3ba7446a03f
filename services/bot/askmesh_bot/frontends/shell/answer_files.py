"""The file that answers go to, row by row: what a killed run wrote is whole, and the next run goes on after it."""

import csv
import json
import os
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from askmesh_bot.frontends.shell.client import Trouble

COLUMNS = (
    *("line", "question", "outcome", "answer", "reason", "citations", "documents", "seconds", "model", "answer_id"),
)
_LONGEST_CELL = 10_000_000
# Spreadsheets run what begins like this as a formula, and what answers say is not ours.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class AnswerFile:
    """Rows in the order of the questions, as CSV, or as JSON Lines where the name ends in .jsonl."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self._path, self._as_json = path, path.suffix.lower() == ".jsonl"
        self._rows = {} if fresh or not path.exists() else {int(row["line"]): row for row in self._read()}
        self._file: TextIO | None = None

    def __enter__(self) -> "AnswerFile":
        # Rewritten without a row that was cut off, and renamed when whole.
        scratch = self._path.with_name(self._path.name + ".part")
        try:
            with scratch.open("w", encoding="utf-8", newline="") as file:
                file.write(self._head() + "".join(map(self._written, self._rows.values())))
            os.replace(scratch, self._path)
            self._file = self._path.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise Trouble(
                f"{self._path} can't be written: {error.strerror}.", "Give another file with -o.", 2
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def holds(self, line: int, question: str) -> bool:
        """Whether the question on this line has its answer. Raises Trouble where the file answers other questions."""
        row = self._rows.get(line)
        if row is None:
            return False
        if row["question"] != self._cell(question):
            raise Trouble(
                f"{self._path} answers other questions: see its line for question {line}.",
                "Give another file with -o, or begin anew with --fresh.",
                2,
            )
        return True

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row; it is on the disk's way before the next question is."""
        assert self._file is not None
        self._file.write(self._written(row))
        self._file.flush()

    def _head(self) -> str:
        return "" if self._as_json else _csv_line(COLUMNS)

    def _written(self, row: Mapping[str, Any]) -> str:
        if self._as_json:
            return json.dumps(dict(row), ensure_ascii=False) + "\n"
        return _csv_line([self._cell(row.get(name, "")) for name in COLUMNS])

    def _cell(self, value: Any) -> Any:
        if self._as_json or not isinstance(value, str) or not value.startswith(_FORMULA):
            return value
        return "'" + value

    def _read(self) -> Iterator[dict[str, Any]]:
        """The whole rows, but those that ended in an error: these are asked again."""
        try:
            with self._path.open(encoding="utf-8", errors="replace", newline="") as file:
                text = file.read()
        except OSError as error:
            raise Trouble(f"{self._path} can't be read: {error.strerror}.", "Give another file with -o.", 2) from None
        rows = _json_rows(text) if self._as_json else _csv_rows(text)
        ours = bool(rows) if self._as_json else text.startswith(_csv_line(COLUMNS).rstrip())
        if text.strip() and not (ours and all(set(row) >= {"line", "question", "outcome"} for row in rows)):
            raise Trouble(
                f"{self._path} is no file of answers.", "Give another file with -o, or replace it with --fresh.", 2
            )
        yield from (row for row in rows if row["outcome"] != "error" and str(row["line"]).isdecimal())


def _csv_line(cells: Any) -> str:
    buffer = StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _csv_rows(text: str) -> list[dict[str, Any]]:
    csv.field_size_limit(_LONGEST_CELL)
    # Strict: a row whose quotes were cut off is an error, not a cell with the rest of the file.
    reader = csv.DictReader(StringIO(text, newline=""), strict=True)
    rows: list[dict[str, Any]] = []
    try:
        rows.extend(reader)
    except csv.Error:
        pass
    else:
        if rows and not text.endswith("\n"):
            rows.pop()
    return rows


def _json_rows(text: str) -> list[dict[str, Any]]:
    rows = []
    for line in text.split("\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        rows += [row] if isinstance(row, dict) else []
    return rows
