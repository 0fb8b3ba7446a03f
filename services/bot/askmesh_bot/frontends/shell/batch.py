"""`askmesh ask --batch`: every question of a file answered into another, to be reviewed before a roll-out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from askmesh_bot.frontends.shell.answer_files import AnswerFile
from askmesh_bot.frontends.shell.client import FAILED, BotClient, Trouble
from askmesh_bot.frontends.shell.many import Reply, ask_all
from askmesh_bot.frontends.shell.questions import Asked, BadRow, read_questions
from askmesh_bot.frontends.shell.screen import clean, err, out, say


def run(client: BotClient, questions: Path, answers: Path | None, collection: str, *, workers: int, fresh: bool) -> int:
    """Ask what has no answer in the file yet. Returns the exit code."""
    target = answers or questions.with_name(f"{questions.stem}-answers.csv")
    if target.resolve() == questions.resolve():
        raise Trouble("The answers would replace the questions.", "Give another file with -o.", 2)
    good, bad = read_questions(questions)
    with AnswerFile(target, fresh=fresh) as file:
        left = [asked for asked in good if not file.holds(asked.line, asked.text)]
        if len(left) < len(good):
            say(f"{len(good) - len(left)} were answered before; --fresh asks them anew.")
        counts = _ask(client, left, collection, workers, file)
    _report(target, counts, bad)
    return FAILED if bad or counts["error"] else 0


def _ask(client: BotClient, left: Sequence[Asked], collection: str, workers: int, file: AnswerFile) -> dict[str, int]:
    counts = dict.fromkeys(("answered", "abstained", "sources_only", "error"), 0)
    bodies = (_body(asked, collection) for asked in left)
    with progress() as bar:
        task = bar.add_task("Asking", total=len(left))
        for asked, (reply, seconds) in zip(left, ask_all(client, bodies, workers=workers), strict=True):
            file.write(row_of(asked, reply, seconds))
            counts["error" if isinstance(reply, Trouble) else str(reply["outcome"])] += 1
            bar.advance(task)
    return counts


def row_of(asked: Asked, reply: Reply, seconds: float) -> dict[str, Any]:
    """One question and what came of it, as it is written."""
    row: dict[str, Any] = {"line": asked.line, "question": asked.text, "seconds": round(seconds, 2)}
    if isinstance(reply, Trouble):
        return row | {"outcome": "error", "reason": f"{reply.detail} {reply.fix}".strip()}
    cited = {place["number"]: place for place in reply["citations"]}
    near = list(cited.values()) or reply["passages"][:3]
    return row | {
        "outcome": reply["outcome"],
        "answer": reply["answer"],
        "reason": reply["reason"],
        "citations": "\n".join(f"[{number}] {place['header']} {place['url']}" for number, place in cited.items()),
        "documents": "\n".join(dict.fromkeys(place["path"] or place["document"] for place in near)),
        "model": reply["model"],
        "answer_id": reply["answer_id"],
    }


def progress() -> Progress:
    """A bar on a terminal, nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=out, disable=not out.is_terminal, transient=True)


def report_bad(bad: Sequence[BadRow]) -> None:
    """Rows that were not asked, by their lines."""
    for row in bad:
        err.print(Text(clean(f"line {row.line}: {row.why}"), style="red"))


def _body(asked: Asked, collection: str) -> dict[str, Any]:
    where = collection or asked.collection
    return {"question": asked.text} | ({"collection": where} if where else {})


def _report(target: Path, counts: dict[str, int], bad: Sequence[BadRow]) -> None:
    report_bad(bad)
    told = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items() if number) or "nothing new"
    say(f"{target}: {told}" + (f"; {len(bad)} rows could not be asked" if bad else ""))
