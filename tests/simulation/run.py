"""One run: a script is played, everything heals, and what is left is judged."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import structlog

from allocator.rounds import record
from contract import EventId, new_event_id
from simulation.judge import Judge
from simulation.loop import ProcessLoop
from simulation.people import People
from simulation.script import Script
from simulation.system import System
from simulation.trouble import heal, strike
from simulation.wishes import Wishes

BEGIN_S = 0.1
REST_WITHIN_S = 60.0
LOOK_S = 0.25
IDS = "new_event_id"
"""Where the round takes the ids of events from that it makes itself."""
QUIET = structlog.make_filtering_bound_logger(logging.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a script. ``wrongs``: sentences, each beginning with its kind; none: all is well."""

    script: Script
    wrongs: tuple[str, ...]
    story: tuple[tuple[float, str], ...]
    """Seconds, and what happened then."""
    virtual_s: float

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of what went wrong."""
        return frozenset(wrong.split(":")[0] for wrong in self.wrongs)


def play(script: Script) -> Outcome:
    """Play ``script``. The same script has the same outcome, always."""
    loop = ProcessLoop()
    try:
        with _alone():
            return loop.run_until_complete(_play(script))
    finally:
        forget_tasks(loop)
        loop.close()


def forget_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Nobody needs to hear of tasks of the dead."""
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]


async def _play(script: Script) -> Outcome:
    system = System(script)
    people, judge = People(system), Judge(system)
    wishes = Wishes(system, people)
    system.start()
    await _perform(system, people, wishes)
    heal(system)
    wishes.end_pause()
    wrongs = [*await _come_to_rest(system, people, judge), *judge.verdict()]
    ended_at = system.clock.now()
    story = tuple(system.story)
    await system.end()
    return Outcome(script=script, wrongs=tuple(wrongs), story=story, virtual_s=ended_at)


async def _perform(system: System, people: People, wishes: Wishes) -> None:
    loop = asyncio.get_running_loop()
    for happening in system.script.happenings:
        loop.call_at(BEGIN_S + happening.at, strike, system, people, wishes, happening)
    await asyncio.sleep(BEGIN_S + system.script.ends_at + LOOK_S)


async def _come_to_rest(system: System, people: People, judge: Judge) -> list[str]:
    """First everybody is served and the records agree; then everybody goes home and they agree again."""
    people.nobody_leaves()
    wrongs = await _until_agreed(system, judge, "nobody waits")
    people.everybody_leaves()
    return wrongs or await _until_agreed(system, judge, "nobody is left")


async def _until_agreed(system: System, judge: Judge, goal: str) -> list[str]:
    give_up_at = system.clock.now() + REST_WITHIN_S
    while complaints := judge.disagreements(goal):
        if system.clock.now() > give_up_at:
            return [f"no rest: not within {REST_WITHIN_S:g} s ({goal}): {'; '.join(complaints[:4])}"]
        await asyncio.sleep(LOOK_S)
    return []


@contextmanager
def _alone() -> Iterator[None]:
    """No log lines, and ids that are the same in every run."""
    before = structlog.get_config()
    numbers = count(1)
    structlog.configure(wrapper_class=QUIET)
    setattr(record, IDS, lambda: EventId(f"{next(numbers):032x}"))
    try:
        yield
    finally:
        setattr(record, IDS, new_event_id)
        structlog.configure(**before)
