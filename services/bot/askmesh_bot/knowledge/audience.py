"""Who may see what was learned. A chunk carries labels; whoever holds one of them may see it.

`public` is held by everyone. Discord's are `guild:ID`, `role:ID` and `channel:ID`; other labels mean what the frontends that
know them say. A label that nobody holds hides a chunk from everyone.
"""

import re

PUBLIC = "public"
# Held by nobody: what only people of two kinds at once may see can't be said in labels.
NOBODY = "nobody"
LABEL = r"^[a-z][a-z0-9-]{0,31}(:[A-Za-z0-9._-]{1,64})?$"


def is_label(text: str) -> bool:
    return re.match(LABEL, text) is not None


def narrowed(source: tuple[str, ...], document: tuple[str, ...]) -> tuple[str, ...]:
    """The audience of a document whose source has one too; empty: the source has none of its own.

    Where both restrict it, only labels of both count.
    """
    if not source or PUBLIC in source:
        return document
    if PUBLIC in document:
        return source
    return tuple(label for label in document if label in source) or (NOBODY,)
