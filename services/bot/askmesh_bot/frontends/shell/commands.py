"""The commands of `askmesh`. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no bot there, 4 not in the sources."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx2
import typer

from askmesh_bot.frontends.shell import asking, batch, learning, review_commands
from askmesh_bot.frontends.shell.client import ABSTAINED, FAILED, BotClient, Trouble
from askmesh_bot.frontends.shell.options import (
    AsJson,
    Collection,
    Key,
    Url,
    Workers,
    client_for,
    print_json,
    print_table,
    url_of_bot,
)
from askmesh_bot.frontends.shell.screen import reporting, say
from askmesh_bot.frontends.shell.settings import service_urls

_PLAIN: dict[str, Any] = {"no_args_is_help": True, "rich_markup_mode": None}

app = typer.Typer(
    help="Ask what your documentation and code say, and teach askmesh where to look.",
    pretty_exceptions_enable=False,
    **_PLAIN,
)
sources = typer.Typer(help="List, sync and forget what is learned from.", rich_markup_mode=None)
app.add_typer(sources, name="sources")


@app.command()
def ask(
    question: Annotated[
        list[str] | None, typer.Argument(metavar="QUESTION", help="The question; `-` reads it from standard input.")
    ] = None,
    collection: Collection = "",
    conversation: Annotated[str, typer.Option("--conversation", help="Go on with an earlier conversation.")] = "",
    questions: Annotated[
        Path | None, typer.Option("--batch", help="Ask every question of a CSV or JSON Lines file.", metavar="FILE")
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="With --batch: where the answers go, a .csv or .jsonl file.", metavar="FILE"
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="With --batch: ask anew what was answered already.")] = False,
    workers: Workers = 2,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Ask a question and print the answer with its sources, or all questions of a file."""
    with reporting():
        client = client_for(url, key)
        if questions is not None:
            if question or conversation:
                raise Trouble("--batch asks the questions of a file.", "Leave the other question out.", 2)
            raise typer.Exit(batch.run(client, questions, answers, collection, workers=workers, fresh=fresh))
        if not question:
            raise Trouble("There is no question.", "askmesh ask How do I …?", 2)
        text = sys.stdin.read().strip() if question == ["-"] else " ".join(question)
        given = {"collection": collection, "conversation_id": conversation}
        body = {"question": text} | {name: value for name, value in given.items() if value}
        if as_json:
            answer = client.call("POST", "v1/ask", body)
            print_json(answer)
            raise typer.Exit(ABSTAINED if answer["outcome"] == "abstained" else 0)
        raise typer.Exit(asking.ask(client, body))


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
    audience: Annotated[
        list[str] | None,
        typer.Option(
            help="Who may see it: public, guild:ID, role:ID or channel:ID of Discord; may be repeated. As it was, if left out."
        ),
    ] = None,
    collection: Collection = "",
    url: Url = "",
    key: Key = "",
) -> None:
    """Learn from folders, Python packages and chats; again, to bring them up to date."""
    with reporting():
        if title and len(locations) > 1:
            raise Trouble("--title names one location.", "Learn them one by one, or leave it out.", 2)
        client, good = client_for(url, key), True
        for location in locations:
            body: dict[str, Any] = {
                "kind": learning.kind_of(location) if kind == "auto" else kind,
                "location": learning.absolute(location),
                "title": title,
                "link": link,
                "options": {"include": include or [], "exclude": exclude or [], "private": private},
            }
            body |= {"collection": collection} if collection else {}
            body["options"] |= {"audience": audience} if audience else {}
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
        found = _sources(client_for(url, key), collection)
        if as_json:
            print_json(found)
        elif not found:
            say("Nothing has been learned yet. Begin with: askmesh learn PATH_OR_PACKAGE")
        else:
            columns = ("id", "title", "kind", "collection", "documents", "chunks", "status", "synced")
            rows = [[str(row[name]) for name in columns[:7]] + [_when(row["synced_at"])] for row in found]
            print_table(columns, rows)


@sources.command("sync")
def sync_sources(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids of sources; none: all.")] = None,
    collection: Collection = "",
    url: Url = "",
    key: Key = "",
) -> None:
    """Bring sources up to date."""
    with reporting():
        client = client_for(url, key)
        wanted = ids or [row["id"] for row in _sources(client, collection) if row["kind"] != "discord"]
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
            gone = client_for(url, key).call("DELETE", f"v1/sources/{quote(one, safe='')}")
            say(f"{one} is forgotten: {gone['records']} chunks deleted")


@app.command()
def status(url: Url = "", key: Key = "") -> None:
    """Show whether the four services are ready."""
    with reporting():
        checked = {name: (address, *_readiness(address)) for name, address in service_urls(url_of_bot(url)).items()}
        print_table(
            ("service", "status", "address", ""), [[name, state, at, why] for name, (at, state, why) in checked.items()]
        )
        raise typer.Exit(0 if all(state == "ready" for _, state, _ in checked.values()) else FAILED)


# In the order of the help: after the commands of every day.
app.command("eval")(review_commands.evaluate)
app.command()(review_commands.gaps)
app.add_typer(review_commands.golden, name="golden")


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


def _when(value: str | None) -> str:
    return value[:16].replace("T", " ") if value else "never"
