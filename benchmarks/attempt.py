"""Figures one after another: what cannot be measured is told as such, and does not stop the others."""

import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from measure import Effort, Figure, Result, Unmeasured, say
from report import WHY_MAX, line

PATIENCE = 4
"""A figure that takes so many times longer than it should, and a while, is given up."""
PATIENCE_S = 60.0


def all_of(chosen: Sequence[Figure], effort: Effort) -> list[Result | Unmeasured]:
    """One after another, with a line on each as it ends."""
    results: list[Result | Unmeasured] = []
    left_s = sum(figure.about_s for figure in chosen)
    say(f"{len(chosen)} measurements, about {_minutes(left_s)} in full")
    for count, figure in enumerate(chosen, 1):
        say(f"[{count} of {len(chosen)}] {', '.join(figure.numbers)}: {_subject(figure)}")
        began = time.perf_counter()
        found = attempt(figure, effort, PATIENCE_S + PATIENCE * figure.about_s)
        results += found
        left_s -= figure.about_s
        for one in found:
            say(line(one))
        say(f"took {time.perf_counter() - began:.0f} s; about {_minutes(left_s)} left")
    return results


def attempt(figure: Figure, effort: Effort, patience_s: float) -> list[Result | Unmeasured]:
    """Measure within so many seconds; what goes wrong costs this figure only."""
    try:
        with _limited(patience_s):
            return list(figure.measure(effort))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other figures are wanted all the same
        traceback.print_exc()
        why = f"{type(error).__name__}: {error}".splitlines()[0][:WHY_MAX]
        return [
            Unmeasured(number=number, figure=_subject(figure).partition(": ")[2], why=why) for number in figure.numbers
        ]


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raises :class:`TimeoutError` in the block when that takes longer."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"not measured within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _subject(figure: Figure) -> str:
    return (figure.measure.__doc__ or "").splitlines()[0]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"  # noqa: PLR2004 - a minute and a half
