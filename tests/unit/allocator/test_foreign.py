"""What the platform's late counts are worth: customers who are not ours."""

from math import inf

from unit.allocator.making import AGENT, load, seen

from allocator.core.foreign import Reading, as_found, believed, held_after, never_held, readings_after
from allocator.core.roster import Roster

LAG_S = 3.0
TRUST_S = 2.0
OTHER = AGENT + 1


def shown(count, *, at=100.0, agent=AGENT):
    return Roster(agents=(seen(agent, count=count),), read_at=at, uses=None)


def holding(*changes):
    """Slots 1 to so many of the agent are occupied, from when on; we lead since the first."""
    (since, first), *more = changes
    held = as_found({AGENT: load(*range(1, first + 1))}, since)
    for at, number in more:
        held = held_after(held, {AGENT: frozenset(range(1, number + 1))}, at, 60.0)
    return held


def read(held, *counts, closed=0):
    """What readings say (time, count), oldest first; how many we hold now is the last that ``held`` says."""
    (_, taken) = held.slots[AGENT][-1] if AGENT in held.slots else (0, frozenset())
    readings = {}
    for at, count in counts:
        loads = {AGENT: load(*taken, closed=closed)}
        readings = readings_after(readings, shown(count, at=at), loads, held, lag_s=LAG_S, kept_s=LAG_S + TRUST_S)
    return readings


def one_reading(held, at, count, *, closed=0):
    (reading,) = read(held, (at, count), closed=closed)[AGENT]
    return reading.least, reading.most


def foreign(held, *counts, now, closed=0):
    """What is believed at ``now``."""
    return believed(read(held, *counts, closed=closed), now - TRUST_S).get(AGENT, 0)


# --- one reading


def test_while_nothing_of_ours_begins_or_ends_a_count_is_exact():
    assert one_reading(holding((0, 2)), 100, 2) == (0, 0)
    assert one_reading(holding((0, 2)), 100, 4) == (2, 2)


def test_a_count_below_ours_shows_nobody_else():
    assert one_reading(holding((0, 2)), 100, 0) == (0, 0)


def test_an_agent_without_rows_of_ours_has_only_others():
    assert one_reading(as_found({}, 0.0), 100, 2) == (2, 2)


def test_within_the_lag_of_an_end_of_ours_a_count_may_be_of_our_customer_or_of_somebody_elses():
    held = holding((0, 1), (98, 0))
    assert one_reading(held, 100, 1) == (0, 1)
    assert one_reading(held, 101.1, 1) == (1, 1)


def test_a_beginning_opens_nothing():
    """Or every conversation shorter than the lag would leave its slot empty afterwards."""
    held = holding((0, 0), (98, 1))
    assert one_reading(held, 100, 1) == (0, 0)
    assert one_reading(held, 100, 2) == (1, 1)


def test_more_than_we_ever_held_at_once_is_not_ours_however_many_end():
    """One after another in the same slot: that there were three does not make three at once."""
    held = holding((0, 1), (97.5, 0), (98, 1), (98.5, 0), (99, 1))
    assert one_reading(held, 100, 2) == (1, 1)


def test_a_slot_that_is_given_again_in_the_same_round_was_held_all_the_time():
    held = holding((0, 2), (99, 1), (99, 2))
    assert held.slots[AGENT] == ((0, frozenset({1, 2})),)
    assert one_reading(held, 100, 2) == (0, 0)


def test_whom_another_leader_was_told_of_may_still_be_counted():
    """We did not see what was held before we led; the ledger knows how many ended."""
    held = holding((99, 1))
    assert one_reading(held, 100, 3, closed=1) == (1, 2)
    assert one_reading(held, 102.5, 3, closed=1) == (2, 2)


# --- what we held


