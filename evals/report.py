"""The figures of a run, the dated result files, and the comparison with the committed baseline."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import judged
import rankings
import risk
from askmesh_bot.answering.conflicts import REMARKS
from askmesh_llm.engines.extractive.answer import UNSURE
from measures import hit_at, interval, percentile
from measuring import AS_SERVED, SEARCHES, UNRANKED, Asked, pooled
from significance import paired_randomisation

# A drop of more than this below the baseline fails.
TOLERANCE = 0.02
# What the gate compares, where a set has it.
GATED = ("hit@1", "hit@5", "facts", "citation_precision", "answered", "refused")
_MOST_PLOTTED = 8
_RIGHT = ["Share of citations that overlap a gold place, among the surest answers:"]
_ADDED = "added around embed, search and generation"


def summarise(asked: Sequence[Asked]) -> dict[str, Any]:
    """Every figure by corpus and style, for each half and for both; and what takes how long."""
    figures: dict[str, Any] = {}
    for key in sorted({(item.corpus, item.style) for item in asked}):
        own = [item for item in asked if (item.corpus, item.style) == key]
        figures["/".join(key)] = {half: _figures([one for one in own if half in ("all", one.half)]) for half in HALVES}
    for corpus in sorted({item.corpus for item in asked}):
        own = [item for item in asked if item.corpus == corpus and item.answerable]
        if own:
            figures[f"{corpus}/all answerable"] = {
                half: _figures([one for one in own if half in ("all", one.half)]) for half in HALVES
            }
    whole = [item for item in pooled(asked) if item.answerable]
    if len({item.corpus for item in whole}) > 1:
        figures["all/all answerable"] = {
            half: _figures([one for one in whole if half in ("all", one.half)]) for half in HALVES
        }
    return {
        "figures": figures,
        "unjudged": unjudged(asked),
        "conflicts": _conflicts(asked),
        "retrieval": rankings.rows(asked),
        "significance": _significance(asked),
        "risk": {one.name: {"n": one.questions, "points": one.points} for one in risk.curves(asked)},
        "milliseconds": _times(asked),
    }


HALVES = ("dev", "held-out", "all")


def _figures(items: Sequence[Asked]) -> dict[str, Any]:
    answered = [item for item in items if item.outcome == "answered"]
    refused = [item.outcome == "abstained" for item in items]
    if not items or not items[0].answerable:
        return {"n": len(items), "refused": _share(refused)}
    served = [item.ranks[AS_SERVED] for item in items]
    citations = [gold for item in answered for gold in item.gold_cited]
    return {
        "n": len(items),
        "hit@1": _measured(served, lambda ranks: hit_at(ranks, 1)),
        "hit@5": _measured(served, lambda ranks: hit_at(ranks, 5)),
        "answered": _share([not one for one in refused]),
        "facts": _share([item.facts for item in items]),
        "facts_if_answered": _share([item.facts for item in answered]),
        "gold_cited": _share([any(item.gold_cited) for item in items]),
        "citation_precision": _share(citations),
        "unmarked": _share([_unmarked(item) for item in answered]),
        "citation_precision_unmarked": _share(
            [gold for item in answered if _unmarked(item) for gold in item.gold_cited]
        ),
        "citation_precision_judged": _share([right for item in answered for right in _judged(item)]),
        "citation_holds_answer": _share([held for item in answered for held in item.fact_cited]),
        # CRAG's score (Yang et al. 2024): right +1, abstained 0, wrong -1.
        "crag": {
            "value": round(sum(item.facts - (not item.facts) for item in answered) / len(items), 3) if items else 0.0
        },
    }


def _unmarked(item: Asked) -> bool:
    """Whether an answer does not say that it may be another one's."""
    return UNSURE not in item.answer


def _judged(item: Asked) -> list[bool]:
    """Of each citation, whether it overlaps a gold place or was judged to answer the question."""
    known = judged.read()
    return [
        gold or judged.verdict(item.corpus, item.id, cited, known) is True
        for gold, cited in zip(item.gold_cited, item.cited, strict=True)
    ]


