"""Allocators that are wrong on purpose: each lacks one guard. What is meant to catch it must catch it.

Each is a patch at a seam, for the time of a run; production code knows nothing of it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch

from allocator.core import lifecycle, outcomes, plan, readings
from allocator.core.intake import Arrival
from allocator.core.policy import Policy
from allocator.core.reasons import WaitReason
from allocator.core.session import Session, State
from allocator.ports import Entry
from allocator.rounds import leader, record
from allocator.rounds.calls import Assigned, Calls
from simulation import remote, system
from simulation.place import Place
from support.memory import MemoryLedger
from support.memory.transaction import MemoryTransaction

_Off = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A guard, what an allocator does that lacks it, how it is taken out, and what goes wrong then."""

    name: str
    wrong: str
    off: _Off
    kinds: frozenset[str]
    """The kinds of complaints that it is caught by."""
    troubles: tuple[str, ...]
    """What must go wrong for it to be missed."""
    seed: int = 0
    """A run that misses it."""


@contextmanager
def _patched(target: object, name: str, new: object) -> Iterator[None]:
    with patch.object(target, name, new):
        yield


# --- the way in


async def _read_and_pop(self: remote.RemoteInbox, at_most: int, wait_s: float) -> Sequence[Entry]:
    entries = await _READ(self, at_most, wait_s)
    await self.delete(entries)
    return entries


_READ = remote.RemoteInbox.read


def _always_fresh(self: MemoryTransaction, arrivals: Sequence[Arrival], now: datetime) -> list[Arrival]:
    """Recorded again, under other ids, each time it is read."""
    _FRESH(self, arrivals, now)
    return list(arrivals)


_FRESH = MemoryTransaction._fresh


# --- leading


def _open_to_all(self: MemoryLedger, epoch: Any, leader: str) -> bool:
    """Whoever asks may write."""
    return True


async def _assign_unchecked(self: Calls, session: Session) -> None:
    assert session.agent is not None
    outcome = await self._platforms[session.app].assign(session.room, session.agent)
    del self.assigning[session.id]
    self._done(Assigned(session, outcome))


async def _assign_checked_early(self: Calls, session: Session) -> None:
    """Trust is looked at; then a connection is waited for."""
    assert session.agent is not None
    outcome: outcomes.Outcome = outcomes.NotSent()
    if self._trust.covers(self._trust_needed_s):
        await self._clock.sleep(0.3)
        outcome = await self._platforms[session.app].assign(session.room, session.agent)
    del self.assigning[session.id]
    self._done(Assigned(session, outcome))


def _forget(session: Session, now: datetime, *, over: bool) -> Session:
    """What a predecessor left unsettled is free again."""
    return lifecycle.released(replace(session, resolve_seen=False), now)


# --- doubt


def _no_doubt(session: Session, outcome: outcomes.Outcome, now: datetime, timing: lifecycle.Timing) -> Session:
    """A time-out means that nothing happened."""
    if isinstance(outcome, outcomes.Unknown):
        return lifecycle.released(session, now)
    return _ON_OUTCOME(session, outcome, now, timing)


_ON_OUTCOME = lifecycle.on_outcome


def _anew(
    session: Session, view: outcomes.View, now: datetime, timing: lifecycle.Timing, sight: readings.Sight
) -> Session:
    """A room that is seen empty after a time-out is given to whoever is free."""
    if isinstance(view, outcomes.Waits) and session.state is State.DOUBT:
        return lifecycle.released(session, now)
    return _ON_VIEW(session, view, now, timing, sight)


_ON_VIEW = readings.on_view


def _without_compare(self: Place, room: Any, agent: Any) -> Any:
    """The platform puts the agent into the room whoever is there."""
    there = self.rooms.get(room)
    if there is not None and there.agents and not there.resolved and agent in self.agents:
        self._by_api = True
        if agent not in there.agents:
            self._join(room, there, agent)
        self._by_api = False
        return outcomes.Done()
    return _ASSIGN(self, room, agent)


_ASSIGN = Place.assign_now


# --- truth from outside


