"""What the platform's late counts are worth."""

from dataclasses import replace

from unit.allocator.making import AGENT, load, seen

from allocator.core.roster import Roster, foreign_after, foreign_of, short_after

LAG_S = 3.0


def shown(count, *, at=100.0):
    return Roster(agents=(seen(AGENT, count=count),), read_at=at, uses=None)


def ours(number, *, closed=0):
    return {AGENT: load(*range(1, number + 1), closed=closed)}


def foreign(*readings):
    """What is believed after readings of (time, count, our load)."""
    known = {}
    for at, count, loads in readings:
        known = foreign_after(known, shown(count, at=at), loads, LAG_S)
    return foreign_of(known, AGENT)


def test_a_count_that_is_ours_alone_shows_nobody_else():
    assert foreign((100, 2, ours(2))) == 0


def test_what_is_counted_beyond_ours_is_not_ours():
    assert foreign((100, 3, ours(1))) == 2


def test_an_agent_without_rows_of_ours_has_only_others():
    assert foreign((100, 2, {})) == 2


def test_a_count_that_lags_behind_our_assignment_shows_nobody_else():
    assert foreign((100, 0, ours(2))) == 0


def test_a_customer_we_just_closed_may_still_be_counted():
    assert foreign((100, 2, ours(1, closed=1))) == 0


def test_an_assignment_of_ours_that_is_not_counted_yet_does_not_hide_somebody_elses():
    """One by hand; then we give one out, and the count is late: 1 of 2 is still believed to be theirs."""
    assert foreign((100, 1, ours(0)), (101, 1, ours(1))) == 1


def test_once_the_count_has_caught_up_the_truth_is_believed_again():
    assert foreign((100, 1, ours(0)), (101, 1, ours(1)), (104.5, 1, ours(1))) == 0


def test_the_largest_recent_figure_is_believed():
    assert foreign((100, 2, ours(0)), (101, 1, ours(0)), (102, 0, ours(0))) == 2


def test_what_nobody_sees_any_more_is_forgotten():
    known = foreign_after({}, shown(2), ours(0), LAG_S)
    assert foreign_after(known, shown(0, at=200.0), ours(0), LAG_S) == {}


def test_an_agent_who_is_not_in_this_roster_keeps_what_is_known():
    known = foreign_after({}, shown(2), ours(0), LAG_S)
    empty = replace(shown(0), agents=(), read_at=101.0)
    assert foreign_of(foreign_after(known, empty, {}, LAG_S), AGENT) == 2


def test_a_count_below_ours_is_remembered_since_it_was_first_seen():
    short = short_after({}, shown(1, at=100), ours(2))
    assert short == {AGENT: 100}
    assert short_after(short, shown(1, at=105), ours(2)) == {AGENT: 100}


def test_a_count_that_catches_up_is_forgotten():
    assert short_after({AGENT: 100.0}, shown(2, at=105), ours(2)) == {}
    assert short_after({}, shown(3, at=105), ours(2)) == {}
