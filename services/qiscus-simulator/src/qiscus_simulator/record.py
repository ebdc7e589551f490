"""The record of truth: what really happened on the platform, in order, append-only.

It is not bounded: it grows with the run, about 250 bytes an entry and ten entries a session, so an hour at a hundred
customers a second is some gigabytes. It is a tool for runs that end.

Kinds of entries, and the fields they use:

- ``agent``: an agent as it is from now on (``agent``, ``state``; ``what`` is its type);
- ``fault``: a fault was set (``what`` its name, ``value``; for a span the larger end);
- ``arrived``: a session began (``room``, ``session``, ``what`` the channel's key);
- ``webhook_sent`` / ``webhook_answered`` / ``webhook_lost``: a delivery (``number``, ``what`` allocate or resolve,
  ``room``, ``session``, ``status`` (0: no answer), ``value`` seconds it took, ``note`` first, again, doubled, retry);
- ``call``: a REST call was received (``number``, ``what`` its name, ``room``, ``agent``, and the ``session`` that was
  open in the room just then, 0 for none);
- ``assigned``: an agent sits in a room (``what`` api or hand, ``number`` of the call, ``other`` the agent replaced);
- ``refused``: an assign had no effect (``number``, ``note`` why);
- ``removed``: an agent left a room that goes on (``what`` api or hand);
- ``resolved``: a session ended (``agent`` who resolved, ``what`` served, hand or api);
- ``answer``: a REST call was answered (``number``, ``status`` 0 for never, ``value`` seconds, ``note`` the fault).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from qiscus_simulator.values import Agent


class AgentState(NamedTuple):
    """What decides whether an agent may be given a session."""

    online: bool
    channels: frozenset[str]
    capacity: int
    deleted: bool


class Entry(NamedTuple):
    """One thing that happened. Unused fields keep their empty value. ``at`` in seconds."""

    seq: int
    at: float
    app: str
    kind: str
    room: str = ""
    session: int = 0
    agent: int = 0
    other: int = 0
    number: int = 0
    what: str = ""
    note: str = ""
    status: int = 0
    value: float = 0.0
    state: AgentState | None = None


class Record:
    """The list of entries; sequence numbers start at 1 and have no gaps."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin empty; ``clock`` gives the time of entries."""
        self.entries: list[Entry] = []
        self._clock = clock

    def add(self, app: str, kind: str, **fields: Any) -> Entry:
        """Append what just happened."""
        entry = Entry(len(self.entries) + 1, self._clock(), app, kind, **fields)
        self.entries.append(entry)
        return entry

    def add_agent(self, app: str, agent: Agent) -> None:
        """Append an agent's state as it is now."""
        state = AgentState(agent.online, agent.channels, agent.capacity, agent.deleted)
        self.add(app, "agent", agent=agent.id, what=agent.type.word, state=state)

    def after(self, seq: int, limit: int) -> list[Entry]:
        """Return up to ``limit`` entries that follow ``seq``."""
        return self.entries[seq : seq + limit]


def as_json(entry: Entry) -> dict[str, Any]:
    """Return an entry without its empty fields."""
    full = entry._asdict()
    slim = {name: full[name] for name in full if full[name] or name in {"seq", "at", "kind"}}
    if entry.state is not None:
        slim["state"] = {**entry.state._asdict(), "channels": sorted(entry.state.channels)}
    return slim