def _no_sweep(self: Calls, app: Any) -> None:
    """Nobody looks."""


def _by_policy_alone(policy: Policy, now: datetime) -> WaitReason | None:
    return _WHY_SHUT(replace(policy, halt=None), now)


_WHY_SHUT = plan.why_shut


def _parked_alone(self: MemoryTransaction, found: Arrival, now: datetime) -> bool:
    room = (found.event.app, found.event.room)
    return room not in self._rows.open_rooms and self._is_parked(room, now)


def _timing(**changes: Any) -> Callable[[], AbstractContextManager[None]]:
    tuning = replace(system.TUNING, timing=replace(system.TIMING, **changes))
    return lambda: _patched(system, "TUNING", tuning)


GUARDS = (
    Guard(
        name="delete after commit",
        wrong="pops first",
        off=lambda: _patched(remote.RemoteInbox, "read", _read_and_pop),
        kinds=frozenset({"forgotten"}),
        troubles=("kill", "step"),
        seed=0,
    ),
    Guard(
        name="fence",
        wrong="lock only: whoever once led may write",
        off=lambda: _patched(MemoryLedger, "_is_newest", _open_to_all),
        kinds=frozenset({"past leader"}),
        troubles=("pause", "step", "link"),
        seed=11,
    ),
    Guard(
        name="trust check",
        wrong="sends without looking at its lease",
        off=lambda: _patched(Calls, "_assign", _assign_unchecked),
        kinds=frozenset({"over", "doubled"}),
        troubles=("pause", "step"),
        seed=29,
    ),
    Guard(
        name="trust check at the moment of sending",
        wrong="looks at its lease, then waits for a connection",
        off=lambda: _patched(Calls, "_assign", _assign_checked_early),
        kinds=frozenset({"over", "doubled"}),
        troubles=("standstill",),
        seed=9,
    ),
    Guard(
        name="doubt holds its slot",
        wrong="frees the slot on a time-out",
        off=lambda: _patched(record, "on_outcome", _no_doubt),
        kinds=frozenset({"over", "doubled"}),
        troubles=("platform",),
        seed=117,
    ),
    Guard(
        name="pinned agent",
        wrong="picks the agent anew after a time-out",
        off=lambda: _patched(record, "on_view", _anew),
        kinds=frozenset({"over", "doubled"}),
        troubles=("platform",),
        seed=72,
    ),
    Guard(
        name="max_agent=1",
        wrong="assigns whoever is in the room",
        off=lambda: _patched(Place, "assign_now", _without_compare),
        kinds=frozenset({"doubled"}),
        troubles=("platform", "hand"),
        seed=64,
    ),
    Guard(
        name="quarantine",
        wrong="believes that what it gave up cannot happen any more",
        off=_timing(quarantine_s=0.0),
        kinds=frozenset({"over", "doubled"}),
        troubles=("platform",),
        seed=65,
    ),
    Guard(
        name="recovery of RESERVED rows",
        wrong="frees what its predecessor had reserved",
        off=lambda: _patched(leader, "on_recovery", _forget),
        kinds=frozenset({"over", "doubled"}),
        troubles=("succession",),
        seed=11,
    ),
    Guard(
        name="sweep",
        wrong="never looks for customers of whom it was not told",
        off=lambda: _patched(Calls, "sweep", _no_sweep),
        kinds=frozenset({"no rest", "lost"}),
        troubles=("webhooks", "gateway"),
        seed=1,
    ),
    Guard(
        name="a pause by hand",
        wrong="goes by the policy alone",
        off=lambda: _patched(plan, "why_shut", _by_policy_alone),
        kinds=frozenset({"paused"}),
        troubles=("wish",),
        seed=6,
    ),
    Guard(
        name="withdrawn stay out",
        wrong="lets the sweep bring back whom a person withdrew",
        off=lambda: _patched(MemoryTransaction, "_is_left_out", _parked_alone),
        kinds=frozenset({"brought back"}),
        troubles=("wish",),
        seed=0,
    ),
)
"""Every guard, with the allocator that lacks it."""
