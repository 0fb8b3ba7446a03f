"""Reading chat exports: what every format needs, and the errors it tells."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# A file of JSON, or a line of one, is read whole; none that people wrote is larger.
_MOST_BYTES = 512 * 1024 * 1024


class Unreadable(Exception):
    """A file is not the export it should be; the message says which file, which line and why."""


def load_json(path: Path) -> Any:
    """The JSON in a file. Raises Unreadable, and OSError where it can't be read."""
    if path.stat().st_size > _MOST_BYTES:
        raise Unreadable(f"{path.name} is larger than {_MOST_BYTES >> 20} MiB: export it in parts")
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path.name} is not JSON ({error})") from error


def load_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """(line number, JSON value) of each line that is not blank. Raises Unreadable, and OSError."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_MOST_BYTES), b""), start=1):
            if line.strip():
                try:
                    yield number, json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                except (ValueError, RecursionError) as error:
                    raise Unreadable(f"{path.name}, line {number} is not JSON ({error})") from error


def text_of(row: Mapping[str, Any], key: str) -> str:
    """A field that should be text, and counts as absent where it is not."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).replace("\0", "").encode(errors="replace").decode()


def rows_of(row: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A field that should be a list of objects; what is not one is left out."""
    value = row.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def time_of(value: Any) -> datetime | None:
    """A time as exports write it: ISO 8601 (UTC unless it says otherwise), or seconds since 1970."""
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
