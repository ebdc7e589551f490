"""The whole crash sweep, run after run: `python -m crash`, with `tests` on the path."""

import argparse
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence

from .bench import Bench, whole_bench
from .stage import Plan
from .steps import Death
from .sweep import Run, plans, run, stands_by, sweep
from .words import VICTIMS, line_of, told_of
from .wrong import WRONGS

JOBS = 8
FIRST_LEADING_STEP = 6
"""Before it a successor has not asked for the lease, or not got it yet."""
_EPILOG = """A step is a moment before or after a call of a port, or while it is under way. `--step` takes its number or
its place, as `--step 'after ledger.commit 3'`: the third time; places stay the same from run to run, numbers nearly so.
Exit status: 0 nothing wrong, 1 something wrong, 2 wrong options."""


def main() -> int:
    """The command."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    asked = _parser().parse_args()
    with whole_bench() as bench:
        runs = _one(bench, asked) if asked.step is not None else list(_all(bench, asked))
    return 1 if any(one.sentence.complaints for one in runs) else 0


def _one(bench: Bench, asked: argparse.Namespace) -> list[Run]:
    death = asked.step
    waits = stands_by(death.number) if asked.stand_by == "auto" else asked.stand_by == "yes"
    victim = VICTIMS["allocator" if asked.part == "all" else asked.part]
    plan = Plan(
        seed=asked.seed, victim=victim, death=death, again=asked.again, stands_by=waits, wrong=asked.wrong or ""
    )
    done = run(bench, plan)
    _tell(done)
    return [done]


def _all(bench: Bench, asked: argparse.Namespace) -> Iterator[Run]:
    for part, victim in VICTIMS.items():
        if asked.part in {part, "all"}:
            _say(
                f"the {part} dies at {_which(asked.every)} of the story, seed {asked.seed}, {asked.jobs} runs at a time"
            )
            began = time.monotonic()
            wanted = plans(asked.seed, victim, wrong=asked.wrong or "", every=asked.every)
            done = sweep(bench, wanted, asked.jobs, _tell)
            _sum_up(part, done, time.monotonic() - began)
            yield from done
    if asked.twice and asked.part != "gateway":
        _say(f"the allocator dies, and so does who comes after it, {asked.twice} times, seed {asked.seed}")
        began = time.monotonic()
        done = sweep(bench, _twice(asked.seed, asked.twice, asked.longest), asked.jobs, _tell)
        _sum_up("twice", done, time.monotonic() - began)
        yield from done


def _twice(seed: int, count: int, longest: int) -> Iterator[Plan]:
    """Two deaths, of an allocator and of its successor, at steps that the seed chooses."""
    chance = random.Random(seed)
    for _ in range(count):
        first, second = chance.randint(1, longest), chance.randint(FIRST_LEADING_STEP, 80)
        waits = chance.random() < 0.5
        yield Plan(seed=seed, death=Death(number=first), again=Death(number=second), stands_by=waits)


def _tell(one: Run) -> None:
    _say(line_of(one))
    if one.sentence.complaints:
        _say("\n".join(f"    {line}" for line in told_of(one).splitlines()))


def _sum_up(part: str, done: Sequence[Run], seconds: float) -> None:
    times = sorted(one.recovery_s for one in done if one.recovery_s is not None)
    died = sum(one.died for one in done)
    wrong, order = (sum(one.word == word for one in done) for word in ("WRONG", "ORDER"))
    longest = f", T at most {times[-1]:.2f} s, half within {times[len(times) // 2]:.2f} s" if times else ""
    pace = seconds / max(1, len(done))
    found = f"{part}: {len(done)} runs, {died} deaths, {wrong} wrong, {order} only out of order{longest}"
    _say(f"{found}; {seconds:.0f} s, {pace:.2f} s a run\n")


def _which(every: int) -> str:
    return "every step" if every == 1 else f"one step in {every}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m crash", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--part", choices=[*VICTIMS, "all"], default="all", help="who dies (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="the order of what happens (default: 1)")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"runs at a time; they mostly wait (default: {JOBS})")
    parser.add_argument("--every", type=int, default=1, help="die at every so many-th step only (default: 1)")
    parser.add_argument("--step", type=_death, help="only the run that dies at this step")
    parser.add_argument("--again", type=_death, default=Death(), help="with --step: where the successor dies")
    parser.add_argument("--stand-by", choices=("auto", "yes", "no"), default="auto", help="with --step")
    parser.add_argument("--twice", type=int, default=0, help="so many runs more in which the successor dies as well")
    parser.add_argument("--longest", type=int, default=600, help="with --twice: the last step for the first death")
    parser.add_argument("--wrong", choices=WRONGS, help="parts that are wrong on purpose")
    return parser


def _death(text: str) -> Death:
    try:
        return Death.at(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
