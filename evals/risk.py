"""Risk and coverage: how many of the answers that are given are wrong, when only the surest ones are given."""

from collections.abc import Sequence
from dataclasses import dataclass

from measuring import Asked, pooled

_WIDTH, _HEIGHT, _MARGIN = 640, 400, 56
_COLOURS = ("#1b6ca8", "#c0392b", "#1e8449", "#8e44ad", "#b9770e", "#34495e")
SHARES = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Curve:
    """Points from the surest answer on: the share of all questions that is answered, and the share of those answers that
    is wrong. It ends where the gate stands; what the gate refused has no answer that could be judged."""

    name: str
    questions: int
    points: tuple[tuple[float, float], ...]

    def risk_at(self, share: float) -> tuple[float, float]:
        """Coverage and risk when this share of the given answers is kept."""
        return self.points[max(0, round(share * len(self.points)) - 1)] if self.points else (0.0, 0.0)


def curves(asked: Sequence[Asked]) -> list[Curve]:
    """A curve per corpus that has answerable questions, with all questions asked of it, and one over all; held-out halves.

    SQuAD's comes twice, with its adversarial questions and without: nothing but a model that reads tells them apart.
    """
    own = [item for item in asked if item.half == "held-out"]
    plain = [item for item in own if item.style != "adversarial"]
    corpora = sorted({item.corpus for item in own if item.answerable})
    found = [curve(corpus, [item for item in plain if item.corpus == corpus]) for corpus in corpora]
    if any(item.style == "adversarial" for item in own):
        found.append(curve("squad with adversarial", [item for item in own if item.corpus == "squad"]))
    return (
        [*found, curve("all but adversarial", pooled(plain)), curve("all", pooled(own))] if len(corpora) > 1 else found
    )


def curve(name: str, asked: Sequence[Asked]) -> Curve:
    """The curve of these questions, by the best passage's lead."""
    given = sorted((item for item in asked if item.outcome == "answered"), key=lambda item: -item.lead)
    points, wrong = [], 0
    for number, item in enumerate(given, start=1):
        wrong += not (item.answerable and item.facts)
        points.append((number / len(asked), wrong / number))
    return Curve(name, len(asked), tuple(points))


def citations(asked: Sequence[Asked]) -> list[str]:
    """As Markdown: how many citations are right among those of the surest answers to answerable questions; held-out."""
    own = [item for item in asked if item.half == "held-out" and item.answerable]
    head = " | ".join(f"surest {share:.0%}" for share in SHARES)
    lines = [f"| answerable questions | n | {head} |", "|---" * (len(SHARES) + 2) + "|"]
    for corpus in sorted({item.corpus for item in own}):
        named = [item for item in own if item.corpus == corpus]
        given = sorted((item for item in named if item.outcome == "answered"), key=lambda item: -item.lead)
        cells = []
        for share in SHARES:
            kept = given[: max(1, round(share * len(given)))]
            right = [gold for item in kept for gold in item.gold_cited]
            cells.append(f"{sum(right) / max(1, len(right)):.2f} at {len(kept) / len(named):.2f}")
        lines.append(f"| {corpus} | {len(named)} | {' | '.join(cells)} |")
    return lines


def table(found: Sequence[Curve]) -> list[str]:
    """The curves as lines of Markdown."""
    head = " | ".join(f"surest {share:.0%}" for share in SHARES)
    lines = [f"| questions | n | {head} |", "|---" * (len(SHARES) + 2) + "|"]
    for one in found:
        cells = " | ".join(f"{risk:.2f} at {coverage:.2f}" for coverage, risk in map(one.risk_at, SHARES))
        lines.append(f"| {one.name} | {one.questions} | {cells} |")
    return lines


def svg(found: Sequence[Curve]) -> str:
    """The curves as a picture: coverage to the right, risk upwards."""
    inner, high = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 14}" text-anchor="middle">share of questions answered</text>',
        f'<text x="14" y="{_HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {_HEIGHT / 2})">wrong among answers</text>',
    ]
    for step in range(6):
        x, y = _MARGIN + inner * step / 5, _HEIGHT - _MARGIN - high * step / 5
        parts.append(f'<text x="{x:.0f}" y="{_HEIGHT - _MARGIN + 18}" text-anchor="middle">{step / 5:.1f}</text>')
        parts.append(f'<text x="{_MARGIN - 8}" y="{y + 4:.0f}" text-anchor="end">{step / 5:.1f}</text>')
        parts.append(f'<path d="M{_MARGIN} {y:.0f}h{inner}" stroke="#dddddd"/>')
    for number, one in enumerate(found):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [f"{_MARGIN + inner * c:.1f},{_HEIGHT - _MARGIN - high * r:.1f}" for c, r in one.points]
        parts.append(f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_MARGIN + 12}" y="{_MARGIN + 16 * number}" fill="{colour}">{one.name}</text>')
    return "\n".join([*parts, "</svg>\n"])
