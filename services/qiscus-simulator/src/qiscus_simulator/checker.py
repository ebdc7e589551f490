"""Judges an allocator by the record of truth alone. Pure: the same record gives the same verdict.

The words, exactly:

arrived
    sessions that began: a customer with a new room or back in an old one.
acknowledged
    sessions with at least one allocation webhook that was answered 200.
assigned
    sessions an agent was put in by an API call that took effect. What people do by hand is not counted.
resolved
    sessions that ended, by whomever.
waiting
    sessions still open at the end with nobody in the room. ``waiting_why`` splits them as the platform sees it:
    ``nobody_online`` (no agent who serves the channel is online), ``all_at_capacity`` (those online hold as many open
    sessions as their capacity), ``free`` (one of them could take it).
lost
    sessions acknowledged and waiting at the end although one agent stood ready for them (online, with their channel,
    below capacity) without interruption for more than ``grace_s`` up to the end, they themselves waiting and
    acknowledged all that time. It must be the *same* agent: under load each of many is free for a moment.
doubled
    sessions in which an API assign took effect while somebody else sat in the room, or put somebody out of it.
over
    API assigns with effect after which the agent held more sessions than its capacity. Held are open sessions the API
    put there, and those given by hand longer than the counter's lag + 2 s before the assign took effect; or, where the
    allocator's own record tells when it chose the agent, before that (``decided_at``). A supervisor's and an admin's
    capacity is 0: they are not for allocation.
out_of_order
    sessions that were overtaken by at least one other (see ``overtaking``), counted once each.
evenness
    how evenly sessions went to agents in proportion to their open time and capacity (see ``evenness``), from 0 to 1;
    null when nothing was assigned. It breaks no promise.
wait_p50_s, wait_p99_s
    from the first answer 200 to the first effect, over sessions that have both; null when there is none.
assignments_per_s
    effects of API assigns per second, first to last, in the stretch with the most effects; a pause of more than a
    second ends a stretch.
stories
    up to twenty violations in words, some of every kind, times in seconds since the record began.

Faults excuse nothing: a session is judged whatever the platform did to the calls about it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from typing import Any, Final

from qiscus_simulator.evenness import evenness
from qiscus_simulator.overtaking import overtaken
from qiscus_simulator.record import Entry
from qiscus_simulator.replay import (
    AgentTruth,
    DecidedAt,
    SessionTruth,
    Truth,
    Violation,
    as_it_took_effect,
    replay,
)

GRACE_S: Final = 10.0
TOLERANCE_S: Final = 1.0
STORIES_MAX: Final = 20
PAUSE_S: Final = 1.0
MEDIAN: Final = 0.50
TAIL: Final = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict; every word is defined at the top of this module."""

    arrived: int
    acknowledged: int
    assigned: int
    resolved: int
    waiting: int
    waiting_why: dict[str, int]
    lost: int
    doubled: int
    over: int
    out_of_order: int
    evenness: float | None
    wait_p50_s: float | None
    wait_p99_s: float | None
    assignments_per_s: float
    stories: list[dict[str, Any]]


