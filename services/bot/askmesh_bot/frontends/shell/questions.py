"""Reads files of questions, CSV or JSON Lines. What is wrong with a row is told by its line."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from askmesh_bot.frontends.shell.client import Trouble

_BETWEEN = re.compile(r"\s*\|\s*|\n+")
_NO = {"no", "n", "false", "0"}
_YES = {"yes", "y", "true", "1", ""}
_LONGEST_CELL = 1_000_000


@dataclass(frozen=True)
class GoldPlace:
    """Where an answer is: an address, a path, a document, a heading or a symbol, in any of which `text` may be found;
    with lines, only that part of the path."""

    text: str
    line_start: int = 0
    line_end: int = 10**9

    def is_at(self, place: Mapping[str, Any]) -> bool:
        """Whether a passage or citation shows any of it."""
        wanted = self.text.strip().lower()
        path, url = _text(place, "path"), _text(place, "url")
        header = [part.strip() for part in _text(place, "header").split("›")]
        named = (
            wanted in (path, _text(place, "document"), url, url.partition("#")[0], _text(place, "title"))
            or path.endswith(f"/{wanted}")
            or wanted in header
            or bool(re.match(rf"{re.escape(wanted)}(?![\w.])", header[0]))
        )
        if not named or not self.line_start or place.get("line_start") is None:
            return named
        return bool(self.line_start <= int(place["line_end"]) and int(place["line_start"]) <= self.line_end)


@dataclass(frozen=True)
class Asked:
    """A question of a file, on its first line. Without gold places and facts only its outcome can be judged."""

    line: int
    text: str
    gold: tuple[GoldPlace, ...] = ()
    facts: tuple[str, ...] = ()
    answerable: bool = True
    collection: str = ""


@dataclass(frozen=True)
class BadRow:
    """A row that can't be asked."""

    line: int
    why: str


def read_questions(path: Path) -> tuple[list[Asked], list[BadRow]]:
    """The questions, and the rows that hold none. Raises Trouble for a file that can't be read at all."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Trouble(f"{path} can't be read: {error.strerror}.", "Give a CSV or JSON Lines file.", 2) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Trouble(f"{path}, line {line} is not UTF-8.", "Save the file as UTF-8.", 2) from None
    good: list[Asked] = []
    bad: list[BadRow] = []
    for row in _json_rows(text) if path.suffix.lower() in {".jsonl", ".ndjson"} else _csv_rows(path, text):
        (good if isinstance(row, Asked) else bad).append(row)  # type: ignore[arg-type]
    if not good and not bad:
        raise Trouble(f"{path} holds no questions.", "Write one on each line, below the column names.", 2)
    return good, bad


def _csv_rows(path: Path, text: str) -> Iterator[Asked | BadRow]:
    csv.field_size_limit(_LONGEST_CELL)
    head = text.partition("\n")[0]
    # The separator of spreadsheets in many countries is a semicolon.
    between = max(",;\t", key=head.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=between)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise Trouble(f"{path}, line 1: {error}.", "Give a CSV file.", 2) from None
    if "question" not in names:
        raise Trouble(
            f"{path} has no column `question`.",
            "Its first line names the columns: question, gold, expected, answerable.",
            2,
        )
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield BadRow(line, f"{error}")
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _question(line, dict(zip(names, cells, strict=False)))


def _json_rows(text: str) -> Iterator[Asked | BadRow]:
    for line, written in enumerate(text.split("\n"), start=1):
        if not written.strip():
            continue
        try:
            row = json.loads(written)
        except (ValueError, RecursionError):
            row = None
        yield _question(line, row) if isinstance(row, dict) else BadRow(line, "it is not a JSON object")


def _question(line: int, row: Mapping[str, Any]) -> Asked | BadRow:
    text = row.get("question")
    if not isinstance(text, str) or not text.strip():
        return BadRow(line, "there is no question")
    answerable = str(row.get("answerable", "")).strip().lower()
    if answerable not in _NO | _YES:
        return BadRow(line, f"`answerable` is {answerable!r}, it may be yes or no")
    facts = row.get("expected") if row.get("expected") else row.get("key_facts")
    return Asked(
        line=line,
        text=text.strip(),
        gold=tuple(_places(row.get("gold"))),
        facts=tuple(_listed(facts)),
        answerable=answerable not in _NO,
        collection=_text(row, "collection"),
    )


def _places(given: Any) -> Iterator[GoldPlace]:
    for item in given if isinstance(given, list) else _listed(given):
        if isinstance(item, dict):
            named = next((item[key] for key in ("symbol", "path", "document", "url") if item.get(key)), "")
            lines = item.get("line_start"), item.get("line_end")
            whole = not all(isinstance(number, int) for number in lines)
            if named:
                yield GoldPlace(str(named)) if whole else GoldPlace(str(named), *lines)  # type: ignore[arg-type]
        elif str(item).strip():
            yield GoldPlace(str(item))


def _listed(given: Any) -> list[str]:
    """A list, or a cell with | or line ends between its items."""
    items = given if isinstance(given, list) else _BETWEEN.split(str(given or ""))
    return [str(item).strip() for item in items if str(item).strip()]


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value.strip().lower() if isinstance(value, str) else ""
