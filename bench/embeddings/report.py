"""The dated result: JSON with everything, Markdown to read, and a plot."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.embeddings.plot import bars

_COLUMNS = ["per_s", "p50_ms", "p95_ms", "p99_ms", "cpu_ms"]


def write(folder: Path, part: str, result: dict[str, Any]) -> Path:
    """Write all three. Returns the Markdown file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{datetime.now(UTC):%Y-%m-%d}-embeddings-{part}"
    result["machine"]["load_after"] = [round(value, 2) for value in os.getloadavg()]
    stem.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    plotted = bool(result["servers"])
    if plotted:
        rates = {
            name: {f"{count} clients": load["per_s"] for count, load in server["loads"]["query"].items()}
            for name, server in result["servers"].items()
        }
        stem.with_suffix(".svg").write_text(bars("Queries per second, MiniLM, 16 tokens", rates), encoding="utf-8")
    stem.with_suffix(".md").write_text(
        _markdown(part, result, f"{stem.name}.svg" if plotted else None), encoding="utf-8"
    )
    return stem.with_suffix(".md")


def _markdown(part: str, result: dict[str, Any], plot: str | None) -> str:
    lines = [f"# Embeddings, {part}, {datetime.now(UTC):%Y-%m-%d}", "", f"Machine: {json.dumps(result['machine'])}", ""]
    if plot:
        lines += [f"![Queries per second]({plot})", ""]
    for kind in ("query", "passage") if result["servers"] else ():
        lines += [f"## MiniLM, {kind}: {'16' if kind == 'query' else '240'} tokens, one text per request", ""]
        lines += [
            "| server | clients | requests/s | p50 ms | p95 ms | p99 ms | CPU ms/request | peak memory MB |",
            "|---" * 8 + "|",
        ]
        for name, server in result["servers"].items():
            for count, load in server["loads"][kind].items():
                cells = [name, count, *(load[column] for column in _COLUMNS), server["peak_memory_mb"]]
                lines.append("| " + " | ".join(map(str, cells)) + " |")
        lines.append("")
    lines += [f"Not measured: {name}: {reason}" for name, reason in result["skipped"].items()]
    lines += _bulk(result.get("bulk")) + _in_process("BERT-large, random weights", result.get("large"))
    return "\n".join(lines) + "\n"


def _bulk(bulk: dict[str, Any] | None) -> list[str]:
    if not bulk:
        return []
    lines = _in_process("In-process limits, MiniLM", bulk["in_process"])
    service = bulk["service"]
    lines += [
        f"Through the service, 960 passages: {service['passages_per_s']}/s at {service['cpu_ms']} CPU ms each.",
        "",
    ]
    lines += ["## A query meanwhile", "", "| | queries | p50 ms | p95 ms | p99 ms |", "|---|---|---|---|---|"]
    for title, key in (("idle", "query_idle"), ("during a 1,000-passage ingest", "query_during_ingest")):
        row = bulk[key]
        lines.append(f"| {title} | {row['requests']} | {row['p50_ms']} | {row['p95_ms']} | {row['p99_ms']} |")
    return [*lines, ""]


def _in_process(title: str, cases: dict[str, Any] | None) -> list[str]:
    if not cases:
        return []
    lines = [f"## {title}", "", "| case | queries/s | CPU ms | passages/s | CPU ms |", "|---|---|---|---|---|"]
    for name, row in cases.items():
        query, passage = row["query"], row["passage"]
        cells = [name, query["per_s"], query["cpu_ms"], passage["per_s"], passage["cpu_ms"]]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return [*lines, ""]
