"""Plots as SVG, written by code: no library, no script, and readable on a light and on a dark page.

Colours come from the classes of `STYLE`, so that a plot adapts where it stands. Scores are points from 0 to
10.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from evals.statistics import Interval

STYLE = """
.plot{--ink:#1c2430;--soft:#5d6877;--grid:#dfe3e9;--one:#2f6fb5;--two:#c2571a;--bad:#b3352f;--paper:#fff;
font:13px system-ui,sans-serif}
@media (prefers-color-scheme:dark){.plot{--ink:#e6e9ee;--soft:#9aa5b4;--grid:#2d3540;
--one:#7db3ec;--two:#f0a36b;--bad:#f08079;--paper:#151a21}}
.plot text{fill:var(--ink)}.plot .soft{fill:var(--soft)}.plot .grid{stroke:var(--grid)}
.plot .axis{stroke:var(--soft)}.plot .one{fill:var(--one)}.plot .two{fill:var(--two)}
.plot .bad{fill:var(--bad)}
.plot .line{stroke:var(--one);stroke-width:2}.plot .line2{stroke:var(--two);stroke-width:2}
.plot .diagonal{stroke:var(--soft);stroke-dasharray:4 4}.plot .paper{fill:var(--paper)}
"""
LEFT, TOP = 56, 16
SIDE = 380
JITTER = 0.16  # points, so that equal scores do not hide each other
ROW = 24
MOST_ROWS = 60


def plot_agreement(human: Sequence[float], engine: Sequence[float]) -> str:
    """Each answer as a dot: people's score to the right, the engine's upwards."""
    dice = random.Random(1)  # noqa: S311 - where dots lie, not a secret

    def near(value: float) -> float:
        return min(max(value + dice.uniform(-JITTER, JITTER), 0), 10)

    dots = [
        _dot(_across(near(10 * h)), _up(near(e)), "one", 4, 0.45) for h, e in zip(human, engine, strict=True)
    ]
    diagonal = _line(_across(0), _up(0), _across(10), _up(10), "diagonal")
    return _svg(LEFT + SIDE + 16, TOP + SIDE + 48, [*_square("people", "engine"), diagonal, *dots])


def plot_distributions(series: Mapping[str, Sequence[float]]) -> str:
    """How many answers got each whole score, for up to two graders side by side."""
    counts = {
        name: [sum(int(v + 0.5) == n for v in values) for n in range(11)] for name, values in series.items()
    }
    most = max((count for each in counts.values() for count in each), default=1) or 1
    width, height = 560, 220
    step = width / 11
    bar = step * 0.8 / max(len(counts), 1)
    parts = []
    for place, each in enumerate(counts.values()):
        for score, count in enumerate(each):
            tall = height * count / most
            x = LEFT + score * step + step * 0.1 + place * bar
            parts.append(_box(x, TOP + height - tall, bar - 1, tall, ("one", "two")[place % 2]))
            if count:
                parts.append(_text(x + bar / 2, TOP + height - tall - 4, count, "soft", "middle", 10))
    labels = [_text(LEFT + (n + 0.5) * step, TOP + height + 18, n, "", "middle") for n in range(11)]
    base = _line(LEFT, TOP + height, LEFT + width, TOP + height, "axis")
    legend = [
        part
        for place, name in enumerate(counts)
        for part in (
            _box(LEFT + 110 * place, TOP + height + 32, 12, 12, ("one", "two")[place % 2]),
            _text(LEFT + 110 * place + 18, TOP + height + 43, name),
        )
    ]
    return _svg(LEFT + width + 16, TOP + height + 56, [*parts, base, *labels, *legend])


def plot_confusion(counts: Sequence[Sequence[int]], names: Sequence[str], rows: str, columns: str) -> str:
    """How often a level of one grader met each level of the other; darker is more of its row."""
    cell = 64
    parts = [_text(LEFT + 50 + cell * len(names) / 2, TOP + 2, columns, "soft", "middle")]
    for y, row in enumerate(counts):
        whole = sum(row) or 1
        parts.append(_text(LEFT + 40, TOP + 32 + (y + 0.6) * cell, names[y], "", "end"))
        for x, count in enumerate(row):
            left, top = LEFT + 50 + x * cell, TOP + 32 + y * cell
            parts.append(_box(left + 1, top + 1, cell - 2, cell - 2, "one", 0.06 + 0.74 * count / whole))
            if count:
                parts.append(_text(left + cell / 2, top + cell / 2 + 5, count, "", "middle"))
    parts += [
        _text(LEFT + 50 + (x + 0.5) * cell, TOP + 24, name, "", "middle") for x, name in enumerate(names)
    ]
    middle = TOP + 32 + cell * len(names) / 2
    turned = f'<text class="soft" transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">'
    parts.append(f"{turned}{escape(rows)}</text>")
    return _svg(LEFT + 60 + cell * len(names), TOP + 40 + cell * len(names), parts)


def plot_shares(shares: Mapping[str, tuple[float, int]], kind: str = "bad") -> str:
    """A bar a name: the share, from 0 to 1, of so many."""
    left, width = _room_for(shares), 320
    parts = []
    for place, (name, (share, count)) in enumerate(shares.items()):
        y = TOP + place * ROW
        parts += [
            _text(left - 10, y + 16, name, "", "end"),
            _box(left, y + 3, width, ROW - 8, "soft", 0.15),
            _box(left, y + 3, max(width * share, 1 if share else 0), ROW - 8, kind),
            _text(left + width + 10, y + 16, f"{share:.0%} of {count}"),
        ]
    return _svg(left + width + 110, TOP + len(shares) * ROW + 8, parts)


def plot_ranges(ranges: Sequence[Sequence[float]]) -> str:
    """The scores of each answer's repeats, one column an answer, in the order of their means."""
    chosen = sorted(ranges, key=lambda scores: sum(scores) / len(scores))
    if len(chosen) > MOST_ROWS:
        chosen = [chosen[round(n * (len(chosen) - 1) / (MOST_ROWS - 1))] for n in range(MOST_ROWS)]
    width, height = 620, 240
    step = width / max(len(chosen), 1)
    parts = [part for n in range(0, 11, 2) for part in _level(n, width, height)]
    for place, scores in enumerate(chosen):
        x = LEFT + (place + 0.5) * step
        low, high = (TOP + height * (1 - edge / 10) for edge in (min(scores), max(scores)))
        parts.append(_line(x, low, x, high, "line2"))
        parts += [_dot(x, TOP + height * (1 - score / 10), "one", 3, 0.6) for score in scores]
    return _svg(LEFT + width + 16, TOP + height + 24, parts)


def plot_differences(groups: Mapping[str, Sequence[float]], most: float) -> str:
    """A row a group: each pair as a dot, right of the middle if the second answer gets more."""
    left, width = _room_for(groups), 400
    middle = left + width / 2
    parts = []
    for place, (name, values) in enumerate(groups.items()):
        y = TOP + place * (ROW + 6) + 14
        mean = sum(values) / max(len(values), 1)
        parts += [_text(left - 10, y + 4, name, "", "end"), _line(left, y, left + width, y, "grid")]
        parts += [_dot(middle + value / most * width / 2, y, "one", 5, 0.4) for value in values]
        x = middle + mean / most * width / 2
        parts += [_line(x, y - 9, x, y + 9, "line2"), _text(left + width + 10, y + 4, f"mean {mean:+.2f}")]
    bottom = TOP + len(groups) * (ROW + 6) + 6
    parts.append(_line(middle, TOP, middle, bottom, "axis"))
    parts += [
        _text(
            middle + share * width / 2,
            bottom + 16,
            f"{share * most:+.1f}" if share else "0",
            "soft",
            "middle",
        )
        for share in (-1, -0.5, 0, 0.5, 1)
    ]
    return _svg(left + width + 110, bottom + 26, parts)


def plot_levels(levels: Mapping[str, Sequence[float]]) -> str:
    """A row a level: the engine's score of each answer as a dot, and the mean as a line."""
    left, width = _room_for(levels), 440
    parts = []
    for place, (name, scores) in enumerate(levels.items()):
        y = TOP + place * (ROW + 6) + 14
        mean = sum(scores) / len(scores)
        parts += [_text(left - 10, y + 4, name, "", "end"), _line(left, y, left + width, y, "grid")]
        parts += [_dot(left + score / 10 * width, y, "one", 5, 0.3) for score in scores]
        x = left + mean / 10 * width
        parts += [
            _line(x, y - 10, x, y + 10, "line2"),
            _text(left + width + 14, y + 4, f"mean {mean:.1f} (n = {len(scores)})"),
        ]
    bottom = TOP + len(levels) * (ROW + 6) + 16
    parts += [_text(left + n / 10 * width, bottom, n, "soft", "middle") for n in range(0, 11, 2)]
    return _svg(left + width + 150, bottom + 10, parts)


def plot_interval(interval: Interval, low: float, high: float) -> str:
    """A value with its interval on a short scale, small enough for a table."""
    width = 140

    def at(value: float) -> float:
        return 6 + (min(max(value, low), high) - low) / (high - low) * width

    parts = [_line(6, 10, 6 + width, 10, "grid")]
    if interval.low == interval.low:
        left, right = at(interval.low), at(interval.high)
        parts.append(_box(left - 1, 4, right - left + 2, 12, "one", 0.35))
    if interval.value == interval.value:
        parts.append(_box(at(interval.value) - 1, 3, 2, 14, "one"))
    return _svg(width + 12, 20, parts, fixed=True)


def _square(across: str, up: str) -> list[str]:
    parts = []
    for n in range(0, 11, 2):
        parts += [
            _line(_across(n), _up(0), _across(n), _up(10), "grid"),
            _line(_across(0), _up(n), _across(10), _up(n), "grid"),
            _text(_across(n), _up(0) + 18, n, "", "middle"),
            _text(_across(0) - 8, _up(n) + 4, n, "", "end"),
        ]
    turned = f'<text class="soft" transform="translate(16 {_up(5)}) rotate(-90)" text-anchor="middle">'
    return [
        *parts,
        _text(_across(5), _up(0) + 38, across, "soft", "middle"),
        f"{turned}{escape(up)}</text>",
    ]


def _room_for(names: Iterable[str]) -> float:
    """How wide the longest name is, about, with the space after it."""
    return 24 + 7.4 * max(map(len, names), default=0)


def _level(score: int, width: float, height: float) -> list[str]:
    y = TOP + height * (1 - score / 10)
    return [_line(LEFT, y, LEFT + width, y, "grid"), _text(LEFT - 8, y + 4, score, "", "end")]


def _across(score: float) -> float:
    return LEFT + SIDE * score / 10


def _up(score: float) -> float:
    return TOP + SIDE * (1 - score / 10)


def _svg(width: float, height: float, parts: Sequence[str], *, fixed: bool = False) -> str:
    size = f'width="{width:g}" height="{height:g}"' if fixed else f'style="max-width:{width:g}px;width:100%"'
    inside = "".join(parts)
    return (
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {size} '
        f'role="img">{inside}</svg>'
    )


def _dot(x: float, y: float, kind: str, radius: float, opacity: float = 1) -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" opacity="{opacity:g}"/>'


def _box(x: float, y: float, width: float, height: float, kind: str, opacity: float = 1) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect class="{kind}" {place} opacity="{opacity:.2f}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(
    x: float, y: float, text: object, kind: str = "", anchor: str = "start", size: int | None = None
) -> str:
    small = f' font-size="{size}"' if size else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{small}'
    return f'<text class="{kind}" {place}>{escape(str(text))}</text>'
