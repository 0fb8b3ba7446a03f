"""The commands of `askmesh`. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no bot there, 4 not in the sources."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import httpx2
import typer
from pydantic import SecretStr
from rich.table import Table
from rich.text import Text

from askmesh_bot.frontends.shell import asking, learning
from askmesh_bot.frontends.shell.client import ABSTAINED, FAILED, BotClient, Trouble
from askmesh_bot.frontends.shell.screen import clean, out, reporting, say
from askmesh_bot.frontends.shell.settings import ShellSettings, service_urls

_PLAIN: dict[str, Any] = {"no_args_is_help": True, "rich_markup_mode": None}

app = typer.Typer(
    help="Ask what your documentation and code say, and teach askmesh where to look.",
    pretty_exceptions_enable=False,
    **_PLAIN,
)
sources = typer.Typer(help="List, sync and forget what is learned from.", rich_markup_mode=None)
app.add_typer(sources, name="sources")

Url = Annotated[str, typer.Option("--url", help="Address of the bot [env ASKMESH_BOT_URL; this machine].")]
Key = Annotated[str, typer.Option("--key", help="API key [env ASKMESH_BOT_API_KEY].", show_default=False)]
Collection = Annotated[str, typer.Option("--collection", "-c", help="The collection; the bot's default if left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def ask(
    question: Annotated[
        list[str], typer.Argument(metavar="QUESTION", help="The question; `-` reads it from standard input.")
    ],
    collection: Collection = "",
    conversation: Annotated[str, typer.Option("--conversation", help="Go on with an earlier conversation.")] = "",
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Ask a question and print the answer with its sources."""
    text = sys.stdin.read().strip() if question == ["-"] else " ".join(question)
    given = {"collection": collection, "conversation_id": conversation}
    body = {"question": text} | {name: value for name, value in given.items() if value}
    with reporting():
        if as_json:
            answer = _client(url, key).call("POST", "v1/ask", body)
            _print_json(answer)
            raise typer.Exit(ABSTAINED if answer["outcome"] == "abstained" else 0)
        raise typer.Exit(asking.ask(_client(url, key), body))


@app.command()
def learn(
    locations: Annotated[
        list[str],
        typer.Argument(metavar="PATH_OR_PACKAGE…", help="Folders, files, or names of installed Python packages."),
    ],
    kind: Annotated[
        str, typer.Option(help="auto, folder (documents), python (docstrings), tree (both) or threads (chats).")
    ] = "auto",
    title: Annotated[str, typer.Option(help="What people call it; for one location.")] = "",
    link: Annotated[
        str, typer.Option(help="Template of links, e.g. https://host/{path}#L{line_start}-L{line_end}")
    ] = "",
    include: Annotated[list[str] | None, typer.Option(help="Only paths like this glob; may be repeated.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="No paths like this glob; may be repeated.")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Private Python objects too; of chats, private channels and messages.")
    ] = False,
    collection: Collection = "",
    url: Url = "",
    key: Key = "",
) -> None:
    """Learn from folders and Python packages; again, to bring them up to date."""
    with reporting():
        if title and len(locations) > 1:
            raise Trouble("--title names one location.", "Learn them one by one, or leave it out.", 2)
        client, good = _client(url, key), True
        for location in locations:
            body: dict[str, Any] = {
                "kind": learning.kind_of(location) if kind == "auto" else kind,
                "location": learning.absolute(location),
                "title": title,
                "link": link,
                "options": {"include": include or [], "exclude": exclude or [], "private": private},
            }
            body |= {"collection": collection} if collection else {}
            good = learning.run(client, title or location, "v1/sources", body) and good
        raise typer.Exit(0 if good else FAILED)


@sources.callback(invoke_without_command=True)
def sources_default(context: typer.Context, url: Url = "", key: Key = "") -> None:
    """List, sync and forget what is learned from. Without a command: list."""
    if context.invoked_subcommand is None:
        list_sources(url=url, key=key)


@sources.command("list")
def list_sources(collection: Collection = "", as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Show the sources and how they are."""
    with reporting():
        found = _sources(_client(url, key), collection)
        if as_json:
            _print_json(found)
        elif not found:
            say("Nothing has been learned yet. Begin with: askmesh learn PATH_OR_PACKAGE")
        else:
            columns = ("id", "title", "kind", "collection", "documents", "chunks", "status", "synced")
            rows = [[str(row[name]) for name in columns[:7]] + [_when(row["synced_at"])] for row in found]
            _table(columns, rows)


@sources.command("sync")
def sync_sources(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids of sources; none: all.")] = None,
    collection: Collection = "",
    url: Url = "",
    key: Key = "",
) -> None:
    """Bring sources up to date."""
    with reporting():
        client = _client(url, key)
        wanted = ids or [row["id"] for row in _sources(client, collection)]
        if not wanted:
            say("Nothing has been learned yet. Begin with: askmesh learn PATH_OR_PACKAGE")
        results = [learning.run(client, one, f"v1/sources/{quote(one, safe='')}/sync", {}) for one in wanted]
        raise typer.Exit(0 if all(results) else FAILED)


@sources.command("forget")
def forget_sources(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of sources.")], url: Url = "", key: Key = ""
) -> None:
    """Delete everything that was learned from sources."""
    with reporting():
        for one in ids:
            gone = _client(url, key).call("DELETE", f"v1/sources/{quote(one, safe='')}")
            say(f"{one} is forgotten: {gone['records']} chunks deleted")


@app.command()
def status(url: Url = "", key: Key = "") -> None:
    """Show whether the four services are ready."""
    with reporting():
        checked = {name: (address, *_readiness(address)) for name, address in service_urls(_bot_url(url)).items()}
        _table(
            ("service", "status", "address", ""), [[name, state, at, why] for name, (at, state, why) in checked.items()]
        )
        raise typer.Exit(0 if all(state == "ready" for _, state, _ in checked.values()) else FAILED)


def _client(url: str, key: str) -> BotClient:
    return BotClient(_bot_url(url), SecretStr(key) if key else ShellSettings().api_key)


def _bot_url(url: str) -> str:
    return url.rstrip("/") or ShellSettings().bot_url


def _sources(client: BotClient, collection: str) -> list[dict[str, Any]]:
    answer = client.call("GET", "v1/sources", params={"collection": collection} if collection else None)
    rows: list[dict[str, Any]] = answer["data"]
    return rows


def _readiness(address: str) -> tuple[str, str]:
    try:
        body = httpx2.get(f"{address}/readyz", timeout=5, trust_env=False).json()
        reasons = [f"{name}: {check['reason']}" for name, check in body["checks"].items() if check["reason"]]
        return str(body["status"]), "; ".join(reasons)
    except httpx2.HTTPError:
        return "down", "nothing answers there"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "unknown", "it answers, but has no askmesh readiness"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
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


def _when(value: str | None) -> str:
    return value[:16].replace("T", " ") if value else "never"


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
