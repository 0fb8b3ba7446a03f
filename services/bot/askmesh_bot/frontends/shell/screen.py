"""What is printed: plain text when piped, colours on a terminal, and no control characters from anybody's documents."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from askmesh_bot.frontends.shell.client import Trouble

# Documents and models may hold escape sequences, which a terminal would obey.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def clean(text: str) -> str:
    """The text without control characters other than newline and tab."""
    return _CONTROL.sub("", text)


def say(text: str, style: str = "", end: str = "\n") -> None:
    """Print text as it is: square brackets are not markup here."""
    out.print(Text(clean(text), style=style), end=end)


@contextmanager
def reporting() -> Iterator[None]:
    """Turns Trouble into a message and an exit code, and Ctrl-C into 130."""
    try:
        yield
    except Trouble as trouble:
        err.print(Text(clean(trouble.detail), style="red"))
        if trouble.fix:
            err.print(Text(clean(trouble.fix)))
        raise typer.Exit(trouble.exit_code) from None
    except KeyboardInterrupt:
        err.print("Stopped.")
        raise typer.Exit(130) from None
