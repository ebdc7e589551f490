"""How evenly sessions went to agents, and how many in their turn."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.allocator.making import after

from allocator.core.fairness import GAP_MAX_S, HALF_LIFE_S, NOTHING, Given, evenness, tallied, turn
from allocator.core.ids import AgentId, Lane

WA = Lane("wa")
AGENTS = st.integers(1, 4).map(AgentId)


def to(*agents, since=0, lane=WA):
    """Sessions that went to agents, one after another, each in its turn."""
    return [Given(agent=AgentId(one), lane=lane, since=after(since + n)) for n, one in enumerate(agents)]


def online(**slots):
    """Capacities: ``a1=2`` is agent 1 with two slots."""
    return {AgentId(int(name[1:])): count for name, count in slots.items()}


def told(*steps):
    """A tally of (time, who is online, what was given)."""
    tally = NOTHING
    for step in steps:
        tally = tallied(tally, *step)
    return tally


def test_where_nothing_was_given_out_there_is_nothing_to_tell():
    assert evenness(NOTHING) is None
    assert turn(NOTHING) is None


def test_sessions_in_proportion_to_capacity_are_even():
    tally = told((0.0, {}, []), (10.0, online(a1=1, a2=3), to(1, 2, 2, 2, 1, 2, 2, 2)))
    assert evenness(tally) == 1.0


def test_sessions_in_proportion_to_open_time_are_even():
    tally = told(
        (0.0, {}, []),
        (9.0, online(a1=1, a2=1), to(1, 2, 1, 2, 1, 2)),
        (18.0, online(a2=1), to(2, 2, 2, since=9)),
    )
    assert evenness(tally) == pytest.approx(1.0, abs=0.01)


def test_all_to_one_of_two_is_half_even():
    tally = told((0.0, {}, []), (10.0, online(a1=1, a2=1), to(*[1] * 1000)))
    assert evenness(tally) == pytest.approx(0.5, abs=0.01)


def test_one_session_more_or_less_is_nobodys_fault():
    tally = told((0.0, {}, []), (10.0, online(a1=1, a2=1, a3=1), to(1)))
    assert evenness(tally) == 1.0


def test_who_was_never_seen_online_was_due_nothing():
    tally = told((0.0, {}, []), (10.0, online(a1=1), to(*[2] * 10)))
    assert evenness(tally) == pytest.approx(0.1, abs=0.01)


def test_a_long_time_in_which_nobody_looked_says_nothing_of_who_was_there():
    tally = told((0.0, {}, []), (600.0, online(a1=1), []))
    assert tally.open == {AgentId(1): GAP_MAX_S}


def test_who_came_later_and_was_given_before_passed_the_other():
    tally = told((0.0, {}, []), (1.0, online(a1=9), [*to(1, since=5), *to(1, since=3), *to(1, since=9)]))
    assert turn(tally) == pytest.approx(2 / 3)


def test_another_lane_is_another_order():
    both = [*to(1, since=5), *to(1, since=3, lane=Lane("ig"))]
    assert turn(told((0.0, {}, []), (1.0, online(a1=9), both))) == 1.0


def test_the_same_moment_is_no_passing():
    assert turn(told((0.0, {}, []), (1.0, {}, [*to(1, since=5), *to(2, since=5)]))) == 1.0


def test_older_facts_weigh_less():
    tally = told((0.0, {}, []), (1.0, online(a1=1, a2=1), to(*[1] * 100)))
    later = tallied(tally, 1.0 + 2 * HALF_LIFE_S, online(a1=1, a2=1), [])
    assert sum(later.given.values()) == pytest.approx(25.0)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 100),
            st.dictionaries(AGENTS, st.integers(0, 3)),
            st.lists(
                st.builds(
                    Given, agent=st.integers(1, 4).map(AgentId), lane=st.just(WA), since=st.integers(0, 9).map(after)
                ),
                max_size=5,
            ),
        ),
        max_size=6,
    )
)
def test_shares_are_shares(steps):
    tally = NOTHING
    for at, who, what in sorted(steps, key=lambda step: step[0]):
        tally = tallied(tally, at, who, what)
    for share in (evenness(tally), turn(tally)):
        assert share is None or 0.0 <= share <= 1.0
