"""Postgres ends in the middle of a transaction, or ends one and nobody hears of it, or is slow; customers come all the
while.
"""

import time

import pytest

from scenarios.found import ONCE
from support.standstill import STEPS, committed_unanswered, standing_still

SLOW_S = 0.1
"""Each way, for every statement: a round takes seconds."""
OLD_S = 5.0
ROUNDS_S = 40.0
"""A few such rounds."""
COMMIT = b"COMMIT"
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


@pytest.mark.case
@pytest.mark.system(simulator=ONCE, allocators=1, proxied=True)
def test_postgres_takes_long_over_everything(antre):
    """Answers about agents are older when they are used than they would be trusted a second time. Were they not used,
    nobody would ever be served, and no round would fail.
    """
    antre.traffic(2)
    antre.must_serve(5)
    antre.parts["allocator-1"].proxies["postgres"].delay_s = SLOW_S
    slow_since = time.time()
    antre.must("answers from before are old", lambda: time.time() > slow_since + OLD_S)
    antre.must_serve(10, within_s=ROUNDS_S)
    antre.parts["allocator-1"].proxies["postgres"].delay_s = 0
    antre.must_come_to_rest()


def _must_go_on(antre):
    """Postgres is down; webhooks come all the same, and wait for it."""
    antre.must("webhooks wait in the inbox", lambda: antre.inbox_length() >= 10)
    antre.postgres.start()
    antre.must_progress(time.time())
    antre.must_serve(10)
    antre.must_come_to_rest()
