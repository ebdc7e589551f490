"""``python -m simulation``: many runs with fresh seeds, or one with its story."""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from simulation.guards import print_guards
from simulation.run import Outcome, play
from simulation.script import TROUBLES, script_of
from simulation.shrink import shrunk
from simulation.story import told

SEEDS_MAX = 2**32
CHUNK = 25
FAILURES_SHOWN = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, nothing was wrong; 1, something was."""
    options = _options().parse_args(arguments)
    if options.guards:
        return print_guards(options.runs)
    only = tuple(name for name in options.only.split(",") if name)
    if unknown := set(only) - set(TROUBLES):
        sys.exit(f"--only: {', '.join(sorted(unknown))} is not known; allowed are {', '.join(TROUBLES)}")
    if options.seed is not None:
        return _one(options.seed, only, short=not options.whole)
    first = secrets.randbelow(SEEDS_MAX) if options.first is None else options.first
    return _many(range(first, first + options.runs), only, options.jobs)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--first", type=int, help="the first seed; the others follow it (by chance)")
    parser.add_argument("--seed", type=int, help="play this one and tell its story; a failing one is shortened first")
    parser.add_argument("--whole", action="store_true", help="with --seed: do not shorten it")
    parser.add_argument("--only", default="", metavar="A,B", help=f"only these troubles: {', '.join(TROUBLES)}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (as many as there are cores)")
    parser.add_argument("--guards", action="store_true", help="take out each guard and see which seed misses it")
    return parser


def _one(seed: int, only: Sequence[str], *, short: bool) -> int:
    outcome = play(script_of(seed, only))
    if outcome.wrongs and short:
        outcome = shrunk(outcome)
    _say("\n".join(told(outcome)))
    return int(bool(outcome.wrongs))


def _many(seeds: range, only: Sequence[str], jobs: int) -> int:
    _say(f"{len(seeds)} runs, seeds {seeds.start} to {seeds.stop - 1}, {jobs} at once")
    began, done, virtual_s, failed = time.monotonic(), 0, 0.0, list[int]()
    for chunk in _played(seeds, only, jobs):
        for seed, wrongs, seconds in chunk:
            done, virtual_s = done + 1, virtual_s + seconds
            if wrongs:
                failed.append(seed)
                _say(f"\nseed {seed}: {wrongs[0]}")
        _progress(done, len(seeds), virtual_s, len(failed), time.monotonic() - began)
    _say()
    for seed in failed[:FAILURES_SHOWN]:
        _say("\n".join(told(shrunk(play(script_of(seed, only))))))
        _say(f"again: make simulate SEED={seed}" + (f" ARGS='--only {','.join(only)}'" if only else ""))
    return int(bool(failed))


def _played(seeds: range, only: Sequence[str], jobs: int) -> Iterator[list[tuple[int, tuple[str, ...], float]]]:
    chunks = [(list(seeds[start : start + CHUNK]), tuple(only)) for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_play_all, chunks)


def _play_all(work: tuple[list[int], tuple[str, ...]]) -> list[tuple[int, tuple[str, ...], float]]:
    seeds, only = work
    outcomes: list[Outcome] = [play(script_of(seed, only)) for seed in seeds]
    return [(seed, one.wrongs, one.virtual_s) for seed, one in zip(seeds, outcomes, strict=True)]


def _say(text: str = "", end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


def _progress(done: int, of: int, virtual_s: float, failed: int, took_s: float) -> None:
    pace = f"{virtual_s / 3600:.1f} simulated hours, {done / took_s:.0f} runs/s"
    text = f"{done} of {of} runs, {pace}, {failed} failed"
    _say(f"\r{text}", end="") if sys.stdout.isatty() else _say(text)


if __name__ == "__main__":
    sys.exit(main())
