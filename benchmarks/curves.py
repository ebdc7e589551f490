"""How costs grow, drawn into docs/growth.svg.

    make curves

Counts of calls of functions and of statements: the same on any machine. A line beside each says what theory does. Drawn
by hand, because a picture of so little needs no library.
"""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path

import plan as plans
from quick import Calls, one_round
from rig import APP, Platform, Rig, Stores, fill, stores, waiting

from allocator.core.plan import plan

PICTURE = Path(__file__).parents[1] / "docs" / "growth.svg"
BACKLOGS = (10, 100, 1_000, 10_000, 100_000)
SIZES = (10, 100, 1_000, 10_000)
WIDTH, HEIGHT, EDGE = 400, 260, 46
BLUE, GREY = "#1f6fb4", "#999999"

Points = Sequence[tuple[float, float]]


def main() -> None:
    """Count, draw."""
    with stores() as made, asyncio.Runner() as runner:
        statements = [(float(count), runner.run(_statements(made, count))) for count in BACKLOGS]
    agents = [(float(count), _plan_calls(count, 1_000)) for count in SIZES]
    heads = [(float(count), _plan_calls(100, count)) for count in SIZES]
    panels = [
        _panel("statements of a round, by backlog", statements, lambda n: n**0, 0),
        _panel("calls of plan(), by agents (1,000 heads)", agents, lambda n: n, 1),
        _panel("calls of plan(), by heads (100 agents)", heads, lambda n: n, 2),
    ]
    PICTURE.write_text(_picture(panels), encoding="utf-8")
    for name, points in (("backlog", statements), ("agents", agents), ("heads", heads)):
        print(f"{name}: " + ", ".join(f"{x:,.0f}: {y:,.1f}" for x, y in points))


async def _statements(made: Stores, count: int) -> float:
    """Of a round in which one customer comes and one is given an agent, with so many waiting."""
    rig = Rig(made, await made.new_database(f"waiting_{count}"), f"w{count}", Platform(200, 0.0), {})
    await fill(rig.database_url, APP, count, 3_600.0)
    await rig.leader._begin_term(rig.ledger.begin_term, rig.leader._recover)  # noqa: SLF001 - rounds by hand
    for _ in range(4):
        await one_round(rig)
    rig.send(waiting(10_000_000))
    before = rig.ledger.statements
    await one_round(rig)
    told = float(rig.ledger.statements - before)
    await rig.leader.close()
    await rig.close()
    return told


def _plan_calls(agents: int, heads: int) -> float:
    snapshot = plans.snapshot(plans.BUDGET, agents, heads)
    with Calls() as calls:
        plan(snapshot)
    return float(calls.count)


def _panel(title: str, points: Points, theory: object, place: int) -> str:
    """Both axes by powers of ten. The grey line goes through the last point, as theory has it."""
    assert callable(theory)
    last_x, last_y = points[-1]
    grey = [(x, last_y * theory(x) / theory(last_x)) for x, _ in points]
    top = max(1.0, math.ceil(math.log10(max(y for _, y in points))))
    left = place * WIDTH

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - 1) / (math.log10(last_x) - 1)
        up = max(0.0, math.log10(max(y, 1.0))) / top
        return left + EDGE + across * (WIDTH - 2 * EDGE), HEIGHT - EDGE - up * (HEIGHT - 2 * EDGE)

    lines = [_text(left + EDGE, 24, title, 13)]
    for power in range(int(top) + 1):
        x, y = at(10, 10**power)
        lines.append(f'<path d="M{x:.0f} {y:.0f}H{left + WIDTH - EDGE}" stroke="#e4e4e4"/>')
        lines.append(_text(x - 40, y + 4, f"{10**power:,}", 10))
    lines += [_text(at(x, 1)[0] - 12, HEIGHT - EDGE + 18, f"{x:,.0f}", 10) for x, _ in points]
    lines += [_curve([at(*one) for one in grey], GREY), _curve([at(*one) for one in points], BLUE)]
    return "\n".join(lines)


def _text(x: float, y: float, words: str, size: int) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" font-family="sans-serif" fill="#333">{words}</text>'


def _curve(points: Points, colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _picture(panels: Sequence[str]) -> str:
    width = WIDTH * len(panels)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}">'
    return "\n".join([head, f'<rect width="{width}" height="{HEIGHT}" fill="white"/>', *panels, "</svg>\n"])


if __name__ == "__main__":
    main()
