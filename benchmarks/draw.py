"""Panels of curves as SVG, by hand: a picture of so little needs no library.

What was counted is drawn in colour with a dot at each point, what theory says in dashed grey. Points stand evenly
along the way across, whatever lies between them: 10, 100, 1,000 make it a scale of powers of ten.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 400, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 28, 66, 46
COLOURS = ("#1f6fb4", "#d9730d", "#2a8f5b", "#9b4dca")
GREY, GRID, INK = "#8a8a8a", "#e6e6e6", "#333333"
STEPS = (1, 2, 2.5, 5, 10)
LINES = 5
"""About so many lines of a grid."""
HALO = '<text stroke="white" stroke-width="3" stroke-linejoin="round" '
"""Behind words that may lie on a line."""
LABEL, LETTER = 13.0, 5.9
"""How high and how wide words are."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve, and what theory says of it at the same places."""

    name: str
    points: Sequence[Point]
    theory: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves over the same places. ``powers``: whether up is by powers of ten; else from zero, evenly."""

    title: str
    across: str
    series: Sequence[Series]
    powers: bool = False


def the_same(name: str, points: Sequence[Point], drawn_from: int = 0) -> Series:
    """Theory: it does not matter how much there is."""
    return Series(name, points, [(x, points[drawn_from][1]) for x, _ in points])


def proportional(name: str, points: Sequence[Point]) -> Series:
    """Theory: what is always there, and so much for each. Drawn from the first point to the last."""
    (first_x, first_y), (last_x, last_y) = points[0], points[-1]
    slope = (last_y - first_y) / (last_x - first_x)
    return Series(name, points, [(x, first_y + slope * (x - first_x)) for x, _ in points])


def logarithmic(name: str, points: Sequence[Point]) -> Series:
    """Theory: ten times as much costs so much more each time. Drawn from the first point to the last."""
    (first_x, first_y), (last_x, last_y) = points[0], points[-1]
    slope = (last_y - first_y) / math.log(last_x / first_x)
    return Series(name, points, [(x, first_y + slope * math.log(x / first_x)) for x, _ in points])


def picture(panels: Sequence[Panel]) -> str:
    """Side by side."""
    width = WIDTH * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}">',
        '<g font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{width}" height="{HEIGHT}" fill="white"/>',
    ]
    for place, panel in enumerate(panels):
        parts += [f'<g transform="translate({place * WIDTH} 0)">', *_panel(panel), "</g>"]
    return "\n".join([*parts, "</g>", "</svg>\n"])


def number(value: float) -> str:
    """Three digits that say enough."""
    for least, unit, letter in ((1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if value >= least:
            return f"{value / unit:.3g}{letter}"
    is_round = value >= 100 or value == int(value)  # noqa: PLR2004 - three digits
    return f"{value:,.0f}" if is_round else f"{value:.3g}"


def _panel(panel: Panel) -> list[str]:
    ups = [y for one in panel.series for _, y in (*one.points, *one.theory)]
    up, marks = _powers(ups) if panel.powers else _even(ups)
    xs = [x for x, _ in panel.series[0].points]

    def at(point: Point) -> Point:
        across = xs.index(point[0]) / (len(xs) - 1)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up(point[1]) * (HEIGHT - TOP - BOTTOM)

    drawn = [_text(LEFT - 36, 22, panel.title, size=14, weight=600), *_legend(panel.series)]
    for mark in marks:
        y = at((xs[0], mark))[1]
        drawn.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>')
        drawn.append(_text(LEFT - 8, y + 3.5, number(mark), anchor="end"))
    drawn += [_text(at((x, marks[0]))[0], HEIGHT - BOTTOM + 17, number(x), anchor="middle") for x in xs]
    drawn.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 9, panel.across, anchor="middle"))
    drawn += [_line([at(one) for one in series.theory], GREY, "5 4") for series in panel.series]
    for colour, series in zip(COLOURS, panel.series, strict=False):
        places = [at(one) for one in series.points]
        drawn.append(_line(places, colour))
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return [*drawn, *_ends(panel.series, at, 0, "start"), *_ends(panel.series, at, -1, "end")]


def _ends(series: Sequence[Series], at: Callable[[Point], Point], which: int, anchor: str) -> list[str]:
    """The values at one end, each above its point, or as far below as those above it leave no room."""
    ends = [(at(one.points[which]), one.points[which][1], colour) for colour, one in zip(COLOURS, series, strict=False)]
    drawn: list[str] = []
    lowest = 0.0
    for (x, y), value, colour in sorted(ends, key=lambda end: end[0][1]):
        lowest = max(y - 7, lowest + LABEL)
        words = _text(x, lowest, number(value), anchor=anchor, fill=colour)
        drawn += [words.replace("<text ", HALO, 1), words]
    return drawn


def _legend(series: Sequence[Series]) -> list[str]:
    """A line of words below the title, each behind its colour."""
    drawn, x = [], LEFT - 36.0
    for colour, name in (*zip(COLOURS, [one.name for one in series], strict=False), (GREY, "theory")):
        dashes = ' stroke-dasharray="4 3"' if colour == GREY else ""
        drawn.append(f'<path d="M{x:.0f} 38h14" stroke="{colour}" stroke-width="2"{dashes}/>')
        drawn.append(_text(x + 18, 42, name))
        x += 32 + LETTER * len(name)
    return drawn


def _powers(values: Sequence[float]) -> tuple[Callable[[float], float], list[float]]:
    low = math.floor(math.log10(min(value for value in values if value > 0)))
    high = max(low + 1, math.ceil(math.log10(max(values))))
    marks = [10.0**power for power in range(low, high + 1)]
    return lambda value: (max(low, math.log10(value)) - low) / (high - low), marks


def _even(values: Sequence[float]) -> tuple[Callable[[float], float], list[float]]:
    most = max(values) * 1.12
    size = 10.0 ** math.floor(math.log10(most / LINES))
    step = next(size * one for one in STEPS if size * one * LINES >= most)
    marks = [step * count for count in range(math.ceil(most / step) + 1)]
    return lambda value: value / marks[-1], marks


def _line(places: Sequence[Point], colour: str, dashes: str = "") -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    width = 1.5 if dashes else 2
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'


def _text(
    x: float, y: float, words: str, *, size: int = 11, anchor: str = "start", fill: str = INK, weight: int = 400
) -> str:
    bold = f' font-weight="{weight}"' if weight != 400 else ""  # noqa: PLR2004 - what it is when nobody says
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"'
    return f"<text {place}{bold}>{escape(words)}</text>"
