"""`make e2e CASE=…`, the values of a release, and waiting for what does not come."""

import pytest

from e2e import cases
from e2e.catalogue import CASES, chosen
from e2e.cluster import CommandError, TookTooLong, run, wait_until
from e2e.release import merged


def test_all_cases_are_played_in_their_order_when_none_is_named():
    assert cases.ALL
    names = [one.name for one in chosen("")]
    assert names == list(CASES)
    assert names[0] == "installed"


def test_a_case_is_chosen_by_a_part_of_its_name():
    assert [one.name for one in chosen("redis-k, leader-del")] == ["leader-deleted", "redis-killed"]


def test_a_whole_name_means_that_case_alone():
    assert [one.name for one in chosen("installed")] == ["installed"]


def test_a_name_that_no_case_has_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match=r"no case is called moon; they are installed, "):
        chosen("moon")


def test_values_over_values_keep_what_they_do_not_name():
    base = {"image": {"tag": "a", "pullPolicy": "Never"}, "x": 1}
    assert merged(base, {"image": {"tag": "b"}, "y": 2}) == {
        "image": {"tag": "b", "pullPolicy": "Never"},
        "x": 1,
        "y": 2,
    }


def test_a_command_that_fails_says_what_it_said():
    with pytest.raises(CommandError, match="no such thing"):
        run(["sh", "-c", "echo no such thing >&2; exit 3"])


def test_a_command_that_hangs_is_given_up():
    with pytest.raises(CommandError, match="not done after 0 s"):
        run(["sleep", "5"], timeout_s=0.05)


def test_waiting_ends():
    assert wait_until("now", lambda: True, within_s=0) < 1
    with pytest.raises(TookTooLong, match="the moon: not within 0 s"):
        wait_until("the moon", lambda: False, within_s=0, poll_s=0)
