"""The platform calls of a leader: started by a round, they run beside it, and their results wait for the next.

A call of ours that may change something, ``assign``, asks for trust that covers its whole time-out, here, right
before it is sent. Reading needs no trust.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from allocator.core import outcomes as o
from allocator.core.ids import AppId, Lane, SessionId
from allocator.core.roster import Roster
from allocator.core.session import Session
from allocator.ports import Failure, Trust, Unserved
from allocator.rounds.tuning import Surroundings


@dataclass(frozen=True, slots=True)
class Assigned:
    """``assign_agent`` for ``session``, as it was when it was sent, had ``outcome`` after ``took_s``."""

    session: Session
    outcome: o.Outcome
    sent_at: datetime | None = field(default=None, compare=False)
    took_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Viewed:
    """The room of ``session``, as it was when the reading started, at ``asked_at``, showed ``view``."""

    session: Session
    view: o.View
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Who may take the rooms of ``lane``, asked for the room of ``head``."""

    app: AppId
    lane: Lane
    head: Session
    found: Roster | o.RoomRefused | Failure


@dataclass(frozen=True, slots=True)
class Swept:
    """The rooms of ``app`` that waited at ``asked_at``. ``failure``: the list broke off."""

    app: AppId
    rooms: tuple[Unserved, ...]
    failure: Failure | None
    asked_at: datetime


Result: TypeAlias = Assigned | Viewed | Asked | Swept


class Calls:
    """What is under way. ``wake`` is called when a result is there."""

    def __init__(self, around: Surroundings, trust: Trust, trust_needed_s: float, wake: Callable[[], None]) -> None:
        self._platforms = around.platforms
        self._clock = around.clock
        self._watch = around.watch
        self._trust = trust
        self._trust_needed_s = trust_needed_s
        self._wake = wake
        self._reading = asyncio.Semaphore(around.tuning.reads_max)
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
        self.assigning: dict[SessionId, Session] = {}
        self.viewing: set[SessionId] = set()
        self._views: Counter[AppId] = Counter()
        self.asking: set[tuple[AppId, Lane]] = set()
        self.sweeping: set[AppId] = set()
        self.broken: BaseException | None = None
        """A bug that ended a call."""

    def assign(self, session: Session) -> None:
        """Tell the platform who takes ``session``."""
        if session.id not in self.assigning:
            self.assigning[session.id] = session
            self._start(self._assign(session))

    def view(self, session: Session) -> None:
        """Read the room of ``session``."""
        if session.id not in self.viewing:
            self.viewing.add(session.id)
            self._views[session.app] += 1
            self._start(self._view(session))

    def ask(self, head: Session, *, platform_chooses: bool) -> None:
        """Ask who may take the rooms of the lane of ``head``."""
        if (head.app, head.lane) not in self.asking:
            self.asking.add((head.app, head.lane))
            self._start(self._ask(head, platform_chooses=platform_chooses))

    def sweep(self, app: AppId) -> None:
        """List the rooms of ``app`` that wait."""
        if app not in self.sweeping:
            self.sweeping.add(app)
            self._start(self._sweep(app))

    def take(self) -> list[Result]:
        """The results that came since."""
        results, self._results = self._results, []
        return results

    def under_way(self, app: AppId) -> int:
        """How many assignments of ``app`` are."""
        return sum(1 for session in self.assigning.values() if session.app == app)

    def in_flight(self, app: AppId) -> dict[str, int]:
        """How many calls of ``app`` are under way, by what is called. Rooms are read for all apps alike: those that
        wait for their turn count too.
        """
        return {
            "assign": self.under_way(app),
            "view": self._views[app],
            "roster": sum(of == app for of, _ in self.asking),
            "sweep": int(app in self.sweeping),
        }

    async def drain(self, seconds: float) -> None:
        """Wait for assignments under way, but not long."""
        if self.assigning and self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def close(self) -> None:
        """Break off whatever is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _assign(self, session: Session) -> None:
        assert session.agent is not None
        outcome: o.Outcome = o.NotSent()
        started, sent_at = self._clock.now(), self._clock.wall()
        if self._trust.covers(self._trust_needed_s):
            outcome = await self._platforms[session.app].assign(session.room, session.agent)
        took_s = self._clock.now() - started
        self._watch.called(session.app, "assign", outcome, took_s)
        del self.assigning[session.id]
        self._done(Assigned(session, outcome, sent_at, took_s))

    async def _view(self, session: Session) -> None:
        async with self._reading:
            started, asked_at = self._clock.now(), self._clock.wall()
            view = await self._platforms[session.app].view(session.room, session.agent)
        self._watch.called(session.app, "view", view, self._clock.now() - started)
        self.viewing.discard(session.id)
        self._views[session.app] -= 1
        self._done(Viewed(session, view, asked_at))

    async def _ask(self, head: Session, *, platform_chooses: bool) -> None:
        platform, started = self._platforms[head.app], self._clock.now()
        found: Roster | o.RoomRefused | Failure
        if platform_chooses:
            found = await platform.suggestion(head.lane, started)
        else:
            found = await platform.roster(head.room, started)
        self._watch.called(head.app, "roster", found, self._clock.now() - started)
        self.asking.discard((head.app, head.lane))
        self._done(Asked(head.app, head.lane, head, found))

    async def _sweep(self, app: AppId) -> None:
        rooms: list[Unserved] = []
        failure: Failure | None = None
        started, asked_at = self._clock.now(), self._clock.wall()
        async for page in self._platforms[app].unserved():
            if isinstance(page, o.Unknown | o.NotNow | o.CredentialsRefused | o.NotSent):
                failure = page
            else:
                rooms.extend(page)
        self._watch.called(app, "sweep", failure or rooms, self._clock.now() - started)
        self.sweeping.discard(app)
        self._done(Swept(app, tuple(rooms), failure, asked_at))

    def _done(self, result: Result) -> None:
        self._results.append(result)
        self._wake()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A call that raised is a bug; the loop must not go on as if its result were still to come."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.broken = task.exception()
            self._wake()
