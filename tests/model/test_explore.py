"""The explorer itself, on systems of which everything is known."""

import pytest

from model.explore import System, TooMany, explore


def counter(moves, faults=(), never=None, at_rest=None):
    """A number from 0, and by how much it may change, up to 9."""

    def by(steps):
        return lambda now: [(f"+{step}", now + step) for step in steps if now + step <= 9]

    return System(start=0, moves=by(moves), faults=by(faults), never=never or {}, at_rest=at_rest or {})


def test_it_finds_the_shortest_story():
    found = explore(counter([1, 3], never={"seven": lambda now: now == 7}), 100)
    assert len(found.stories["seven"]) == 3
    assert sorted(found.stories["seven"]) == ["+1", "+3", "+3"]


def test_it_says_nothing_only_after_it_saw_every_state():
    seen = set()
    found = explore(counter([1, 3], never={"ten": lambda now: seen.add(now) or now == 10}), 100)
    assert (found.stories, found.states, found.all_seen) == ({}, 10, True)
    assert seen == set(range(10))


def test_it_raises_when_there_are_more_states_than_it_may_see():
    with pytest.raises(TooMany):
        explore(counter([1]), 9)
    assert explore(counter([1]), 10).states == 10


def test_a_fault_that_may_still_happen_is_no_reason_not_to_rest():
    found = explore(
        counter([2], faults=[1], at_rest={"odd": lambda now: now % 2 == 1, "even": lambda now: now == 8}), 100
    )
    assert found.stories["even"] == ("+2",) * 4
    assert len(found.stories["odd"]) == 5
    assert explore(counter([1], at_rest={"early": lambda now: now < 9}), 100).stories == {}


def test_it_stops_when_it_found_enough_and_does_not_claim_more():
    found = explore(counter([1], never={"two": lambda now: now == 2, "four": lambda now: now == 4}), 100, enough=1)
    assert (found.stories, found.all_seen) == ({"two": ("+1", "+1")}, False)


def test_a_state_that_is_reached_again_counts_once():
    ring = System(start=0, moves=lambda now: [("on", (now + 1) % 4)], faults=lambda _: [], never={}, at_rest={})
    assert explore(ring, 4).states == 4
