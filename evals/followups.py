"""Measures what the rewrite of follow-ups earns: `python evals/followups.py`, over questions of two turns.

The second question is searched as it was typed, as the rules make it stand alone, and both ways fused, which is what the
bot does. Then both are asked in one conversation. Some second questions stand alone: a rewrite must not harm those.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import corpus
import sets
from askmesh_bot.answering.base import Turn
from askmesh_bot.answering.fusion import rescored
from askmesh_bot.answering.retrieval import fuse
from askmesh_bot.answering.rewrite import is_follow_up, rewrite
from measures import hit_at, interval, mean_reciprocal_rank
from measuring import Measurer, first_gold, match_of
from mesh import running_mesh
from questions import EvalQuestion, Span
from run import describe

HERE = Path(__file__).resolve().parent
MODES = ("as typed", "rewritten", "both, fused", "asked in a conversation")


@dataclass
class TwoTurns:
    """A pair of questions and where the gold place of the second was found in each way, from 1."""

    id: str
    corpus: str
    style: str
    first: str
    question: str
    searched: str
    taken_for_follow_up: bool
    ranks: dict[str, int | None]
    outcome: str = ""
    gold_cited: bool = False


def main() -> None:
    """Measure and write a dated result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--state", type=Path, default=corpus.CACHE / "state", help="the mesh's state, kept between runs"
    )
    parser.add_argument("--out", type=Path, default=HERE / "results", help="where the result goes (%(default)s)")
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in (HERE / "data/followups/questions.jsonl").read_text("utf-8").splitlines()]
    with running_mesh(arguments.state) as urls:
        measurer = Measurer(urls.bot, urls.embeddings, urls.vectordb)
        learned = {}
        for name in sorted({row["corpus"] for row in rows}):
            tree = sets.corpus_of(name, sets.default_data())
            print(f"Learning {tree.title} …", flush=True)
            found = measurer.learn(name, str(tree.folder), tree.title, tree.kind)
            learned[name] = {"sha256": tree.sha256, "chunks": found["chunks"]}
        configuration = describe(urls, measurer, learned)
        measured = [measure(measurer, row) for row in rows]
    print(_write(arguments.out, measured, configuration))


def measure(measurer: Measurer, row: dict[str, Any]) -> TwoTurns:
    """Search and ask one pair."""
    asked = EvalQuestion(
        row["id"], row["question"], row["style"], "follow-up", True, tuple(Span(**span) for span in row["gold"]), (), row["corpus"]
    )  # fmt: skip
    query = rewrite(asked.text, [Turn(row["first"], "")])
    rankings = {
        text: rescored(text, [match_of(item) for item in measurer.search(row["corpus"], text)])
        for text in dict.fromkeys((query.standalone, asked.text))
    }
    orders = {
        "as typed": rankings[asked.text],
        "rewritten": rankings[query.standalone],
        "both, fused": fuse(list(rankings.values())) if query.follow_up else rankings[asked.text],
    }
    ranks = {mode: first_gold(asked, [dict(match.metadata) for match in found]) for mode, found in orders.items()}
    answer = measurer.converse(row["corpus"], (row["first"], asked.text))
    shown = sorted(answer["passages"], key=lambda place: -place["score"])
    ranks["asked in a conversation"] = first_gold(asked, shown)
    return TwoTurns(
        row["id"],
        row["corpus"],
        row["style"],
        row["first"],
        asked.text,
        query.standalone,
        is_follow_up(asked.text),
        ranks,
        answer["outcome"],
        any(asked.is_gold(place) for place in answer["citations"]),
    )


def table(measured: Sequence[TwoTurns]) -> str:
    """hit@k and MRR of each way, with 95 % bootstrap intervals of hit@5."""
    lines = ["| questions | n | searched | hit@1 | hit@5 | 95 % | MRR |", "|---|---|---|---|---|---|---|"]
    groups = [("follow-up", name) for name in ("all", *sorted({one.corpus for one in measured}))] + [
        ("stands-alone", "all")
    ]
    for style, name in groups:
        own = [one for one in measured if one.style == style and name in ("all", one.corpus)]
        for mode in MODES:
            ranks = [one.ranks[mode] for one in own]
            low, high = interval(ranks, lambda values: hit_at(values, 5))
            cells = [f"{hit_at(ranks, 1):.2f}", f"{hit_at(ranks, 5):.2f}", f"{low:.2f} to {high:.2f}", f"{mean_reciprocal_rank(ranks):.2f}"]  # fmt: skip
            lines.append(f"| {style}, {name} | {len(own)} | {mode} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _write(folder: Path, measured: Sequence[TwoTurns], configuration: dict[str, Any]) -> str:
    told = table(measured)
    follow = [one for one in measured if one.style == "follow-up"]
    alone = [one for one in measured if one.style != "follow-up"]
    taken = [sum(one.taken_for_follow_up for one in group) for group in (follow, alone)]
    answered, cited = sum(one.outcome == "answered" for one in follow), sum(one.gold_cited for one in follow)
    notes = [
        f"Taken for a follow-up: {taken[0]} of {len(follow)} that are one, {taken[1]} of {len(alone)} that stand alone.",
        f"In a conversation: {answered} of {len(follow)} follow-ups answered, {cited} citing a gold place.",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{datetime.now(UTC):%Y-%m-%d}-followups"
    parts = {"configuration": configuration, "questions": [asdict(one) for one in measured]}
    stem.with_suffix(".json").write_text(json.dumps(parts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shown = json.dumps(configuration, indent=1, ensure_ascii=False)
    page = [f"# Follow-ups, {datetime.now(UTC):%Y-%m-%d}", "", told, "", *notes, "", "```json", shown, "```", ""]
    stem.with_suffix(".md").write_text("\n".join(page), encoding="utf-8")
    return "\n".join([told, *notes, f"Written to {stem.with_suffix('.md')}"])


if __name__ == "__main__":
    main()
