"""A platform of three agents, and a hand for writing records."""

from itertools import count

import pytest

from qiscus_simulator.late import Late
from qiscus_simulator.platform import Platform
from qiscus_simulator.record import AgentState, Entry
from qiscus_simulator.values import ALL_KEYS, CHANNEL_BY_KEY, Agent, AgentType, Customer

START = 1_700_000_000.0
APP = "sim-demo"


class Log:
    """Writes a record by hand; times are seconds after its start."""

    def __init__(self):
        self.entries = []

    def add(self, at, kind, *, app=APP, **fields):
        self.entries.append(Entry(len(self.entries) + 1, START + at, app, kind, **fields))

    def agent(self, at, agent_id, *, online=True, capacity=2, channels=ALL_KEYS, deleted=False, what="agent", app=APP):
        state = AgentState(online, frozenset(channels), capacity, deleted)
        self.add(at, "agent", agent=agent_id, what=what, state=state, app=app)

    def arrives(self, at, session, *, source="wa", acknowledged=True, app=APP):
        """A customer comes; the webhook leaves at once and is answered 10 ms later."""
        room = str(session)
        about = {"room": room, "session": session, "what": "allocate", "number": session, "app": app}
        self.add(at, "arrived", room=room, session=session, what=source, app=app)
        self.add(at, "webhook_sent", note="first", **about)
        status = 200 if acknowledged else 503
        self.add(at + 0.01, "webhook_answered", status=status, value=0.01, **about)

    def tries(self, at, session, agent_id, *, app=APP):
        about = {"room": str(session), "session": session, "agent": agent_id, "number": session, "app": app}
        self.add(at, "call", what="assign_agent", **about)

    def seats(self, at, session, agent_id, *, what="api", other=0, app=APP):
        about = {"room": str(session), "session": session, "agent": agent_id, "number": session, "app": app}
        self.add(at, "assigned", what=what, other=other, **about)

    def assigns(self, at, session, agent_id, *, app=APP):
        """An assign that is tried and takes effect."""
        self.tries(at, session, agent_id, app=app)
        self.seats(at, session, agent_id, app=app)

    def removes(self, at, session, agent_id):
        self.add(at, "removed", room=str(session), session=session, agent=agent_id, what="hand")

    def resolves(self, at, session, *, what="served"):
        self.add(at, "resolved", room=str(session), session=session, agent=1, what=what)

    def ordered(self):
        return sorted(self.entries, key=lambda entry: (entry.at, entry.seq))


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def platform():
    """Agents 1 and 2 serve everything, 3 only LINE; 8 is a supervisor, 9 an admin."""
    people = [
        (1, AgentType.AGENT, ALL_KEYS),
        (2, AgentType.AGENT, ALL_KEYS),
        (3, AgentType.AGENT, frozenset({"line"})),
        (8, AgentType.SUPERVISOR, ALL_KEYS),
        (9, AgentType.ADMIN, ALL_KEYS),
    ]
    agents = [
        Agent(
            id=agent_id,
            name=f"Agent {agent_id}",
            email=f"agent{agent_id}@example.com",
            type=agent_type,
            online=True,
            channels=channels,
            divisions=frozenset(),
            capacity=2,
            deleted=False,
            count=Late(0, START),
        )
        for agent_id, agent_type, channels in people
    ]
    numbers = count(100)
    return Platform(APP, agents, 5000, lambda: next(numbers))


@pytest.fixture
def room(platform):
    """A room with a customer who waits on WhatsApp."""
    return platform.arrive(CHANNEL_BY_KEY["wa"], Customer(name="𰹧䄧", user_id="628120"), START)
