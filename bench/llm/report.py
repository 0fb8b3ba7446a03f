"""A run as a Markdown table with the ratios that matter, and as a plot."""

import html
import os
import pathlib
import platform
from typing import Any

_PLAIN, _OURS, _PEER = (
    "model.generate, one at a time",
    "askmesh, transformers",
    "transformers serve --continuous-batching",
)
_COLOURS = ("#777777", "#1f6feb", "#d29922", "#2da44e")


def machine() -> str:
    """Processor, cores, and the number formats that decide how fast bf16 and int8 are."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    flags = next((line.partition(": ")[2].split() for line in lines if line.startswith("flags")), [])
    features = [flag for flag in ("avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8") if flag in flags]
    return f"{model}, {os.cpu_count()} cores, {', '.join(features) or 'no AVX512 or AMX for bf16 or int8'}"


def markdown(run: dict[str, Any]) -> str:
    """The table, the ratios, and what bounds them."""
    share = "all" if run["layers"] == 32 else f"{run['layers']} of"
    turns = f"medians of {run['rounds']} rounds in which the systems take turns"
    if run["each_alone"]:
        turns = f"{run['rounds']} round{'s' * (run['rounds'] > 1)}, each system alone on the machine"
    lines = [
        f"# Text generation, {run['date'][:10]}",
        (
            f"Random weights of Phi-3-mini's shape, {share} 32 layers, bf16. Prompts of {run['prompt_words']} tokens, answers"
            f" of {run['max_tokens']}, greedy, all requests of a row sent at once; {turns}."
        ),
        f"Machine: {run['machine']}; load average at the end {run['load_average']:.1f}.",
        "",
        "| system | at once | tokens/s in all | first token p50 / last, s | whole answer p95, s | failed | peak memory, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, by in run["results"].items():
        for at, result in by.items():
            lines.append(
                f"| {name} | {at} | {result['tokens_per_s']:.1f} | {result['first_p50_s']:.2f} /"
                f" {result['first_last_s']:.2f} | {result['total_p95_s']:.2f} | {result['failed']:.0f} |"
                f" {run['peak_mb'][name]:.0f} |"
            )
    return "\n".join([*lines, "", *_ratios(run), "", *_limit(run), ""])


def _ratios(run: dict[str, Any]) -> list[str]:
    results, memory = run["results"], run["peak_mb"]
    if _PLAIN not in results or _OURS not in results or not {"1", "8"} <= set(results[_PLAIN]) & set(results[_OURS]):
        return []
    plain, ours = results[_PLAIN], results[_OURS]
    lines = [
        (
            f"- 8 at once against one at a time: {ours['8']['tokens_per_s'] / plain['8']['tokens_per_s']:.2f} times the tokens/s,"
            f" at {memory[_OURS] / memory[_PLAIN]:.2f} times the memory."
        ),
        (
            f"- First token of the last of 8: {100 * ours['8']['first_last_s'] / plain['8']['first_last_s']:.0f} % of what it"
            " waits one at a time."
        ),
        (
            f"- One request alone: {100 * ours['1']['tokens_per_s'] / plain['1']['tokens_per_s']:.0f} % of plain generate's"
            " tokens/s."
        ),
    ]
    if _PEER in results:
        pairs = ", ".join(
            f"{result['tokens_per_s'] / results[_PEER][at]['tokens_per_s']:.2f} at {at}"
            for at, result in ours.items()
            if at in results[_PEER]
        )
        lines.append(f"- Tokens/s against `transformers serve`: {pairs}.")
    return lines


def _limit(run: dict[str, Any]) -> list[str]:
    limit = run["read_bandwidth_gb_s"] * 1e9 / run["bytes_per_token"]
    return [
        (
            f"The limit: each step reads {run['bytes_per_token'] / 1e9:.2f} GB of weights, and this machine read"
            f" {run['read_bandwidth_gb_s']:.1f} GB/s, so one request alone can't get more than {limit:.1f} tokens/s in bf16;"
            " requests that share a step share its reading."
        )
    ]


def svg(run: dict[str, Any]) -> str:
    """Tokens/s over requests at once, a line for each system."""
    width, height, left, bottom = 720, 400, 60, 50
    points = {
        name: [(int(at), result["tokens_per_s"]) for at, result in by.items()] for name, by in run["results"].items()
    }
    widest = max(at for line in points.values() for at, _ in line)
    tallest = max(rate for line in points.values() for _, rate in line) * 1.1

    def place(at: float, rate: float) -> str:
        x = left + (width - left - 20) * at / widest
        return f"{x:.1f},{height - bottom - (height - bottom - 20) * rate / tallest:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<polyline points="{place(0, tallest)} {place(0, 0)} {place(widest, 0)}" fill="none" stroke="black"/>',
        f'<text x="{width / 2}" y="{height - 10}" text-anchor="middle">requests at once</text>',
        f'<text x="15" y="{height / 2}" text-anchor="middle" transform="rotate(-90 15 {height / 2})">tokens/s in all</text>',
    ]
    for step in range(1, 5):
        x, y = place(0, tallest * step / 4).split(",")
        parts.append(f'<text x="{float(x) - 6}" y="{float(y) + 4}" text-anchor="end">{tallest * step / 4:.0f}</text>')
    for at in sorted({at for line in points.values() for at, _ in line}):
        x, y = place(at, 0).split(",")
        parts.append(f'<text x="{x}" y="{float(y) + 18}" text-anchor="middle">{at}</text>')
    for row, (name, line) in enumerate(points.items()):
        colour = _COLOURS[row % len(_COLOURS)]
        drawn = " ".join(place(*point) for point in line)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for point in line:
            x, y = place(*point).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{left + 20}" y="{30 + 18 * row}" fill="{colour}">{html.escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
