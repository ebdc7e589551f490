"""Counts the steps of I/O that a process takes, writes each down, and kills the process at the one that is its last.

A step is a moment before or after a call of a port takes effect, or (of calls that change something elsewhere) while
it is under way. Every step is a line of a file before the process goes on, so whoever looks knows where it died.
"""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

BEFORE, DURING, AFTER = "before", "during", "after"
ON_THE_WIRE_S = 0.002
"""So long after a call began its request has left and, mostly, its answer has not come."""
_PLACE = re.compile(rf"({BEFORE}|{DURING}|{AFTER}) ([a-z_.]+)(?: ([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Step:
    """The ``number``-th step: ``when`` of the ``nth`` call of ``name``."""

    number: int
    when: str
    name: str
    nth: int

    def __str__(self) -> str:
        return f"{self.number} {self.when} {self.name} {self.nth}"

    @classmethod
    def read(cls, line: str) -> Self:
        """The step of a line."""
        number, when, name, nth = line.split()
        return cls(int(number), when, name, int(nth))


@dataclass(frozen=True, slots=True)
class Death:
    """Where a process dies: at step ``number``, or at a place that has a name; nowhere if neither is given."""

    number: int = 0
    place: tuple[str, str, int] | None = None

    @classmethod
    def at(cls, text: str) -> Self:
        """``17``, or ``before ledger.commit 3``, or an empty text. Raises :class:`ValueError`."""
        if not text or text.isdecimal():
            return cls(number=int(text or 0))
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no step; allowed are a number and such as 'before ledger.commit 3'")
        return cls(place=(found[1], found[2], int(found[3] or 1)))

    def __str__(self) -> str:
        return " ".join(map(str, self.place)) if self.place else str(self.number or "")

    def comes(self, step: Step) -> bool:
        """Whether it is at ``step``."""
        return step.number == self.number or (step.when, step.name, step.nth) == self.place


class Steps:
    """The steps of this process. ``trace``: the file that tells them."""

    def __init__(self, trace: Path, death: Death) -> None:
        self._death = death
        self._file = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._number = 0
        self._seen: Counter[tuple[str, str]] = Counter()
        self._is_over = False

    def start_over(self) -> None:
        """What was done until now does not count: we only looked on."""
        self._number = 0
        self._seen.clear()
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)

    def reach(self, when: str, name: str) -> None:
        """A step is taken; it may be the last."""
        if self._is_last(when, name):
            die()

    async def pass_through(self, call: Coroutine[Any, Any, Any], name: str) -> Any:
        """Make ``call``, with a step before it, one while it is under way, and one after it."""
        self.reach(BEFORE, name)
        if self._is_last(DURING, name):
            self._is_over = True  # what others do meanwhile is no step: this was the last
            under_way = asyncio.ensure_future(call)
            await asyncio.wait([under_way], timeout=ON_THE_WIRE_S)
            die()
        result = await call
        self.reach(AFTER, name)
        return result

    def _is_last(self, when: str, name: str) -> bool:
        if self._is_over:
            return False
        self._number += 1
        self._seen[when, name] += 1
        step = Step(self._number, when, name, self._seen[when, name])
        os.write(self._file, f"{step}\n".encode())
        return self._death.comes(step)


def die() -> NoReturn:
    """No farewell: nothing is flushed, closed or given back."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def steps_of(trace: Path) -> list[Step]:
    """What a process did, as far as it came."""
    text = trace.read_text() if trace.exists() else ""
    return [Step.read(line) for line in text.splitlines() if line.strip("\0")]