def test_what_was_over_long_ago_is_forgotten():
    held = as_found({AGENT: load(1)}, 0.0)
    for at, slots in [(10, {1, 2}), (50, {2}), (51, {1})]:
        held = held_after(held, {AGENT: frozenset(slots)}, at, 20.0)
    assert [at for at, _ in held.slots[AGENT]] == [10, 50, 51]
    held = held_after(held, {AGENT: frozenset()}, 80, 20.0)
    assert [at for at, _ in held.slots[AGENT]] == [51, 80]


def test_an_agent_who_was_never_given_anybody_held_nothing():
    held = held_after(as_found({}, 0.0), {AGENT: frozenset({1})}, 99, 20.0)
    assert one_reading(held, 100, 1) == (0, 0)
    assert one_reading(as_found({}, 0.0), 100, 1) == (1, 1)


def test_a_slot_held_for_who_is_served_no_more_was_never_held():
    held = never_held(holding((0, 2)), {AGENT: frozenset({2})})
    assert one_reading(held, 100, 2) == (1, 1)
    assert never_held(held, {OTHER: frozenset({1})}).slots[OTHER] == ()


# --- what is believed

END = 99.5
ENDED = holding((0, 1), (END, 0))
"""The agent's only customer of ours went."""


def test_a_slot_that_comes_free_is_free_at_once():
    assert foreign(holding((0, 1)), (99, 1), now=END) == 0
    assert foreign(ENDED, (99, 0), (100, 1), now=100.5) == 0


def test_where_no_reading_that_is_trusted_tells_an_end_of_ours_from_a_customer_given_by_hand_it_may_be_theirs():
    readings = {AGENT: (Reading(at=99, least=0, most=0), Reading(at=100, least=0, most=1))}
    assert believed(readings, 101.0 - TRUST_S) == {}
    assert believed(readings, 101.1 - TRUST_S) == {AGENT: 1}


def test_the_count_that_has_caught_up_frees_the_slot():
    assert foreign(ENDED, (100, 1), now=101) == 1
    assert foreign(ENDED, (100, 1), (101, 0), now=101) == 0


def test_the_last_reading_counts_however_old():
    """Nothing better is known."""
    assert foreign(ENDED, (100, 1), now=120) == 1


def test_an_assignment_of_ours_that_is_not_counted_yet_does_not_hide_somebody_elses():
    """Not if they were seen before it: that is proven."""
    assert foreign(holding((0, 0)), (96, 1), now=97) == 1
    held = holding((0, 0), (99.5, 1))
    known = {AGENT: (Reading(at=99, least=1, most=1),)}
    loads = {AGENT: load(1)}
    assert believed(readings_after(known, shown(1), loads, held, lag_s=LAG_S, kept_s=5.0), 99.0) == {AGENT: 1}


def test_what_is_proven_is_believed_for_a_while_and_the_largest_of_it():
    held = as_found({}, 0.0)
    assert foreign(held, (100, 2), (101, 1), (102, 0), now=102) == 2
    assert foreign(held, (100, 2), (101, 1), (105.5, 0), now=105.5) == 1
    assert foreign(held, (100, 2), (101, 1), (106.5, 0), now=106.5) == 0


def test_a_reading_that_says_no_less_replaces_an_older_one():
    readings = read(as_found({}, 0.0), (99, 0), (100, 0))
    assert readings == {AGENT: (Reading(at=100, least=0, most=0),)}
    more = read(as_found({}, 0.0), (100, 0), (99, 0))  # another lane's, that took longer
    assert [one.at for one in more[AGENT]] == [100, 99]


def test_an_agent_who_is_not_in_this_roster_keeps_what_is_known():
    held = as_found({}, -inf)
    readings = readings_after({}, shown(2), {}, held, lag_s=LAG_S, kept_s=5.0)
    readings = readings_after(readings, shown(1, agent=OTHER), {}, held, lag_s=LAG_S, kept_s=5.0)
    assert believed(readings, 99.0) == {AGENT: 2, OTHER: 1}
