"""Postgres ends in the middle of a transaction, or ends one and nobody hears of it; customers come all the while."""

import time

import pytest

from scenarios.found import ONCE
from support.standstill import STEPS, committed_unanswered, standing_still

COMMIT = b"COMMIT;"
"""How our library ends a transaction."""


@pytest.mark.case(30, t_s=5.0)
@pytest.mark.system(simulator=ONCE, allocators=1)
@pytest.mark.parametrize("step", STEPS)
def test_postgres_is_shut_down_in_the_middle_of_a_step(antre, step):
    antre.traffic(5)
    antre.must_serve(5)
    with standing_still(antre.postgres, antre.database_url, step) as somebody_stands:
        antre.must(f"a transaction stands at {step}", somebody_stands)
        antre.postgres.stop_immediately()
    _must_go_on(antre)


@pytest.mark.case(30, t_s=5.0)
@pytest.mark.system(simulator=ONCE, allocators=1)
def test_postgres_is_shut_down_before_it_answers_a_commit(antre):
    """The slots are given out, and only a new term can tell: who was reserved is announced then."""
    antre.traffic(5)
    antre.must_serve(5)
    with committed_unanswered(antre.postgres, antre.database_url) as somebody_waits:
        antre.must("a transaction waits for its answer", somebody_waits)
        antre.postgres.stop_immediately()
    _must_go_on(antre)


@pytest.mark.case(31, t_s=2.0)
@pytest.mark.system(simulator=ONCE, allocators=1, proxied=True)
@pytest.mark.parametrize("in_a_row", [1, 10])
def test_commits_take_effect_and_nobody_hears_of_it(antre, in_a_row):
    """Twenty in all, of rounds of every kind; ten in a row, and not even a new term is heard of."""
    proxy = antre.parts["allocator-1"].proxies["postgres"]
    term = antre.term()
    antre.traffic(5)
    for _ in range(0, 20, in_a_row):
        antre.must_serve(2)
        before = proxy.lost
        proxy.lose_replies_to(COMMIT, times=in_a_row)
        antre.must("the answers are lost", lambda: proxy.lost == before + in_a_row)  # noqa: B023 - called at once
        antre.must_progress(time.time())
    assert antre.term() > term
    antre.must_serve(10)
    antre.must_come_to_rest()


def _must_go_on(antre):
    """Postgres is down; webhooks come all the same, and wait for it."""
    antre.must("webhooks wait in the inbox", lambda: antre.inbox_length() >= 10)
    antre.postgres.start()
    antre.must_progress(time.time())
    antre.must_serve(10)
    antre.must_come_to_rest()
