"""Takes formatted strings out of Python source, so that a parser older than PEP 701 can read what is left."""

import re

# A comment, or the start of a string with its prefix and quote.
_TOKEN = re.compile(r"""#[^\n]*|(?<!\w)(?P<prefix>[A-Za-z]{0,2})(?P<quote>\"{3}|'{3}|"|')""")


def without_fstrings(text: str) -> str:
    """The source with every f- and t-string replaced by a plain string over the same lines."""
    pieces: list[str] = []
    position = 0
    while found := _TOKEN.search(text, position):
        pieces.append(text[position : found.start()])
        if not found["quote"]:
            pieces.append(found[0])
            position = found.end()
            continue
        formatted = bool(set(found["prefix"].lower()) & {"f", "t"})
        position = _end_of_string(text, found.end(), found["quote"], formatted)
        whole = text[found.start() : position]
        pieces.append('"""…' + "\n" * whole.count("\n") + '"""' if formatted else whole)
    return "".join(pieces) + text[position:]


def _end_of_string(text: str, position: int, quote: str, formatted: bool) -> int:
    """The index just after the closing quote; the end of the text where there is none."""
    while position < len(text):
        if text.startswith(quote, position):
            return position + len(quote)
        character = text[position]
        if character == "\\":
            position += 2
        elif character == "\n" and len(quote) == 1:
            return position
        elif formatted and text.startswith("{{", position):
            position += 2
        elif formatted and character == "{":
            position = _end_of_field(text, position + 1)
        else:
            position += 1
    return len(text)


def _end_of_field(text: str, position: int) -> int:
    """The index just after the brace that closes a replacement field; strings inside may reuse the outer quote."""
    depth = 1
    while position < len(text) and depth:
        found = _TOKEN.match(text, position)
        if found and found["quote"]:
            formatted = bool(set(found["prefix"].lower()) & {"f", "t"})
            position = _end_of_string(text, found.end(), found["quote"], formatted)
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
    return position
