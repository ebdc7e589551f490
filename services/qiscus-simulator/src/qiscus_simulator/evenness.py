"""How evenly an allocator gave sessions to agents, by the record of truth. Pure.

An agent's due is their share of their app's open slots: their capacity, for as long as they were online. Evenness is 1
less the share of the sessions that went to somebody else than was due; less than one session more or less does not
count. Only what API calls did is counted, as in ``assigned``. A judge knows no policy: what one wants shows here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby

from qiscus_simulator.record import AgentState, Entry

Key = tuple[str, int]
"""An app and an agent of it."""


def evenness(entries: Iterable[Entry], end_at: float) -> float | None:
    """From 0 to 1: everybody got what was due; None: nothing was given out."""
    slot_s: dict[Key, float] = defaultdict(float)
    given: dict[Key, int] = defaultdict(int)
    states: dict[Key, tuple[int, float]] = {}
    for entry in entries:
        key = entry.app, entry.agent
        if entry.kind == "agent" and entry.state is not None:
            slots, since = states.get(key, (0, entry.at))
            slot_s[key] += slots * (entry.at - since)
            states[key] = (_open(entry.what, entry.state), entry.at)
        elif entry.kind == "assigned" and entry.what == "api":
            given[key] += 1
    for key, (slots, since) in states.items():
        slot_s[key] += slots * max(0.0, end_at - since)
    total = sum(given.values())
    return None if not total else round(max(0.0, 1.0 - sum(_misplaced(slot_s, given)) / total), 4)


def _open(what: str, state: AgentState) -> int:
    return state.capacity if what == "agent" and state.online and not state.deleted else 0


def _misplaced(slot_s: dict[Key, float], given: dict[Key, int]) -> Iterator[float]:
    """For each app, how many sessions others should have had."""
    for _, of_app in groupby(sorted({*slot_s, *given}), key=lambda key: key[0]):
        keys = list(of_app)
        sessions, slots = sum(given[key] for key in keys), sum(slot_s[key] for key in keys)
        if slots:
            wrong = (abs(given[key] - sessions * slot_s[key] / slots) for key in keys)
            yield sum(max(0.0, one - 1.0) for one in wrong) / 2
