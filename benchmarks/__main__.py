"""How fast Antre is, each figure as a ratio to a baseline that is measured in the same run.

make bench                              all of them
make bench ONLY=1,17 ARGS='--turns 1 --seconds 1 --dry'

A figure that cannot be measured is told as such, and the others go on; then the exit status is 1.
"""

import argparse
import sys
from collections.abc import Collection
from pathlib import Path

import figures_allocator
import figures_crowd
import figures_gateway
import figures_latency
import figures_whole
from attempt import all_of
from measure import Effort, Figure, Unmeasured, machine, say
from report import table, written

ROOT = Path(__file__).parents[1]
PARTS = (figures_gateway, figures_allocator, figures_latency, figures_whole, figures_crowd)
FIGURES: list[Figure] = [figure for part in PARTS for figure in part.FIGURES]


def main() -> int:
    """Measure, print, write down; 1 where a figure could not be measured."""
    words = _parser().parse_args()
    chosen = _chosen({number.strip() for number in words.only.split(",") if number.strip()})
    on = machine()
    for name, value in on.items():
        say(f"{name}: {value}")
    results = all_of(chosen, Effort(seconds=words.seconds, turns=words.turns))
    print(table(results), flush=True)
    if not words.dry:
        numbers = {number for figure in FIGURES for number in figure.numbers}
        written(results, on, ROOT / "docs" / "performance.md", ROOT / "benchmarks" / "results.json", numbers)
    return 1 if any(isinstance(one, Unmeasured) for one in results) else 0


def _chosen(wanted: Collection[str]) -> list[Figure]:
    """``17`` means 17a and 17b as well."""

    def is_wanted(number: str) -> bool:
        return number in wanted or number.rstrip("abcdef") in wanted

    return [figure for figure in FIGURES if not wanted or any(map(is_wanted, figure.numbers))]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="figures by their numbers, with commas")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each turn of each side lasts (3)")
    parser.add_argument("--turns", type=int, default=5, help="how many pairs of turns (5)")
    parser.add_argument("--dry", action="store_true", help="write nothing down")
    return parser


if __name__ == "__main__":
    sys.exit(main())
