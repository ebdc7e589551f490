"""Measures what a wrong token costs, by how wrong it is: for people to look at, no test judges it.

    PYTHONPATH=tests .venv/bin/python -m security.timing --rounds 20000

In each round every kind of token is tried once, in an order of chance, so that what else goes on in the machine meets
all of them alike. A difference of medians well below the spread (p90 - p10) tells nobody anything.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping

from contract import AppId
from contract.apps import App
from webhook_gateway.authenticate import Gate

TOKEN = "measured-token-0123456789-abcdefghijklmnop"
KINDS: Mapping[str, str] = {
    "wrong first byte": "X" + TOKEN[1:],
    "wrong last byte": TOKEN[:-1] + "X",
    "wrong in the middle": TOKEN[:20] + "X" + TOKEN[21:],
    "nothing in common": "?" * len(TOKEN),
    "right": TOKEN,
}


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(
        prog="python -m security.timing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20_000, help="how often each is tried (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="where the order comes from (default: %(default)s)")
    asked = parser.parse_args()
    own = App(id=AppId("measured"), secret_key=None, tokens=(TOKEN, TOKEN[::-1]), base_url=None)
    found = measure(Gate([own]).app_of, asked.rounds, random.Random(asked.seed))
    sys.stdout.writelines(f"{line}\n" for line in table(found))
    return 0


def measure(ask: Callable[[str], object], rounds: int, chance: random.Random) -> dict[str, list[int]]:
    """Nanoseconds that ``ask`` took for each kind, ``rounds`` times each."""
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    order = list(KINDS)
    for _ in range(rounds):
        chance.shuffle(order)
        for kind in order:
            token = KINDS[kind]
            began = time.perf_counter_ns()
            ask(token)
            found[kind].append(time.perf_counter_ns() - began)
    return found


def table(found: Mapping[str, list[int]]) -> list[str]:
    """Lines for people: percentiles, and how the medians differ from that of the first kind."""
    first = statistics.median(next(iter(found.values())))
    lines = [f"{'nanoseconds':22} {'p10':>8} {'median':>8} {'p90':>8} {'median - first':>16}"]
    for kind, taken in found.items():
        tenths = statistics.quantiles(taken, n=10)
        median = statistics.median(taken)
        lines.append(f"{kind:22} {tenths[0]:8.0f} {median:8.0f} {tenths[-1]:8.0f} {median - first:16.0f}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
