"""How fast Antre is, each figure as a ratio to a baseline that is measured in the same run.

python benchmarks                       all of them
python benchmarks --only 1,4 --turns 1 --seconds 1 --dry
"""

import argparse
from pathlib import Path

import figures_allocator
import figures_gateway
import figures_latency
from measure import Effort, Result, machine, say, table, written

ROOT = Path(__file__).parents[1]
FIGURES = [*figures_gateway.FIGURES, *figures_allocator.FIGURES, *figures_latency.FIGURES]


def main() -> None:
    """Measure, print, write down."""
    words = _parser().parse_args()
    wanted = {number.strip() for number in words.only.split(",") if number.strip()}
    on = machine()
    for name, value in on.items():
        say(f"{name}: {value}")
    effort = Effort(seconds=words.seconds, turns=words.turns)
    results: list[Result] = []
    chosen = [figure for figure in FIGURES if not wanted or wanted & set(figure.numbers)]
    for count, figure in enumerate(chosen, 1):
        say(f"[{count} of {len(chosen)}] {', '.join(figure.numbers)}: {(figure.measure.__doc__ or '').splitlines()[0]}")
        found = figure.measure(effort)
        results += found
        print(table(found), flush=True)
    if not words.dry:
        written(results, on, ROOT / "docs" / "performance.md", ROOT / "benchmarks" / "results.json")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="figures by their numbers, with commas")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each turn of each side lasts (3)")
    parser.add_argument("--turns", type=int, default=5, help="how many pairs of turns (5)")
    parser.add_argument("--dry", action="store_true", help="write nothing down")
    return parser


if __name__ == "__main__":
    main()
