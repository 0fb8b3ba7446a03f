"""The dated result: one JSON file with everything, one Markdown file to read."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measures import abstention, hit_at, holds_facts, interval, mean_reciprocal_rank, percentile
from measuring import MODES, SEARCHES, Asked


def summarise(asked: Sequence[Asked]) -> dict[str, Any]:
    """Every figure of a run."""
    answerable = [item for item in asked if item.question.answerable]
    groups = {"all": answerable}
    for style in sorted({item.question.style for item in answerable}):
        groups[style] = [item for item in answerable if item.question.style == style]
    retrieval = {
        f"{mode}/{name}": _ranks([item.ranks[mode] for item in items])
        for mode in MODES
        for name, items in groups.items()
    }
    written = [item for item in answerable if item.outcome == "answered"]
    citations = [item.question.is_gold(place) for item in written for place in item.citations]
    return {
        "retrieval": retrieval,
        "passages": {name: _ranks([item.passage_rank for item in items]) for name, items in groups.items()},
        "answers": {
            "questions": len(answerable),
            "answered": len(written),
            "key_facts": _share([holds_facts(item.answer, item.question.key_facts) for item in answerable]),
            "cites_gold": _share([item.cites_gold for item in answerable]),
            "citation_precision": _share(citations),
            "citations": len(citations),
        },
        "abstention": abstention([(item.question.answerable, item.outcome == "abstained") for item in asked]),
        "seconds": {
            "p50": percentile([item.seconds for item in asked], 0.5),
            "p95": percentile([item.seconds for item in asked], 0.95),
        },
        "timings_ms_p50": _timings(asked),
    }


def write(folder: Path, name: str, asked: Sequence[Asked], configuration: dict[str, Any]) -> Path:
    """Write both files. Returns the Markdown file's path."""
    summary = summarise(asked)
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{datetime.now(UTC):%Y-%m-%d}-{name}"
    rows = [_row(item) for item in asked]
    whole = {"configuration": configuration, "summary": summary, "questions": rows}
    stem.with_suffix(".json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    stem.with_suffix(".md").write_text(_markdown(name, summary, rows, configuration), encoding="utf-8")
    return stem.with_suffix(".md")


def _ranks(ranks: Sequence[int | None]) -> dict[str, Any]:
    return {
        "n": len(ranks),
        **{f"hit@{k}": round(hit_at(ranks, k), 3) for k in (1, 5, 10)},
        "hit@5 95%": [round(edge, 3) for edge in interval(ranks, lambda found: hit_at(found, 5))],
        "mrr": round(mean_reciprocal_rank(ranks), 3),
    }


def _row(item: Asked) -> dict[str, Any]:
    return {
        "id": item.question.id,
        "style": item.question.style,
        "question": item.question.text,
        "ranks": item.ranks,
        "passage_rank": item.passage_rank,
        "outcome": item.outcome,
        "key_facts": holds_facts(item.answer, item.question.key_facts) if item.question.answerable else None,
        "cites_gold": item.cites_gold if item.question.answerable else None,
        "answer": item.answer,
        "cited": [f"{place['path']}:{place['line_start']}-{place['line_end']}" for place in item.citations],
        "seconds": round(item.seconds, 3),
    }


def _timings(asked: Sequence[Asked]) -> dict[str, float]:
    steps = sorted({step for item in asked for step in item.timings_ms})
    return {
        step: round(percentile([item.timings_ms[step] for item in asked if step in item.timings_ms], 0.5), 1)
        for step in steps
    }


def _share(values: Sequence[bool]) -> float:
    return round(sum(values) / len(values), 3) if values else 0.0


def _markdown(name: str, summary: dict[str, Any], rows: Sequence[dict[str, Any]], configuration: dict[str, Any]) -> str:
    lines = [f"# {name}, {datetime.now(UTC):%Y-%m-%d}", "", "## Retrieval", ""]
    lines += ["| ranking | n | hit@1 | hit@5 (95 %) | hit@10 | MRR |", "|---|---|---|---|---|---|"]
    tables = summary["retrieval"] | {f"shown to the model/{key}": value for key, value in summary["passages"].items()}
    for key, row in tables.items():
        low, high = row["hit@5 95%"]
        cells = (key, row["n"], row["hit@1"], f"{row['hit@5']} ({low} to {high})", row["hit@10"], row["mrr"])
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    for part in ("answers", "abstention", "seconds", "timings_ms_p50"):
        lines += ["", f"## {part.replace('_', ' ').capitalize()}", "", "| measure | value |", "|---|---|"]
        lines += [f"| {key} | {round(value, 3)} |" for key, value in summary[part].items()]
    columns = ["id", "style", *SEARCHES, "outcome", "facts", "gold cited"]
    lines += ["", "## Questions", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in rows:
        ranks = [str(row["ranks"][mode] or "–") for mode in SEARCHES]
        marks = [{True: "yes", False: "no", None: ""}[row[key]] for key in ("key_facts", "cites_gold")]
        lines.append("| " + " | ".join([row["id"], row["style"], *ranks, row["outcome"], *marks]) + " |")
    lines += ["", "## Configuration", "", "```json", json.dumps(configuration, indent=1, ensure_ascii=False), "```", ""]
    return "\n".join(lines)