def unjudged(asked: Sequence[Asked]) -> int:
    """How many citations in answers to answerable questions are neither gold nor judged; they count as wrong."""
    known = judged.read()
    own = [item for item in pooled(asked) if item.answerable and item.outcome == "answered"]
    pairs = [(item, *pair) for item in own for pair in zip(item.gold_cited, item.cited, strict=True)]
    return sum(not gold and judged.verdict(item.corpus, item.id, cited, known) is None for item, gold, cited in pairs)


def _conflicts(asked: Sequence[Asked]) -> dict[str, Any]:
    """How many answers say that sources conflict, both halves."""
    rows: dict[str, Any] = {}
    for item in asked:
        if item.outcome == "answered":
            row = rows.setdefault(f"{item.corpus}/{item.style}", {"answers": 0, "said": 0})
            row["answers"] += 1
            row["said"] += any(f"\n{remark}" in item.answer for remark in REMARKS)
    return dict(sorted(rows.items()))


def _significance(asked: Sequence[Asked]) -> dict[str, Any]:
    """The served order against each of the database's own: mean difference of reciprocal ranks, and p; pooled sets too."""
    rows = {}
    own = [item for item in asked if item.ranks]
    corpora = sorted({item.corpus for item in own})
    for corpus in [*corpora, "pooled"] if len(corpora) > 1 else corpora:
        for half in ("held-out", "all"):
            among = pooled(own) if corpus == "pooled" else [item for item in own if item.corpus == corpus]
            chosen = [item for item in among if half in ("all", item.half)]
            for mode in (mode for mode in (*SEARCHES, UNRANKED) if chosen and mode in chosen[0].ranks):
                ours, theirs = ([1 / (item.ranks[name] or 1e9) for item in chosen] for name in (AS_SERVED, mode))
                difference, p = paired_randomisation(ours, theirs)
                rows[f"{corpus}/{half}/{mode}"] = {
                    "n": len(chosen),
                    "difference": round(difference, 3),
                    "p": round(p, 4),
                }
    return rows


def _times(asked: Sequence[Asked]) -> dict[str, Any]:
    """p50 and p95 of each step, and of what the bot adds around its peers, of answered questions."""
    answered = [item for item in asked if item.outcome == "answered"]
    steps = sorted({step for item in answered for step in item.timings_ms})
    series = {
        step: [item.timings_ms[step] for item in answered if step in item.timings_ms]
        for step in steps
        if step != "first_sentence"
    }
    series[_ADDED] = [added(item.seconds, item.timings_ms) for item in answered]
    return {
        step: {"p50": round(percentile(values, 0.5), 1), "p95": round(percentile(values, 0.95), 1)}
        for step, values in series.items()
    }


def added(seconds: float, timings_ms: dict[str, float]) -> float:
    """Milliseconds of an answer that are neither embedding the question nor the search nor a model's: counting tokens,
    ranking, checking what is written, keeping it, HTTP."""
    peers = sum(timings_ms.get(step, 0.0) for step in ("embed", "search", "rerank", "write"))
    return seconds * 1000 - peers + timings_ms.get("check", 0.0)


def _share(values: Sequence[bool]) -> dict[str, Any]:
    return _measured([int(value) for value in values], lambda found: sum(map(bool, found)) / len(found))


def _measured(values: Sequence[int | None], measure: Callable[[Sequence[int | None]], float]) -> dict[str, Any]:
    if not values:
        return {"value": 0.0, "95%": [0.0, 0.0]}
    low, high = interval(values, measure)
    return {"value": round(measure(values), 3), "95%": [round(low, 3), round(high, 3)]}


def drops(figures: dict[str, Any], baseline: dict[str, Any]) -> list[str]:
    """What fell by more than the tolerance since the baseline, over both halves."""
    found = []
    for group, halves in baseline.items():
        if group not in figures:
            continue
        for name in GATED:
            before, now = halves["all"].get(name), figures[group]["all"].get(name)
            if before and now and before["value"] - now["value"] > TOLERANCE:
                found.append(f"{group}: {name} fell from {before['value']} to {now['value']}")
    return found


