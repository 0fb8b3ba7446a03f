"""The dated result: JSON with everything, Markdown to read, and a plot for each size."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.vectordb.plot import bars

Figures = dict[str, dict[str, Any]]

_COLUMNS = {
    "load/s": ("load", "load_per_s"),
    "load, CPU s": ("load", "load_cpu_s"),
    "upsert p50/p99": ("measure", "upsert"),
    "k=3 p50/p99": ("measure", "all, k=3"),
    "k=3 p10": ("measure", "all, k=3", "p10_ms"),
    "k=3 CPU ms": ("measure", "all, k=3", "cpu_ms"),
    "k=10 p50/p99": ("measure", "all, k=10"),
    "recall@10": ("measure", "all, k=10", "recall"),
    "20 % filter p50, recall": ("measure", "20 %, k=10"),
    "1 % filter p50, recall": ("measure", "1 %, k=10"),
    "8 clients: q/s, p99": ("measure", "8 clients, k=3"),
    "peak MB, loading": ("load", "load_peak_mb"),
    "peak MB, querying": ("measure", "peak_mb"),
    "disk MB": ("measure", "disk_mb"),
    "cold open ms": ("measure", "cold_open_ms"),
}


def write(folder: Path, sizes: dict[str, Figures]) -> Path:
    """Write all. Returns the Markdown file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{datetime.now(UTC):%Y-%m-%d}-vectordb"
    stem.with_suffix(".json").write_text(json.dumps(sizes, indent=1) + "\n", encoding="utf-8")
    lines = [f"# Vector databases, {datetime.now(UTC):%Y-%m-%d}", ""]
    for size, figures in sizes.items():
        if not figures:
            continue
        plot = stem.with_name(f"{stem.name}-{size}.svg")
        plot.write_text(_plot(size, figures), encoding="utf-8")
        lines += [f"## {size.replace('x', ' x ')}", "", *_table(figures), "", f"![Query latency]({plot.name})", ""]
        lines += _notes(figures)
    stem.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
    return stem.with_suffix(".md")


def _table(figures: Figures) -> list[str]:
    lines = ["| | " + " | ".join(_COLUMNS) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for name, stages in figures.items():
        lines.append(f"| {name} | " + " | ".join(_cell(stages, *path) for path in _COLUMNS.values()) + " |")
    return lines


def _cell(found: Any, *path: str) -> str:
    for step in path:
        if not isinstance(found, dict) or step not in found:
            return "-"
        found = found[step]
    if not isinstance(found, dict):
        return str(found)
    if "per_s" in found:
        return f"{found['per_s']:.0f}, {found['p99_ms']:.3g}"
    if path[-1] in ("20 %, k=10", "1 %, k=10"):
        return f"{found['p50_ms']:.3g}, {found['recall']}"
    return f"{found['p50_ms']:.3g} / {found['p99_ms']:.3g}"


def _notes(figures: Figures) -> list[str]:
    """What the table has no column for: our own overheads, what failed, how busy the machine was."""
    lines = []
    for name, stages in figures.items():
        measured = stages.get("measure", {})
        extras = [extra for extra in ("from another thread, k=3", "GET /livez") if extra in measured]
        lines += [f"- {name}, {extra}: {_cell(measured, extra)} ms" for extra in extras]
        told = stages.get("load", {}).get("notes")
        lines += [f"- {name}: " + ", ".join(f"{what} {value:g}" for what, value in told.items())] if told else []
        lines += [f"- {name}, {stage} failed: {told['failed']}" for stage, told in stages.items() if "failed" in told]
    loads = {
        stage: [stages[stage]["machine"]["load_before"][0] for stages in figures.values() if stage in stages]
        for stage in ("load", "measure")
    }
    for stage, seen in loads.items():
        if seen:
            lines.append(f"- The machine's load average when a {stage} began: {min(seen)} to {max(seen)}.")
    machine = next(told["machine"] for stages in figures.values() for told in stages.values())
    return [*lines, f"- {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}.", ""]


def _plot(size: str, figures: Figures) -> str:
    groups = {"k=3": "all, k=3", "k=10": "all, k=10", "20 % filter": "20 %, k=10", "1 % filter": "1 %, k=10"}
    rows = {
        name: {group: stages["measure"][key]["p50_ms"] for group, key in groups.items()}
        for name, stages in figures.items()
        if "all, k=3" in stages.get("measure", {})
    }
    return bars(f"Median time of a query in ms, {size}, one client (logarithmic)", rows)
