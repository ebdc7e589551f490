"""What a roster and our own rows say of each other."""

from unit.allocator.making import AGENT, load, seen

from allocator.core.roster import Roster, freed_unseen, short_after


def shown(count, *, at=100.0):
    return Roster(agents=(seen(AGENT, count=count),), read_at=at, uses=None)


def ours(number):
    return {AGENT: load(*range(1, number + 1))}


def test_slots_of_whose_end_we_were_not_told_are_freed_unseen():
    before = {AGENT: load(1, 2, 3)}
    assert freed_unseen(before, {AGENT: load(1)}) == {AGENT: {2, 3}}
    assert freed_unseen(before, {AGENT: load(1, closed=1)}) == {AGENT: {2, 3}}
    assert freed_unseen(before, {AGENT: load(1, closed=2)}) == {}
    assert freed_unseen(before, {}) == {AGENT: {1, 2, 3}}


def test_one_end_after_another_is_not_unseen_although_as_many_are_known_as_before():
    """One came, one was too long ago to show."""
    assert freed_unseen({AGENT: load(1, 2, closed=1)}, {AGENT: load(1, closed=1)}) == {}


def test_a_count_below_ours_is_remembered_since_it_was_first_seen():
    short = short_after({}, shown(1, at=100), ours(2))
    assert short == {AGENT: 100}
    assert short_after(short, shown(1, at=105), ours(2)) == {AGENT: 100}


def test_a_count_that_catches_up_is_forgotten():
    assert short_after({AGENT: 100.0}, shown(2, at=105), ours(2)) == {}
    assert short_after({}, shown(3, at=105), ours(2)) == {}
