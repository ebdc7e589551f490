"""When a platform is left alone, and when it is tried again."""

import pytest

from allocator.core import breaker as b
from allocator.core import outcomes as o
from allocator.core.reasons import WaitReason

UNKNOWN = o.Unknown("no answer in time")


def failed(times, now=0.0):
    breaker = b.closed()
    for _ in range(times):
        breaker = b.after(breaker, UNKNOWN, now)
    return breaker


def test_a_few_failures_pause_nothing():
    breaker = failed(b.FAILURES_MAX - 1)
    assert b.may_call(breaker, 0.0)
    assert not b.is_trying(breaker, 0.0)


def test_failures_in_a_row_pause_calls_and_say_why():
    breaker = failed(b.FAILURES_MAX)
    assert not b.may_call(breaker, 0.9)
    assert breaker.reason is WaitReason.PLATFORM_UNAVAILABLE


def test_after_the_pause_one_call_at_a_time_may_try():
    breaker = failed(b.FAILURES_MAX)
    assert b.may_call(breaker, 1.0)
    assert b.is_trying(breaker, 1.0)


def test_one_success_after_the_pause_and_calls_flow():
    breaker = b.after(failed(b.FAILURES_MAX), o.Done(), 2.0)
    assert breaker == b.closed()


def test_a_success_in_between_starts_the_count_anew():
    breaker = b.after(failed(b.FAILURES_MAX - 1), o.Done(), 0.0)
    assert b.may_call(b.after(breaker, UNKNOWN, 0.0), 0.0)


def test_pauses_double_up_to_the_longest():
    breaker, now, pauses = failed(b.FAILURES_MAX), 0.0, []
    for _ in range(8):
        pauses.append(breaker.open_until - now)
        now = breaker.open_until
        breaker = b.after(breaker, UNKNOWN, now)
    assert pauses == [1, 2, 4, 4, 4, 4, 4, 4]


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_the_pause():
    breaker = failed(b.FAILURES_MAX)
    for _ in range(60):
        breaker = b.after(breaker, UNKNOWN, 0.5)
    assert breaker.open_until == 1.0


@pytest.mark.parametrize(
    ("asked_s", "pause_s"),
    [(0.0, 1.0), (7.0, 7.0), (1e9, b.RETRY_AFTER_MAX_S), (float("inf"), b.RETRY_AFTER_MAX_S), (-5.0, 1.0)],
)
def test_a_pause_the_platform_asks_for_is_kept_within_reason(asked_s, pause_s):
    breaker = b.after(b.closed(), o.NotNow(asked_s), 100.0)
    assert breaker.open_until == 100.0 + pause_s
    assert breaker.reason is WaitReason.PLATFORM_UNAVAILABLE


@pytest.mark.parametrize("pause", [o.NotNow(30.0), o.CredentialsRefused()], ids=str)
def test_a_call_that_was_under_way_and_succeeds_does_not_end_the_pause(pause):
    breaker = b.after(b.after(b.closed(), pause, 100.0), o.Done(), 100.1)
    assert not b.may_call(breaker, 110.0)


def test_refused_credentials_pause_the_app_and_are_named():
    breaker = b.after(b.closed(), o.CredentialsRefused(), 100.0)
    assert breaker.reason is WaitReason.CREDENTIALS_REFUSED
    assert not b.may_call(breaker, 114.0)
    assert b.may_call(breaker, 115.0)


@pytest.mark.parametrize(
    "answer",
    [o.SomebodyThere(), o.AlreadyOver(), o.AgentRefused("HTTP 400"), o.RoomRefused("HTTP 404"), o.Over(), None],
    ids=str,
)
def test_whatever_the_platform_answers_of_one_request_it_answers(answer):
    assert b.after(failed(b.FAILURES_MAX - 1), answer, 0.0) == b.closed()


def test_what_was_not_sent_says_nothing_of_the_platform():
    breaker = failed(2)
    assert b.after(breaker, o.NotSent(), 0.0) == breaker
