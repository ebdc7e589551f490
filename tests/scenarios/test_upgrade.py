"""Everything is replaced, one by one, while customers come."""

import time

import pytest

from support.assembly import TESTS
from support.ledger import value
from support.logs import said
from support.next_schema import REVISION
from support.system import SLACK_S


@pytest.mark.representative("hand-over, and a schema that grows under processes that serve")
@pytest.mark.timeout(300)
@pytest.mark.case(41, t_s=0.25)
@pytest.mark.system(gateways=2, simulator={"chatter_s": "0"})
def test_everything_is_upgraded_under_load(antre, processes, tmp_path):
    """First the schema grows, while the old processes serve; then they are replaced, and those that were replaced
    last have worked on the next version's schema all the time.
    """
    antre.traffic(10)
    antre.must_serve(10)
    _migrate_to_the_next(antre, processes, tmp_path)
    antre.must_serve(10)
    _migrate_as_of_today(antre, processes)
    for gateway in antre.gateways:
        assert antre.running[gateway].terminate() == 0
        antre.must_serve(3)
        antre.begin(gateway)
        antre.until_ready(gateway)
    for _ in antre.allocators:
        _replace_the_leader(antre)
    antre.must_serve(10)
    antre.measure("webhooks refused", _refused(antre))
    antre.must_come_to_rest()
    assert _revision(antre) == REVISION
    assert value(antre.database_url, "SELECT min(next_weight) FROM event") == 1


def _migrate_to_the_next(antre, processes, folder):
    env = {"DATABASE_URL": antre.database_url, "PYTHONPATH": str(TESTS)}
    done = processes.run("python", "-m", "support.next_schema", str(folder), env=env)
    assert (done.status, _revision(antre)) == (0, REVISION), done.output


def _migrate_as_of_today(antre, processes):
    """As a roll-back would: the newer schema is left alone."""
    done = processes.run("allocator", "migrate", env={"DATABASE_URL": antre.database_url})
    assert (done.status, _revision(antre)) == (0, REVISION), done.output


def _replace_the_leader(antre):
    """From the moment it was told to go: until the other leads, and until the next customer has an agent."""
    leader, told_at = antre.leader(), time.time()
    assert antre.running[leader].terminate() == 0
    other = antre.leader(other_than=leader)
    led_at = said(antre.running[other], "leading")[-1]
    antre.measure("hand-over", led_at - told_at)
    assert led_at - told_at < 0.25 + SLACK_S
    antre.must_progress(led_at, repaired_at=told_at)
    antre.begin(leader)
    antre.until_ready(leader)
    antre.must_serve(5)


def _refused(antre):
    return sum(1 for answer in antre.platform.of_kind("webhook_answered") if answer.get("status", 0) != 200)


def _revision(antre):
    return value(antre.database_url, "SELECT version_num FROM alembic_version")
