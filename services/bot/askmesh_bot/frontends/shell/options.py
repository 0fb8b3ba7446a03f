"""What several commands take, and what they print with."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from rich.table import Table
from rich.text import Text

from askmesh_bot.frontends.shell.client import BotClient
from askmesh_bot.frontends.shell.screen import clean, out
from askmesh_bot.frontends.shell.settings import ShellSettings

Url = Annotated[str, typer.Option("--url", help="Address of the bot [env ASKMESH_BOT_URL; this machine].")]
Key = Annotated[str, typer.Option("--key", help="API key [env ASKMESH_BOT_API_KEY].", show_default=False)]
Collection = Annotated[str, typer.Option("--collection", "-c", help="The collection; the bot's default if left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=32, help="Questions asked at the same time.")]


def client_for(url: str, key: str) -> BotClient:
    """The bot that is meant."""
    return BotClient(url_of_bot(url), SecretStr(key) if key else ShellSettings().api_key)


def url_of_bot(url: str) -> str:
    """The address given, or else the configured one."""
    return url.rstrip("/") or ShellSettings().bot_url


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal, else lines with tabs between the cells."""
    if not out.is_terminal:
        for row in rows:
            # Past rich, which would turn tabs into spaces.
            sys.stdout.write("\t".join(clean(cell).replace("\t", " ") for cell in row) + "\n")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        # The first column holds what other commands are given, such as an id: it is never shortened.
        whole = max(len(row[0]) for row in rows) if index == 0 and rows else None
        table.add_column(column, min_width=whole)
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    out.print(table)


def print_json(value: Any) -> None:
    """Indented JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
