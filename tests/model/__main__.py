"""The variants' table, reproduced: ``PYTHONPATH=tests python -m model``."""

import argparse
import sys
import time

from model.explore import Found
from model.variants import VARIANTS, Variant


def main() -> int:
    """Search each variant, print what was found. 1: something else than what the table says."""
    asked = _arguments()
    chosen = [one for one in VARIANTS if asked.variant in (None, one.name)]
    wrong = [one.name for one in chosen if not _shown(one, story=asked.variant is not None or asked.stories)]
    if wrong:
        sys.stdout.write(f"not as the table says: {', '.join(wrong)}\n")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="model", description="Search all that may happen to a model of the protocol.")
    parser.add_argument(
        "--variant", choices=[one.name for one in VARIANTS], metavar="NAME", help="one row, with its story"
    )
    parser.add_argument("--stories", action="store_true", help="the shortest story of each thing that breaks")
    return parser.parse_args()


def _shown(variant: Variant, *, story: bool) -> bool:
    """Whether ``variant`` breaks as the table says."""
    started = time.process_time()
    found = variant.search()
    least = "" if found.all_seen else "+"
    breaks = ", ".join(sorted(found.stories)) or "nothing"
    seconds = time.process_time() - started
    sys.stdout.write(f"{variant.name:19} {variant.about:60} {found.states:>7}{least:1} {seconds:5.1f} s  {breaks}\n")
    if story:
        _tell(found)
    sys.stdout.flush()
    return found.stories.keys() == variant.breaks


def _tell(found: Found) -> None:
    for name, steps in found.stories.items():
        sys.stdout.write(f"\n  {name}:\n")
        sys.stdout.writelines(f"  {at:3}. {step}\n" for at, step in enumerate(steps, 1))
        sys.stdout.write("\n")


if __name__ == "__main__":
    sys.exit(main())
