"""A grouped bar chart as SVG, written by hand: no plotting library for one picture."""

from collections.abc import Mapping
from html import escape

_COLOURS = ("#1f6feb", "#58a6ff", "#8b949e", "#d29922", "#3fb950")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 760, 380, 60, 70, 50


def bars(title: str, series: Mapping[str, Mapping[str, float]]) -> str:
    """One group per inner key, one bar per outer key, each labelled with its value."""
    groups = list(next(iter(series.values())))
    top = max(value for row in series.values() for value in row.values())
    group_width = (_WIDTH - _LEFT) / len(groups)
    bar = group_width * 0.8 / len(series)
    height = _HEIGHT - _TOP - _BOTTOM
    parts = [_text(_WIDTH / 2, 22, title, 16)]
    for number, (name, row) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        x = _LEFT + number * (_WIDTH - _LEFT) / len(series)
        parts.append(f'<rect x="{x:.0f}" y="36" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 14, 45, name, 11, anchor="start"))
        for place, group in enumerate(groups):
            left = _LEFT + place * group_width + number * bar
            tall = height * row[group] / top
            y = _TOP + height - tall
            parts.append(
                f'<rect x="{left:.1f}" y="{y:.1f}" width="{bar * 0.9:.1f}" height="{tall:.1f}" fill="{colour}"/>'
            )
            parts.append(_text(left + bar * 0.45, y - 4, f"{row[group]:.0f}", 11))
    for place, group in enumerate(groups):
        parts.append(_text(_LEFT + (place + 0.4) * group_width, _HEIGHT - 20, group, 12))
    body = "\n".join(parts)
    style = 'font-family="sans-serif" fill="#24292f"'
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {style}>'
    return f'{frame}\n<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'


def _text(x: float, y: float, content: str, size: int, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(content)}</text>'
