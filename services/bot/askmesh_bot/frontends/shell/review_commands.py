"""`askmesh eval`, `askmesh gaps` and `askmesh golden`: how good the answers are, and what is missing."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from askmesh_bot.frontends.shell import evaluating
from askmesh_bot.frontends.shell.batch import report_bad
from askmesh_bot.frontends.shell.client import FAILED, BotClient, Trouble
from askmesh_bot.frontends.shell.figures import drops, figures
from askmesh_bot.frontends.shell.options import (
    AsJson,
    Collection,
    Key,
    Url,
    Workers,
    client_for,
    print_json,
    print_table,
)
from askmesh_bot.frontends.shell.questions import Asked, BadRow, read_questions
from askmesh_bot.frontends.shell.screen import clean, reporting, say

golden = typer.Typer(
    help="Answers taken for right, to measure later ones by.", rich_markup_mode=None, no_args_is_help=True
)

_AnswerId = Annotated[str, typer.Argument(metavar="ANSWER_ID", help="As an answer was given with it.")]


def evaluate(
    questions: Annotated[
        Path | None, typer.Option("--questions", "-q", help="A CSV or JSON Lines file of questions.", metavar="FILE")
    ] = None,
    golden_too: Annotated[
        bool, typer.Option("--golden", help="Ask the golden questions (needs an admin's key).")
    ] = False,
    collection: Collection = "",
    workers: Workers = 1,
    folder: Annotated[Path, typer.Option("--out", help="Where the result goes.", metavar="FOLDER")] = Path(
        "askmesh-evals"
    ),
    baseline: Annotated[
        Path | None, typer.Option("--gate", help="Fail where a figure fell below this earlier result.", metavar="FILE")
    ] = None,
    points: Annotated[float, typer.Option("--tolerance", min=0, help="Points that a figure may fall.")] = 2.0,
    compare_reranking: Annotated[
        bool, typer.Option("--compare-reranking", help="Ask again without the reranker, to see what it earns.")
    ] = False,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Measure answers to your own questions over your own corpus."""
    with reporting():
        client = client_for(url, key)
        before = evaluating.read_baseline(baseline) if baseline else {}
        asked, bad = _gathered(client, questions, collection, golden_too=golden_too)
        report_bad(bad)
        judged = evaluating.judge_all(client, asked, collection, workers)
        if compare_reranking and not evaluating.compare_reranking(client, asked, judged, collection, workers):
            say(
                "Nothing was reranked: the bot has no ASKMESH_RERANKER_URL, or no question with a gold place was answered."
            )
        told = figures(judged)
        about = {"questions_file": str(questions or ""), "golden": golden_too, "collection": collection}
        path = evaluating.write(folder, judged, about | {"bot": _version(client)})
        if as_json:
            print_json({"figures": told, "result": str(path.with_suffix(".json"))})
        else:
            print_table(("figure", "value", "95 %", "cases"), evaluating.cells(told))
            say(f"Written to {path} and {path.with_suffix('.json').name}")
        if fallen := drops(told, before, points / 100):
            raise Trouble("Below the baseline: " + "; ".join(fallen), f"{path} lists what went wrong.")
        raise typer.Exit(FAILED if bad else 0)


