"""The table: each variant of the protocol, what may go wrong in its world, and what the search is to find.

Worlds are as large as the question needs: a crash, an expiry, a time-out, an agent who goes offline are each
possible once where they are named. Where a search stops at what it was to find, it does not claim that nothing else
can go wrong.
"""

from dataclasses import dataclass, replace

from model.explore import Found, System, explore
from model.properties import DOUBLED, LOST, OUT_OF_ORDER, OVER_CAPACITY, PAST_LEADER, system
from model.protocol import Protocol
from model.world import Faults, World, new_world

STATES_MAX = 150_000
NOTHING: frozenset[str] = frozenset()
THE_THREE = frozenset({LOST, DOUBLED, OVER_CAPACITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A row. ``asked``: the properties that the row is about; ``breaks``: those that the search finds broken.
    ``stops``: once those are found, the rest of the states need not be seen.
    """

    name: str
    about: str
    protocol: Protocol
    faults: Faults
    breaks: frozenset[str]
    asked: frozenset[str] = THE_THREE
    rooms: int = 2
    stops: bool = False

    def search(self) -> Found:
        """All that may happen."""
        world = new_world(self.faults, allocators=2, rooms=self.rooms, agents=2, capacity=1)
        return explore(self._system(world), STATES_MAX, len(self.breaks) if self.stops else None)

    def _system(self, world: World) -> System[World]:
        whole = system(self.protocol, world)
        never = {name: wrong for name, wrong in whole.never.items() if name in self.asked}
        return replace(whole, never=never, at_rest={name: w for name, w in whole.at_rest.items() if name in self.asked})


LOCK_ONLY = Protocol(
    record_before_pop=False,
    fence=False,
    slots_are_rows=False,
    intent_rows=False,
    pinned=False,
    compare_and_set=False,
    slot_held_in_doubt=False,
    doubt_outlives_success=False,
    trust_when_sending=False,
    recovery="looks",
)
FENCED = replace(LOCK_ONLY, record_before_pop=True, fence=True, slots_are_rows=True)
INTENT = replace(FENCED, intent_rows=True)
PINNED = replace(INTENT, pinned=True, compare_and_set=True)
HELD = replace(PINNED, slot_held_in_doubt=True)
DESIGN = replace(HELD, trust_when_sending=True)
FIRST = replace(DESIGN, recovery="announces")
OURS = replace(FIRST, doubt_outlives_success=True)

LATE, PAUSED = Faults(timeouts=1), Faults(expiries=1, timeouts=1)
ALL = Faults(crashes=1, expiries=1, timeouts=1)
RETURNS, LATE_RETURNS = Faults(crashes=1, resolves=1), Faults(timeouts=1, resolves=1)
TWICE_LATE = Faults(timeouts=2, resolves=1)
UNSURE, UNSURE_PAUSED = Faults(lost_commits=1), Faults(expiries=1, lost_commits=1)
FAILOVER = Faults(expiries=1, failovers=1)
ORDER = THE_THREE | {OUT_OF_ORDER}
TERMS = frozenset({PAST_LEADER})


def _row(name: str, about: str, protocol: Protocol, faults: Faults, *breaks: str) -> Variant:
    return Variant(name=name, about=about, protocol=protocol, faults=faults, breaks=frozenset(breaks))


def _first(variant: Variant) -> Variant:
    return replace(variant, stops=True)


def _in_sessions(variant: Variant) -> Variant:
    return replace(variant, asked=ORDER)


def _of_terms(variant: Variant) -> Variant:
    return replace(variant, asked=TERMS, rooms=1)


DESIGNED = (
    _row("lock-only", "lock only, pop first, no intent row", LOCK_ONLY, PAUSED, LOST, OVER_CAPACITY),
    _row("fence", "+ Postgres fence, recorded before deleted; no intent rows", FENCED, PAUSED, DOUBLED, OVER_CAPACITY),
    _row("intent", "+ intent rows, agent picked again after an empty read-back", INTENT, LATE, DOUBLED, OVER_CAPACITY),
    _first(_row("pinned", "+ same agent pinned, compare-and-set at the platform", PINNED, PAUSED, OVER_CAPACITY)),
    _row("held-late", "+ slot held while a request may land: nobody paused", HELD, LATE),
    _first(_row("held", "+ slot held while a request may land: a paused sender", HELD, PAUSED, OVER_CAPACITY)),
    _row("design", "+ trust checked at the moment of sending", DESIGN, ALL),
    _row("flapping", "the same, and an agent goes offline", DESIGN, Faults(crashes=1, timeouts=1, flaps=1)),
    _first(_row("no-fence", "the design without the fence", replace(DESIGN, fence=False), PAUSED, OVER_CAPACITY)),
    _row("no-intent", "the design without intent rows", replace(DESIGN, intent_rows=False), PAUSED, OVER_CAPACITY),
    _row("pop-first", "the design, popping first", replace(DESIGN, record_before_pop=False), PAUSED, LOST),
    _row("no-recovery", "the design, RESERVED not recovered", replace(DESIGN, recovery="forgets"), PAUSED, LOST),
)
DECIDED = (
    _row("announces", "0011: recovery announces again at once", FIRST, PAUSED),
    _first(
        _row(
            "gap",
            "a pause between trust check and packet",
            replace(FIRST, check_is_sending=False),
            PAUSED,
            OVER_CAPACITY,
        )
    ),
    _first(
        _row(
            "gap-no-cas",
            "the same, without max_agent=1",
            replace(FIRST, check_is_sending=False, compare_and_set=False),
            PAUSED,
            DOUBLED,
            OVER_CAPACITY,
        )
    ),
    _row(
        "old-reading",
        "quarantine judged when a reading is written down",
        replace(FIRST, quarantine_by_reading=False),
        LATE,
        OVER_CAPACITY,
    ),
    _row("unsure", "0002: unsure of a commit, a new term", FIRST, UNSURE),
    _row("unsure-paused", "0002: paused meanwhile; only if our term is in force", FIRST, UNSURE_PAUSED),
    _first(
        _row(
            "unsure-any-term",
            "the same, whoever led meanwhile",
            replace(FIRST, own_term_follows_own=False),
            UNSURE_PAUSED,
            OVER_CAPACITY,
        )
    ),
    _row(
        "unsure-believes", "unsure, takes it for done", replace(FIRST, when_unsure="took effect"), UNSURE, OVER_CAPACITY
    ),
    _row("unsure-gives-up", "unsure, takes it for failed", replace(FIRST, when_unsure="failed"), UNSURE, LOST),
    _row("term-hurries", "a term that waits for no transaction", replace(FIRST, term_waits=False), UNSURE, LOST),
)
RETURNING = tuple(
    map(
        _in_sessions,
        (
            _row("returns-0011", "0011 without 0013: customers come back", FIRST, RETURNS, OVER_CAPACITY, OUT_OF_ORDER),
            _row("returns-looks", "reading first instead", DESIGN, RETURNS, OVER_CAPACITY, OUT_OF_ORDER),
            _row(
                "returns-inbox",
                "0011, the inbox heard first",
                replace(FIRST, inbox_first=True),
                RETURNS,
                OVER_CAPACITY,
                OUT_OF_ORDER,
            ),
            _row("returns-late", "a time-out, without 0013", FIRST, LATE_RETURNS, OVER_CAPACITY, OUT_OF_ORDER),
            _row("returns-doubt", "0013: doubt outlives success", OURS, RETURNS, OUT_OF_ORDER),
            _row("returns-doubt-late", "0013: a time-out, no crash", OURS, LATE_RETURNS, OUT_OF_ORDER),
            _row(
                "returns-view",
                "two time-outs; a reading ends doubt",
                replace(OURS, view_ends_doubt=True),
                TWICE_LATE,
                OVER_CAPACITY,
                OUT_OF_ORDER,
            ),
            _row("returns-doubt-twice", "0013: two time-outs", OURS, TWICE_LATE, OUT_OF_ORDER),
        ),
    )
)
FAILING_OVER = tuple(
    map(
        _of_terms,
        (
            _row("failover-noticed", "the standby lacks the last term; connections break", FIRST, FAILOVER),
            _first(
                _row(
                    "failover-number",
                    "connections do not break; fence: the number",
                    replace(FIRST, failover_is_noticed=False),
                    FAILOVER,
                    PAST_LEADER,
                )
            ),
            _row(
                "failover-name",
                "0002: fence: number and leader",
                replace(FIRST, failover_is_noticed=False, fence_names_leader=True),
                FAILOVER,
            ),
        ),
    )
)
VARIANTS = (*DESIGNED, *DECIDED, *RETURNING, *FAILING_OVER)
