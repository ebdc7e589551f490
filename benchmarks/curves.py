"""How costs grow, drawn into docs/growth-*.svg.

    make curves                             all pictures, about five minutes on two cores
    make curves ARGS='--only apps,gateways'

Counts (statements, calls of functions, commands, syncs) say most of it: they are the same on any machine. Where only
seconds say it, they are seconds on a core, of the cheapest of some turns. A dashed line beside each curve is what
theory says.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from curves_gateways import gateways
from curves_latency import latency
from curves_rounds import agents, apps, backlog
from draw import Panel, number, picture
from measure import say

DOCS = Path(__file__).parents[1] / "docs"
PICTURES: dict[str, Callable[[], Sequence[Panel]]] = {
    "backlog": backlog,
    "agents": agents,
    "apps": apps,
    "gateways": gateways,
    "latency": latency,
}


def main() -> int:
    """Measure, draw, and print what was drawn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PICTURES), help=f"some of {', '.join(PICTURES)}")
    names = parser.parse_args().only.split(",")
    if unknown := set(names) - PICTURES.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}")
    for name in names:
        began = time.perf_counter()
        panels = PICTURES[name]()
        (DOCS / f"growth-{name}.svg").write_text(picture(panels), encoding="utf-8")
        for line in _lines(panels):
            print(f"{name}: {line}", flush=True)
        say(f"{name} took {time.perf_counter() - began:.0f} s")
    return 0


def _lines(panels: Sequence[Panel]) -> Sequence[str]:
    return [
        f"{panel.title}, {series.name}: " + ", ".join(f"{number(x)}: {number(y)}" for x, y in series.points)
        for panel in panels
        for series in panel.series
    ]


if __name__ == "__main__":
    sys.exit(main())