def gaps(
    days: Annotated[float, typer.Option("--days", min=0.01, max=3650, help="How far back to look.")] = 30.0,
    collection: Collection = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="Most topics.")] = 20,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Show what was asked in vain, by topic: what to write next (needs an admin's key)."""
    with reporting():
        params = {"days": str(days), "limit": str(limit)} | ({"collection": collection} if collection else {})
        found = client_for(url, key).call("GET", "v1/gaps", params=params)
        if as_json:
            print_json(found)
        elif not found["topics"]:
            say(f"Nothing was asked in vain in the last {days:g} days.")
        else:
            columns = ("asked", "unanswered", "rated down", "for example", "nearest documents")
            print_table(columns, [_topic(topic) for topic in found["topics"]])


@golden.command("add")
def golden_add(
    answer_id: _AnswerId,
    question: Annotated[str, typer.Option("--question", help="What to ask instead of the words that were used.")] = "",
    facts: Annotated[
        list[str] | None, typer.Option("--fact", help="What a right answer contains; may be repeated.")
    ] = None,
    url: Url = "",
    key: Key = "",
) -> None:
    """Take an answer for right; again, to change its question or facts."""
    with reporting():
        body = {"answer_id": answer_id, "question": question, "key_facts": facts or []}
        row = client_for(url, key).call("POST", "v1/golden", body)
        say(f"{row['id']} is golden: {row['question']}")
        if row["follow_up"]:
            say("It was asked after others: give --question with words that stand alone.", style="yellow")


@golden.command("list")
def golden_list(collection: Collection = "", as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Show the golden answers."""
    with reporting():
        rows = list(_golden_rows(client_for(url, key), collection))
        if as_json:
            print_json(rows)
            return
        cells = [[row["id"], row["collection"], row["question"], str(len(row["places"])), row["added_at"][:10]] for row in rows]  # fmt: skip
        print_table(("id", "collection", "question", "places", "added"), cells)


@golden.command("export")
def golden_export(
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .jsonl file; standard output if left out.", metavar="FILE")
    ] = None,
    collection: Collection = "",
    url: Url = "",
    key: Key = "",
) -> None:
    """Write the golden answers as questions for `askmesh eval`, one JSON object a line."""
    with reporting():
        text = "".join(_exported(row) for row in _golden_rows(client_for(url, key), collection))
        if target is None:
            sys.stdout.write(text)
            return
        try:
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Trouble(f"{target} can't be written: {error.strerror}.", "Give another file with -o.", 2) from None
        say(f"{target}: {text.count(chr(10))} questions")


@golden.command("remove")
def golden_remove(
    ids: Annotated[list[str], typer.Argument(metavar="ANSWER_ID…", help="As `askmesh golden list` shows them.")],
    url: Url = "",
    key: Key = "",
) -> None:
    """Take answers out again."""
    with reporting():
        for one in ids:
            client_for(url, key).call("DELETE", f"v1/golden/{quote(one, safe='')}")
            say(f"{one} is golden no more")


def _gathered(
    client: BotClient, questions: Path | None, collection: str, *, golden_too: bool
) -> tuple[list[Asked], list[BadRow]]:
    if questions is None and not golden_too:
        raise Trouble("There is nothing to ask.", "Give --questions FILE, --golden, or both.", 2)
    asked, bad = read_questions(questions) if questions else ([], [])
    if golden_too:
        asked += evaluating.golden_questions(client, collection)
    if not asked:
        report_bad(bad)
        raise Trouble("There is no question to ask.", "Add some: askmesh golden add ANSWER_ID, or --questions FILE.")
    return asked, bad


def _golden_rows(client: BotClient, collection: str) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        params = {"after": after, "limit": "500"} | ({"collection": collection} if collection else {})
        page = client.call("GET", "v1/golden", params=params)
        yield from page["data"]
        if not page["next"]:
            return
        after = page["next"]


def _exported(row: dict[str, Any]) -> str:
    kept = ("path", "document", "line_start", "line_end", "url")
    gold = [{name: place[name] for name in kept if place[name] is not None} for place in row["places"]]
    question = {name: row[name] for name in ("id", "question", "answerable", "key_facts", "collection")}
    return json.dumps(question | {"gold": gold}, ensure_ascii=False) + "\n"


def _topic(topic: dict[str, Any]) -> list[str]:
    examples = " / ".join(" ".join(clean(example["question"]).split()) for example in topic["examples"])
    nearest = ", ".join(dict.fromkeys(clean(near["title"]) for near in topic["nearest"]))
    return [*(str(topic[name]) for name in ("questions", "unanswered", "rated_down")), examples, nearest]


def _version(client: BotClient) -> str:
    return str(client.call("GET", "openapi.json")["info"]["version"])
