"""Tables of Markdown and reStructuredText as sentences: a raw row means little without its head."""

import re
from collections.abc import Sequence
from itertools import zip_longest

_PIPED = re.compile(r"^\s*\|.*\|\s*$")
_BORDER = re.compile(r"^\s*\+[-=+]+\+\s*$")
_RULE = re.compile(r"^[\s|:+]*[-=][\s|:+\-=]*$")
_LOOSE_RULE = re.compile(r"^\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+$")
_SIMPLE_RULE = re.compile(r"^\s*={2,}(?:\s+={2,})+\s*$")
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_CODE_SPAN = re.compile(r"`[^`]*`")


def is_row(line: str) -> bool:
    """Whether a line is of a table with its bars on the outside: a row, a rule or a grid's border."""
    return bool(_PIPED.match(line) or _BORDER.match(line))


def begins_loose(line: str, following: str) -> bool:
    """Whether a table without outer bars begins: a row of names above a rule."""
    return "|" in line and bool(_LOOSE_RULE.match(following))


def begins_simple(line: str) -> bool:
    """Whether a line is the border of reStructuredText's simple table: columns of equals signs."""
    return bool(_SIMPLE_RULE.match(line))


def sentences(lines: Sequence[str]) -> list[str]:
    """What each row of a table with bars says."""
    grid = any(_BORDER.match(line) for line in lines)
    head: list[str] = []
    rows: list[list[str]] = []
    pending: list[list[str]] = []
    for line in lines:
        if not _RULE.match(line):
            pending.append(_cells(line))
            continue
        if pending and not rows and not head and (not grid or "=" in line):
            head = _merged(pending)
        elif pending:
            rows += [_merged(pending)] if grid else pending
        pending = []
    return _said(head, rows + pending)


def simple_sentences(lines: Sequence[str]) -> list[str]:
    """What each row of a simple table says; `lines` are those between its outer borders, the first border with them."""
    starts = [match.start() for match in re.finditer(r"=+", lines[0])]
    ends = [*starts[1:], None]
    groups: list[list[list[str]]] = [[]]
    for line in lines[1:]:
        if _SIMPLE_RULE.match(line):
            groups.append([])
        elif line.strip():
            cells = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
            if groups[-1] and not cells[0]:
                # A row goes on where its first column is empty.
                groups[-1][-1] = _merged([groups[-1][-1], cells])
            else:
                groups[-1].append(cells)
    groups = [group for group in groups if group]
    head = _merged(groups[0]) if len(groups) > 1 else []
    return _said(head, [row for group in groups[1 if head else 0 :] for row in group])


def _said(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [text for row in rows if (text := _sentence(head, row))]


def _sentence(head: Sequence[str], row: Sequence[str]) -> str:
    """`name: value`, or `name — second head: second value; third head: third value`."""
    subject, rest = (row[0] if row else ""), row[1:]
    if sum(bool(cell) for cell in rest) <= 1 and subject:
        value = next((cell for cell in rest if cell), "")
        return f"{subject}: {value}" if value else subject
    named = [f"{name}: {cell}" if name else cell for name, cell in zip_longest(head[1:], rest, fillvalue="") if cell]
    return f"{subject} — {'; '.join(named)}" if subject else "; ".join(named)


def _cells(line: str) -> list[str]:
    # A bar inside a code span is none of the table's.
    line = _CODE_SPAN.sub(lambda span: span.group().replace("|", "\\|"), line.strip())
    line = line.removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [cell.strip().replace("\\|", "|") for cell in _CELL_BORDER.split(line)]


def _merged(rows: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(part for part in parts if part) for parts in zip_longest(*rows, fillvalue="")]
