"""`askmesh eval`: one's own questions asked of one's own corpus, judged, written down and compared with a baseline."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from askmesh_bot.frontends.shell.batch import progress
from askmesh_bot.frontends.shell.client import BotClient, Trouble
from askmesh_bot.frontends.shell.figures import Figures, Judged, drops, figures, times
from askmesh_bot.frontends.shell.many import ask_all
from askmesh_bot.frontends.shell.questions import Asked, GoldPlace

_PAGE = 200


def judge_all(client: BotClient, questions: Sequence[Asked], collection: str, workers: int) -> list[Judged]:
    """Ask every question and judge the answers. Raises Trouble where the bot goes away or refuses one."""
    bodies = (_body(asked, collection) for asked in questions)
    judged = []
    with progress() as bar:
        task = bar.add_task("Asking", total=len(questions))
        for asked, (reply, seconds) in zip(questions, ask_all(client, bodies, workers=workers), strict=True):
            if isinstance(reply, Trouble):
                raise Trouble(f"line {asked.line}: {reply.detail}", reply.fix)
            judged.append(judge(asked, reply, seconds))
            bar.advance(task)
    return judged


def compare_reranking(
    client: BotClient, questions: Sequence[Asked], judged: Sequence[Judged], collection: str, workers: int
) -> int:
    """Ask the questions whose passages were reranked again without that, and note where the gold place stood. Returns how
    many there were."""
    pairs = [
        pair for pair in zip(questions, judged, strict=True) if pair[1].has_gold and "rerank" in pair[1].timings_ms
    ]
    bodies = (_body(asked, collection) | {"rerank": False} for asked, _ in pairs)
    for (asked, one), (reply, seconds) in zip(pairs, ask_all(client, bodies, workers=workers), strict=True):
        if isinstance(reply, Trouble):
            raise Trouble(f"line {asked.line}: {reply.detail}", reply.fix)
        one.compared, one.rank_before = True, judge(asked, reply, seconds).rank
    return len(pairs)


def judge(asked: Asked, reply: Mapping[str, Any], seconds: float) -> Judged:
    """How an answer fares."""
    # By score: in the order they were read in, neighbours stand beside each other.
    shown = sorted(reply["passages"], key=lambda place: -place["score"])
    answered = reply["outcome"] == "answered"
    return Judged(
        line=asked.line,
        question=asked.text,
        answerable=asked.answerable,
        outcome=reply["outcome"],
        reason=reply["reason"],
        answer=reply["answer"],
        rank=next((rank for rank, place in enumerate(shown, start=1) if _is_gold(asked, place)), None),
        has_gold=bool(asked.gold),
        facts=answered and holds_facts(reply["answer"], asked.facts) if asked.facts else None,
        cited_gold=[_is_gold(asked, place) for place in reply["citations"]] if answered else [],
        seconds=seconds,
        model=reply["model"],
        timings_ms=reply["timings_ms"],
    )


def holds_facts(answer: str, facts: Sequence[str]) -> bool:
    """Whether an answer contains every fact, whatever the case, the blanks and the marks of Markdown."""
    text = _plain(answer)
    return all(_plain(fact) in text for fact in facts)


def golden_questions(client: BotClient, collection: str) -> Iterator[Asked]:
    """The golden answers as questions; those of fewer readers than everybody can't be asked from here."""
    after = ""
    while True:
        params = {"limit": str(_PAGE), "after": after} | ({"collection": collection} if collection else {})
        page = client.call("GET", "v1/golden", params=params)
        for row in page["data"]:
            if "public" in row["audience"]:
                places = tuple(_place(place) for place in row["places"])
                facts = tuple(row["key_facts"])
                yield Asked(0, row["question"], places, facts, row["answerable"], row["collection"])
        if not page["next"]:
            return
        after = page["next"]


def read_baseline(path: Path) -> Figures:
    """The figures of an earlier result. Raises Trouble where it is none."""
    try:
        found: Figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
        drops(found, found, 0)
    except OSError as error:
        fix = "Copy an earlier result there, and it is the baseline."
        raise Trouble(f"{path} can't be read: {error.strerror}.", fix, 2) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Trouble(f"{path} is no result of askmesh eval.", "Give the .json file of an earlier run.", 2) from None
    return found


def write(folder: Path, judged: Sequence[Judged], about: Mapping[str, Any]) -> Path:
    """The result as JSON and as Markdown, dated; the path of the latter."""
    at = datetime.now(UTC)
    told = figures(judged)
    models = sorted({one.model for one in judged} - {""})
    whole = {
        **about,
        "models": models,
        "date": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "figures": told,
        "milliseconds": times(judged),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stem = _unused(folder / f"askmesh-eval-{at:%Y-%m-%d-%H%M%S}")
        rows = [asdict(one) for one in judged]
        text = json.dumps(whole | {"questions": rows}, indent=1, ensure_ascii=False)
        stem.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
        stem.with_suffix(".md").write_text(_markdown(whole, judged), encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{folder} can't be written to: {error.strerror}.", "Give another with --out.", 2) from None
    return stem.with_suffix(".md")


def _unused(stem: Path) -> Path:
    """The name itself, or with a number: two runs may begin in one second."""
    names = itertools.chain([stem], (stem.with_name(f"{stem.name}-{number}") for number in itertools.count(2)))
    return next(name for name in names if not name.with_suffix(".json").exists())


def cells(told: Figures) -> list[list[str]]:
    """A row for each figure: name, value, interval, number of cases."""
    return [
        [name, f"{figure['value']:.3f}", f"{figure['95%'][0]:.3f} to {figure['95%'][1]:.3f}", str(figure["n"])]
        for name, figure in told.items()
    ]


def _markdown(whole: Mapping[str, Any], judged: Sequence[Judged]) -> str:
    lines = [f"# askmesh eval, {whole['date']}", "", "| figure | value | 95 % | cases |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in cells(whole["figures"])]
    lines += ["", "| milliseconds | p50 | p95 |", "|---|---|---|"]
    lines += [f"| {step} | {row['p50']} | {row['p95']} |" for step, row in whole["milliseconds"].items()]
    wrong = [one for one in judged if (one.answerable and not one.right) or (not one.answerable and one.answered)]
    lines += ["", f"## Not as it should be: {len(wrong)} of {len(judged)}", ""]
    lines += [f"- {_one_line(one.question)} ({one.outcome}{', ' + _one_line(one.reason) if one.reason else ''})" for one in wrong]  # fmt: skip
    return "\n".join([*lines, ""])


def _body(asked: Asked, collection: str) -> dict[str, Any]:
    where = collection or asked.collection
    # Not kept: what is asked to measure is no sign of what people want to know.
    return {"question": asked.text, "keep": False} | ({"collection": where} if where else {})


def _is_gold(asked: Asked, place: Mapping[str, Any]) -> bool:
    return any(gold.is_at(place) for gold in asked.gold)


def _place(place: Mapping[str, Any]) -> GoldPlace:
    named = str(place["path"] or place["document"] or place["header"] or "")
    start, end = place["line_start"], place["line_end"]
    return GoldPlace(named, start, end) if start and end else GoldPlace(named)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[`*_]", "", text.lower()).split())


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
