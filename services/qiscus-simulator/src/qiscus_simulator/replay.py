"""Replays the record into what the checker needs to know of every session and agent. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from qiscus_simulator.record import AgentState, Entry

SETTLED_AFTER_S = 2.0
"""A chat given by hand counts for ``over`` once it is older than the counter's lag and this: nobody can know before."""

DEFAULT_COUNTER_LAG_S = 1.0

NOBODY = AgentState(online=False, channels=frozenset(), capacity=0, deleted=True)


@dataclass(slots=True, kw_only=True)
class SessionTruth:
    """One session as it really went. Times are None for what never happened."""

    app: str
    room: str
    id: int
    source: str
    arrived_at: float
    first_sent_at: float | None = None
    acknowledged_at: float | None = None
    attempted_at: float | None = None
    assigned_at: float | None = None
    assigned_to: int = 0
    assigned_channels: frozenset[str] = frozenset()
    waiting_since: float | None = None
    resolved_at: float | None = None
    by_hand: bool = False
    seats: dict[int, tuple[bool, float]] = field(default_factory=dict)
    """Agent -> (put there by the API, since)."""


@dataclass(slots=True, kw_only=True)
class AgentTruth:
    """One agent: its state, the load it carries, and since when it could have taken one more.

    ``held`` is the number of sessions the API put there, ``given`` those that people did: session -> since.

    Supervisors and admins do not serve: a free one is no reason for a session not to wait.
    """

    state: AgentState
    serves: bool
    held: int
    given: dict[int, float]
    free_since: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Something that must not happen, told so that a person can look it up in the record."""

    what: str
    at: float
    session: SessionTruth
    agents: tuple[int, ...]
    text: str


DecidedAt = Callable[[Entry], float]
"""When the allocator chose the agent of an assignment: of what happened later it could not know."""


def as_it_took_effect(entry: Entry) -> float:
    """What is assumed of an allocator of which nothing else is known."""
    return entry.at


class Truth:
    """The whole record, folded. ``now`` is the time of the last entry."""

    def __init__(self, decided_at: DecidedAt) -> None:
        """Begin with nothing known."""
        self._decided_at = decided_at
        self.now = 0.0
        self.started_at = 0.0
        self.sessions: dict[int, SessionTruth] = {}
        self.agents: dict[tuple[str, int], AgentTruth] = {}
        self.effects: list[float] = []
        self.doubled: dict[int, Violation] = {}
        self.over: list[Violation] = []
        self._lag_s: dict[str, float] = {}

    def see(self, entry: Entry) -> None:
        """Take one entry in. Entries come in the order of the record."""
        self.now = entry.at
        self.started_at = self.started_at or entry.at
        if entry.kind == "agent" and entry.state is not None:
            self._see_agent(entry, entry.state)
        elif entry.kind == "fault" and entry.what == "counter_lag_s":
            self._lag_s[entry.app] = entry.value
        elif entry.kind == "arrived":
            self.sessions[entry.session] = SessionTruth(
                app=entry.app,
                room=entry.room,
                id=entry.session,
                source=entry.what,
                arrived_at=entry.at,
                waiting_since=entry.at,
            )
        elif entry.session in self.sessions:
            self._see_session(entry, self.sessions[entry.session])

    def _see_agent(self, entry: Entry, state: AgentState) -> None:
        agent = self._agent(entry)
        if state.channels != agent.state.channels:
            agent.free_since = None  # free for a new channel only from now on
        agent.state, agent.serves = state, entry.what == "agent"
        self._reckon(agent)

    def _see_session(self, entry: Entry, session: SessionTruth) -> None:
        allocation = entry.what == "allocate"
        if entry.kind == "webhook_sent" and allocation:
            session.first_sent_at = _first(session.first_sent_at, entry.at)
        elif entry.kind == "webhook_answered" and allocation and entry.status == 200:  # noqa: PLR2004
            session.acknowledged_at = _first(session.acknowledged_at, entry.at)
        elif entry.kind == "call" and entry.what == "assign_agent":
            session.attempted_at = _first(session.attempted_at, entry.at)
        elif entry.kind == "assigned":
            self._assigned(entry, session)
        elif entry.kind == "removed":
            session.by_hand = True
            self._unseat(entry.app, session, entry.agent)
        elif entry.kind == "resolved":
            session.by_hand |= entry.what != "served"
            session.resolved_at = entry.at
            for agent_id in tuple(session.seats):
                self._unseat(entry.app, session, agent_id)
            session.waiting_since = None

    def _assigned(self, entry: Entry, session: SessionTruth) -> None:
        by_api, agent = entry.what == "api", self._agent(entry)
        if entry.other:
            self._unseat(entry.app, session, entry.other)
        if entry.agent in session.seats:
            return
        others = (entry.other,) if entry.other else tuple(session.seats)
        session.by_hand |= not by_api
        session.seats[entry.agent] = (by_api, entry.at)
        session.waiting_since = None
        if by_api:
            agent.held += 1
        else:
            agent.given[session.id] = entry.at
        self._reckon(agent)
        if by_api:
            self._assigned_by_api(entry, session, agent, others)

    def _assigned_by_api(self, entry: Entry, session: SessionTruth, agent: AgentTruth, others: tuple[int, ...]) -> None:
        self.effects.append(entry.at)
        if session.assigned_at is None:
            session.assigned_at, session.assigned_to = entry.at, entry.agent
            session.assigned_channels = agent.state.channels
        if others:
            text = f"agent {entry.agent} joined while or instead of {', '.join(map(str, others))}"
            self.doubled.setdefault(session.id, self._violation("doubled", session, (*others, entry.agent), text))
        occupied = self._occupied(entry, agent)
        if occupied > agent.state.capacity:
            text = f"agent {entry.agent} holds {occupied} sessions, capacity {agent.state.capacity}"
            self.over.append(self._violation("over", session, (entry.agent,), text))

    def _occupied(self, entry: Entry, agent: AgentTruth) -> int:
        """Count an agent's sessions as far as an allocator could know of them."""
        known = self._decided_at(entry) - self._lag_s.get(entry.app, DEFAULT_COUNTER_LAG_S) - SETTLED_AFTER_S
        return agent.held + sum(since < known for since in agent.given.values())

    def _unseat(self, app: str, session: SessionTruth, agent_id: int) -> None:
        seat = session.seats.pop(agent_id, None)
        if seat is None:
            return
        agent, (by_api, _) = self.agents[app, agent_id], seat
        if by_api:
            agent.held -= 1
        else:
            del agent.given[session.id]
        self._reckon(agent)
        if not session.seats:
            session.waiting_since = self.now

    def _reckon(self, agent: AgentTruth) -> None:
        able = agent.serves and agent.state.online and not agent.state.deleted
        free = able and agent.held + len(agent.given) < agent.state.capacity
        agent.free_since = _first(agent.free_since, self.now) if free else None

    def _agent(self, entry: Entry) -> AgentTruth:
        key = entry.app, entry.agent
        if key not in self.agents:
            self.agents[key] = AgentTruth(state=NOBODY, serves=False, held=0, given={}, free_since=None)
        return self.agents[key]

    def _violation(self, what: str, session: SessionTruth, agents: tuple[int, ...], text: str) -> Violation:
        return Violation(what=what, at=self.now, session=session, agents=agents, text=text)


def replay(entries: Iterable[Entry], decided_at: DecidedAt = as_it_took_effect) -> Truth:
    """Fold a record, or any part of one from its beginning."""
    truth = Truth(decided_at)
    for entry in entries:
        truth.see(entry)
    return truth


def _first(earlier: float | None, now: float) -> float:
    return now if earlier is None else earlier
