"""First come, first served from a moment on: for faults in which the platform does not tell who may take whom.

While it does not, a session whose lane nobody can tell of holds up nobody (the design's invariant 4), so those pass of
whose lanes it is known still. That ends with the fault: of all who are tried after it, nobody passes anybody.
"""

from collections.abc import Iterable

from qiscus_simulator import record
from qiscus_simulator.overtaking import overtaken
from qiscus_simulator.replay import replay
from support.platform import Entry
from support.shape import PATIENCE


def passed(entries: Iterable[Entry], since: float, *, tolerance_s: float = PATIENCE) -> list[str]:
    """Complaints about sessions that others passed of those who were first tried later than ``since`` (Unix time)."""
    truth = replay(map(_entry, entries))
    tried = [one for one in truth.sessions.values() if one.attempted_at is None or one.attempted_at > since]
    found = overtaken(tried, truth.now, tolerance_s)
    return [f"room {one.session.room}, session {one.session.id}: {one.text}" for one in found]


def _entry(told: Entry) -> record.Entry:
    """What the record's entry was before it became JSON."""
    state = told.get("state")
    if state is not None:
        state = record.AgentState(**{**state, "channels": frozenset(state["channels"])})
    return record.Entry(**{"app": "", **told, "state": state})