def table(summary: dict[str, Any]) -> str:
    """The held-out figures as Markdown."""
    columns = ("hit@1", "hit@5", "answered", "facts", "facts_if_answered", "gold_cited", "citation_precision")
    columns += ("citation_precision_judged", "unmarked", "citation_precision_unmarked", "crag")
    lines = ["| held-out half | n | " + " | ".join(columns) + " | refused |", "|---" * (len(columns) + 3) + "|"]
    for group, halves in summary["figures"].items():
        row = halves["held-out"]
        cells = [_cell(row.get(name)) for name in (*columns, "refused")]
        lines.append(f"| {group} | {row['n']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return ""
    edges = figure.get("95%")
    return f"{figure['value']:.2f}" + (f" ({edges[0]:.2f} to {edges[1]:.2f})" if edges else "")


def write(folder: Path, name: str, asked: Sequence[Asked], configuration: dict[str, Any]) -> Path:
    """Write both files. Returns the Markdown file's path. Texts of the public sets stay out of the result."""
    summary = summarise(asked)
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{datetime.now(UTC):%Y-%m-%d}-{name}"
    rows = [_row(item) for item in asked]
    parts = {"configuration": configuration, "summary": summary}
    whole = json.dumps(parts, indent=1, ensure_ascii=False)[:-2]
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    stem.with_suffix(".json").write_text(f'{whole},\n "questions": [\n{lines}\n ]\n}}\n', encoding="utf-8")
    curves = risk.curves(asked)
    plotted = [one for one in curves if one.name in ("all", "all but adversarial") or len(curves) < _MOST_PLOTTED]
    stem.with_suffix(".svg").write_text(risk.svg(plotted), encoding="utf-8")
    page = _markdown(stem.name, summary, configuration, [*risk.table(curves), "", *_RIGHT, "", *risk.citations(asked)])
    stem.with_suffix(".md").write_text(page, encoding="utf-8")
    return stem.with_suffix(".md")


def _row(item: Asked) -> dict[str, Any]:
    row = asdict(item)
    keep = (
        "id",
        "corpus",
        "style",
        "half",
        "answerable",
        "outcome",
        "reason",
        "facts",
        "gold_cited",
        "fact_cited",
        "cited",
    )
    found = {key: row[key] for key in (*keep, "signals", "chance", "lead", "seconds")}
    found["rank"] = item.ranks.get(AS_SERVED)
    return found


def _markdown(name: str, summary: dict[str, Any], configuration: dict[str, Any], risks: Sequence[str]) -> str:
    lines = [f"# {name}", "", "95 % bootstrap intervals in brackets.", "", table(summary)]
    lines += ["", f"Citations that are neither gold nor judged, and count as wrong: {summary['unjudged']}."]
    lines += [
        "",
        "## Conflicts between sources (both halves)",
        "",
        "| questions | answers | that say so |",
        "|---|---|---|",
    ]
    lines += [f"| {key} | {row['answers']} | {row['said']} |" for key, row in summary["conflicts"].items()]
    lines += ["", "## Retrieval, step by step (held-out)", "", *rankings.table(summary["retrieval"])]
    lines += ["", "## The served order against the database's own", ""]
    lines += ["Mean difference of reciprocal ranks; p of a paired randomisation test.", ""]
    lines += ["| questions | n | difference | p |", "|---|---|---|---|"]
    lines += [
        f"| {key} | {row['n']} | {row['difference']:+} | {row['p']} |" for key, row in summary["significance"].items()
    ]
    lines += [
        "",
        "## Risk and coverage (held-out)",
        "",
        "Share of wrong ones among the surest answers, at the share of all",
    ]
    lines += [
        "questions that these are. What is answered and should be refused is wrong.",
        "",
        f"![curves]({name}.svg)",
        "",
    ]
    lines += [*risks, "", "## Milliseconds of an answer", "", "| step | p50 | p95 |", "|---|---|---|"]
    lines += [f"| {step} | {row['p50']} | {row['p95']} |" for step, row in summary["milliseconds"].items()]
    lines += ["", "## Configuration", "", "```json", json.dumps(configuration, indent=1, ensure_ascii=False), "```", ""]
    return "\n".join(lines)