def judge(
    entries: Iterable[Entry],
    end_at: float,
    *,
    grace_s: float = GRACE_S,
    tolerance_s: float = TOLERANCE_S,
    decided_at: DecidedAt = as_it_took_effect,
) -> Verdict:
    """Judge the record of one app or of many; ``end_at`` is the moment of judgement, in the record's time."""
    entries = list(entries)
    truth = replay(entries, decided_at)
    sessions = list(truth.sessions.values())
    waiting = [session for session in sessions if session.waiting_since is not None]
    waits = sorted(_waits(sessions))
    lost = list(_lost(waiting, truth, end_at, grace_s))
    late = overtaken(sessions, end_at, tolerance_s)
    return Verdict(
        arrived=len(sessions),
        acknowledged=sum(session.acknowledged_at is not None for session in sessions),
        assigned=sum(session.assigned_at is not None for session in sessions),
        resolved=sum(session.resolved_at is not None for session in sessions),
        waiting=len(waiting),
        waiting_why=_waiting_why(waiting, truth),
        lost=len(lost),
        doubled=len(truth.doubled),
        over=len(truth.over),
        out_of_order=len(late),
        evenness=evenness(entries, end_at),
        wait_p50_s=_quantile(waits, MEDIAN),
        wait_p99_s=_quantile(waits, TAIL),
        assignments_per_s=busiest_rate(truth.effects),
        stories=_stories((list(truth.doubled.values()), truth.over, lost, late), truth.started_at),
    )


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict under its names."""
    return asdict(verdict)


def busiest_rate(effects: list[float]) -> float:
    """Return effects per second in the stretch that has most of them; 0 when no stretch has two."""
    best, first = (0, 0.0), 0
    for index, at in enumerate(effects):
        if index + 1 < len(effects) and effects[index + 1] - at <= PAUSE_S:
            continue
        best = max(best, (index - first, at - effects[first]))
        first = index + 1
    steps, took_s = best
    return round(steps / took_s, 3) if took_s > 0 else 0.0


def _lost(waiting: list[SessionTruth], truth: Truth, end_at: float, grace_s: float) -> Iterator[Violation]:
    ready = {lane: _ready(truth, *lane) for lane in {(session.app, session.source) for session in waiting}}
    for session in waiting:
        agent_id, free_since = ready[session.app, session.source]
        if session.acknowledged_at is None or session.waiting_since is None or free_since is None:
            continue
        since = max(session.acknowledged_at, session.waiting_since, free_since)
        if end_at - since > grace_s:
            text = f"waits although agent {agent_id} was free for it for {end_at - since:.1f} s"
            yield Violation(what="lost", at=since, session=session, agents=(agent_id,), text=text)


def _ready(truth: Truth, app: str, channel: str) -> tuple[int, float | None]:
    """Return the agent that has been free for a channel the longest, and since when."""
    free = [
        (agent.free_since, agent_id)
        for (of_app, agent_id), agent in truth.agents.items()
        if of_app == app and agent.free_since is not None and channel in agent.state.channels
    ]
    if not free:
        return 0, None
    since, agent_id = min(free)
    return agent_id, since


def _waiting_why(waiting: list[SessionTruth], truth: Truth) -> dict[str, int]:
    lanes = {(session.app, session.source) for session in waiting}
    reasons = {lane: _why(truth, *lane) for lane in lanes}
    why = {"nobody_online": 0, "all_at_capacity": 0, "free": 0}
    for session in waiting:
        why[reasons[session.app, session.source]] += 1
    return why


def _why(truth: Truth, app: str, channel: str) -> str:
    online = [agent for (of_app, _), agent in truth.agents.items() if of_app == app and _serves(agent, channel)]
    if not online:
        return "nobody_online"
    return "free" if any(agent.free_since is not None for agent in online) else "all_at_capacity"


def _serves(agent: AgentTruth, channel: str) -> bool:
    state = agent.state
    return agent.serves and state.online and not state.deleted and channel in state.channels


def _waits(sessions: list[SessionTruth]) -> Iterator[float]:
    for session in sessions:
        if session.acknowledged_at is not None and session.assigned_at is not None:
            yield max(0.0, session.assigned_at - session.acknowledged_at)


def _quantile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 4)


def _stories(kinds: Iterable[list[Violation]], started_at: float) -> list[dict[str, Any]]:
    mixed = chain.from_iterable(zip_longest(*kinds))
    picked = [violation for violation in mixed if violation is not None][:STORIES_MAX]
    return [_story(violation, started_at) for violation in picked]


def _story(violation: Violation, started_at: float) -> dict[str, Any]:
    session = violation.session
    times = {
        "arrived": session.arrived_at,
        "acknowledged": session.acknowledged_at,
        "attempted": session.attempted_at,
        "assigned": session.assigned_at,
        "resolved": session.resolved_at,
        "violated": violation.at,
    }
    return {
        "what": violation.what,
        "app": session.app,
        "room": session.room,
        "session": session.id,
        "agents": list(violation.agents),
        "times_s": {name: round(at - started_at, 3) for name, at in times.items() if at is not None},
        "text": violation.text,
    }
