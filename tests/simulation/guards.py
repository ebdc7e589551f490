"""Takes out one guard after the other, and looks for the run that misses it."""

import sys
from collections.abc import Iterable

from simulation.run import Outcome, play
from simulation.script import script_of
from simulation.wrong import GUARDS, Guard


def caught(guard: Guard, seeds: Iterable[int]) -> Outcome | None:
    """The first run that is wrong in the way that ``guard`` prevents, without it."""
    for seed in seeds:
        with guard.off():
            outcome = play(script_of(seed, guard.troubles))
        if outcome.kinds & guard.kinds:
            return outcome
    return None


def print_guards(runs: int) -> int:
    """A line for each guard; 1 if one was not missed by any of so many runs."""
    missed = 0
    for guard in GUARDS:
        outcome = caught(guard, range(runs))
        missed += outcome is None
        told = f"seed {outcome.script.seed}: {outcome.wrongs[0]}" if outcome else f"not within {runs} runs"
        sys.stdout.write(f"{guard.name:40} {guard.wrong:62} {told}\n")
    return int(bool(missed))
