"""Finds the sessions that were overtaken, in n log n. Pure.

Session B overtook session A of the same app when all of this holds:

- A was acknowledged before B's first webhook was sent;
- B's first assign attempt was received more than the tolerance before A's first attempt (before the end, when A has
  none);
- the agent B got could have taken A: its channels held A's when B got it;
- no person touched A (assigned, took over, removed, resolved by hand).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qiscus_simulator.replay import SessionTruth, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """A session that got an agent, as a possible overtaker."""

    sent_at: float
    attempted_at: float
    session: SessionTruth


def overtaken(sessions: Iterable[SessionTruth], end_at: float, tolerance_s: float) -> list[Violation]:
    """Return one violation per overtaken session, with the earliest-served of those that overtook it."""
    sessions = list(sessions)
    lanes = {lane: _Lane(served) for lane, served in _by_lane(sessions).items()}
    found = (_overtaken(session, lanes, end_at, tolerance_s) for session in sessions)
    return [violation for violation in found if violation is not None]


class _Lane:
    """Those served by agents who could also have taken one channel of one app."""

    def __init__(self, served: list[_Served]) -> None:
        served.sort(key=lambda one: one.sent_at)
        self._sent_at = [one.sent_at for one in served]
        self._earliest = served
        for index in range(len(served) - 2, -1, -1):
            if served[index + 1].attempted_at < served[index].attempted_at:
                served[index] = served[index + 1]

    def first_served_of_those_sent_after(self, moment: float) -> _Served | None:
        index = bisect_right(self._sent_at, moment)
        return self._earliest[index] if index < len(self._earliest) else None


def _by_lane(sessions: list[SessionTruth]) -> dict[tuple[str, str], list[_Served]]:
    lanes: dict[tuple[str, str], list[_Served]] = defaultdict(list)
    for one in _served(sessions):
        for channel in one.session.assigned_channels:
            lanes[one.session.app, channel].append(one)
    return lanes


def _served(sessions: list[SessionTruth]) -> Iterator[_Served]:
    for session in sessions:
        if session.assigned_at is None or session.attempted_at is None or session.first_sent_at is None:
            continue
        yield _Served(sent_at=session.first_sent_at, attempted_at=session.attempted_at, session=session)


def _overtaken(
    session: SessionTruth, lanes: dict[tuple[str, str], _Lane], end_at: float, tolerance_s: float
) -> Violation | None:
    lane = lanes.get((session.app, session.source))
    if lane is None or session.by_hand or session.acknowledged_at is None:
        return None
    first = lane.first_served_of_those_sent_after(session.acknowledged_at)
    attempted_at = end_at if session.attempted_at is None else session.attempted_at
    if first is None or not first.attempted_at < attempted_at - tolerance_s:
        return None
    ahead_s, other = attempted_at - first.attempted_at, first.session
    text = f"session {other.id} (room {other.room}) came later and was tried {ahead_s:.3f} s before it"
    return Violation(
        what="out_of_order", at=first.attempted_at, session=session, agents=(other.assigned_to,), text=text
    )
