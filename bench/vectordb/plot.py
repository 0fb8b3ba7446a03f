"""A grouped bar chart with a logarithmic axis as SVG, written by hand: no plotting library for one picture."""

import math
from collections.abc import Mapping
from html import escape

_COLOURS = ("#1f6feb", "#58a6ff", "#d29922", "#3fb950", "#a371f7", "#f778ba", "#8b949e")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 900, 400, 60, 70, 50


def bars(title: str, series: Mapping[str, Mapping[str, float]]) -> str:
    """One group per inner key, one bar per outer key, each labelled with its value."""
    values = [value for row in series.values() for value in row.values()]
    if not values:
        return '<svg xmlns="http://www.w3.org/2000/svg"/>\n'
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** math.ceil(math.log10(max(values) * 1.2))
    height = _HEIGHT - _TOP - _BOTTOM
    parts = [_text(_WIDTH / 2, 22, title, 16), *_axis(low, high, height)]
    groups = list(next(iter(series.values())))
    group_width = (_WIDTH - _LEFT) / len(groups)
    bar = group_width * 0.85 / len(series)
    for number, (name, row) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        x = _LEFT + number * (_WIDTH - _LEFT) / len(series)
        parts += [
            f'<rect x="{x:.0f}" y="36" width="10" height="10" fill="{colour}"/>',
            _text(x + 14, 45, name, 11, "start"),
        ]
        for place, group in enumerate(groups):
            left = _LEFT + place * group_width + number * bar
            tall = height * _share(row[group], low, high)
            y = _TOP + height - tall
            parts += [
                f'<rect x="{left:.1f}" y="{y:.1f}" width="{bar * 0.9:.1f}" height="{tall:.1f}" fill="{colour}"/>',
                _text(left + bar * 0.45, y - 4, f"{row[group]:.2g}", 10),
            ]
    parts += [_text(_LEFT + (n + 0.42) * group_width, _HEIGHT - 20, group, 12) for n, group in enumerate(groups)]
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" fill="#24292f">'
    return "\n".join([frame, '<rect width="100%" height="100%" fill="#ffffff"/>', *parts, "</svg>\n"])


def _axis(low: float, high: float, height: float) -> list[str]:
    parts, value = [], low
    while value <= high * 1.001:
        y = _TOP + height * (1 - _share(value, low, high))
        parts += [
            f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d0d7de"/>',
            _text(_LEFT - 6, y + 4, f"{value:g}", 11, "end"),
        ]
        value *= 10
    return parts


def _share(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low)


def _text(x: float, y: float, content: str, size: int, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(content)}</text>'
