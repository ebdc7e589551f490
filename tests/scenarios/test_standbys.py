"""Postgres fails over to a standby that missed the last commits, or leaves us with a server that is read-only now."""

import time
import uuid

import pytest
from conftest import POSTGRES_SETTINGS

from allocator.adapters.postgres import PostgresLedger
from allocator.ports import StaleTerm, Unavailable
from one_machine.stores import Postgres
from scenarios.found import ONCE, QUIET, STAMP_S, must_be_found, unserved
from support.ledger import value
from support.ledgers import migrated_database
from support.replicas import postgres_service
from support.system import SWEEP_S

FOUND_S = 10 + SWEEP_S
SERVICE_S = [0.3, 1.0]
"""How long conversations last, as elsewhere."""
EVENTS = "SELECT count(*) FROM event"


@pytest.fixture
def postgres_server(store_folder):
    """A primary and a standby behind one address."""
    folder = store_folder / f"postgres-{uuid.uuid4().hex}"
    folder.mkdir(mode=0o755)
    primary = Postgres(folder / "first", settings=POSTGRES_SETTINGS).start()
    primary.schema = migrated_database(primary)
    service = postgres_service(primary, folder)
    yield service
    service.remove()


@pytest.fixture
def ledger_url(postgres_server):
    return postgres_server.url_of(postgres_server.old.schema)


@pytest.mark.case(32, t_s=FOUND_S)
@pytest.mark.system(simulator=QUIET)
def test_postgres_fails_over_to_a_standby_without_the_last_commits(antre):
    """Events whose recording was lost are in no inbox any more: their customers are found by the sweep, at the place
    that they have in the backlog then. Whoever was served from the failover until they were found was not behind them.
    """
    antre.traffic(5)
    antre.must_serve(10)
    antre.postgres.until_in_step()
    antre.postgres.link.fall_silent()
    antre.must_serve(20)
    antre.platform.each("service", service_s=None)
    antre.must("customers wait, for nobody leaves", lambda: antre.platform.waiting() >= 5)
    known, missed, failed_at = value(antre.database_url, EVENTS), unserved(antre), time.time()
    _fail_over(antre.postgres)
    assert value(antre.database_url, EVENTS) < known - 10, "nothing was lost: the scenario shows nothing"
    antre.platform.each("service", service_s=SERVICE_S)
    antre.must_progress(time.time())
    must_be_found(antre, missed, since=failed_at, within_s=FOUND_S)
    found_s = time.time() - failed_at
    antre.must_serve(20)
    antre.must_come_to_rest(tolerance_s=found_s + STAMP_S)


@pytest.mark.case(32, t_s=FOUND_S)
@pytest.mark.system(simulator=QUIET)
def test_the_term_of_a_leader_who_pauses_is_lost_and_given_out_again(antre):
    antre.traffic(5)
    antre.must_serve(10)
    antre.postgres.until_in_step()
    antre.postgres.link.fall_silent()
    term = antre.term()
    antre.redis.execute("DEL", antre.keys.lease)
    antre.must("a new term begins", lambda: antre.term() == term + 1)
    leader = antre.leader()
    antre.must_serve(10)
    failed_at = time.time()
    antre.running[leader].pause()
    _fail_over(antre.postgres)
    assert antre.term() == term
    repaired_at, missed = time.time(), unserved(antre)
    antre.leader(other_than=leader)
    assert antre.term() == term + 1, "the number is not given out again: the scenario shows nothing"
    antre.running[leader].resume()
    antre.must_progress(time.time(), repaired_at=repaired_at)
    must_be_found(antre, missed, since=failed_at, within_s=FOUND_S)
    found_s = time.time() - failed_at
    antre.must_serve(20)
    antre.must_come_to_rest(tolerance_s=found_s + STAMP_S)


@pytest.mark.case(32)
async def test_a_past_leader_cannot_write_by_a_number_that_was_given_out_again(postgres_server, ledger_url):
    past, present = PostgresLedger(ledger_url, 3.0), PostgresLedger(ledger_url, 3.0)
    await past.begin_term("past")
    postgres_server.until_in_step()
    postgres_server.link.fall_silent()
    lost = await past.begin_term("past")
    _fail_over(postgres_server)
    assert await present.begin_term("present") == lost
    with pytest.raises(Unavailable):  # its connection is to the server that is gone
        async with past.transaction(lost):
            pytest.fail("nobody was told that the server is another one")
    with pytest.raises(StaleTerm):
        async with past.transaction(lost):
            pytest.fail("two lead by one number")
    await past.close()
    await present.close()


@pytest.mark.case(33, t_s=5.0)
@pytest.mark.system(simulator=ONCE)
def test_connections_stay_with_a_server_that_is_read_only_now(antre):
    antre.traffic(5)
    antre.must_serve(10)
    antre.postgres.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    antre.postgres.execute("SELECT pg_reload_conf()")
    antre.must("webhooks wait in the inbox", lambda: antre.inbox_length() >= 5)
    antre.postgres.until_in_step()
    antre.postgres.promote()
    antre.postgres.leads_to(antre.postgres.follower, cut=False)
    antre.must_progress(time.time())
    antre.must_serve(10)
    antre.must_come_to_rest()


def _fail_over(service):
    service.primary.kill()
    service.promote()
    service.leads_to(service.follower)
