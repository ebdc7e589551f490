"""What the allocator does about stores that may lose what they acknowledged: at the start, and later."""

import json
import math
import time
import urllib.error
import urllib.request

import pytest
import redis

from allocator.adapters.postgres import PostgresLedger
from one_machine.stores import Postgres
from support import free_port
from support.ledgers import migrated_database

REQUIRE_REDIS = {"ANTRE_REQUIRE_DURABLE_REDIS": "true"}
REQUIRE_POSTGRES = {"ANTRE_REQUIRE_DURABLE_POSTGRES": "true"}
SEEN_S = 40.0


class Started:
    """An allocator, and its port for those who look after it."""

    def __init__(self, running, port):
        self.running, self.port = running, port

    def get(self, path):
        """Status and text."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def figure(self, name):
        """A figure of ours; None: it is not there."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(f"{name} "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def told(self, event):
        """The lines of its log about an event."""
        lines = [json.loads(line) for line in self.running.output.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def environment(redis_url, schema_url):
    return {
        "DATABASE_URL": schema_url,
        "REDIS_URL": redis_url,
        "QISCUS_APP_ID": "demo",
        "QISCUS_SECRET_KEY": "canary-secret-0001",
        "QISCUS_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "ANTRE_METRICS_HOST": "127.0.0.1",
    }


@pytest.fixture
def launch(processes, environment):
    """Starts allocators, whether they come up or not."""

    def start(**changes):
        port = free_port()
        env = environment | {"ANTRE_METRICS_PORT": str(port)} | changes
        return Started(processes.start("allocator", "allocate", env=env), port)

    return start


@pytest.fixture
def allocate(launch):
    """Starts allocators that come up."""

    def start(**changes):
        made = launch(**changes)
        made.running.wait_ready(f"http://127.0.0.1:{made.port}/livez", timeout_s=60)
        return made

    return start


@pytest.fixture
def configure(redis_url):
    """Changes settings of Redis; they are as they were after the test."""
    with redis.Redis.from_url(redis_url) as client:

        def change(**settings):
            for name, value in settings.items():
                client.config_set(name, value)

        yield change
        change(appendonly="yes", appendfsync="always", maxmemory="0", **{"maxmemory-policy": "noeviction"})


@pytest.fixture(scope="module")
def durable_postgres(store_folder):
    """A server that loses nothing; that of the other tests does not sync."""
    server = Postgres(store_folder / "durable-postgres")
    yield server.start()
    server.remove()


@pytest.fixture
def durable_url(durable_postgres):
    """A database with our schema on that server, which is durable again after the test."""
    name = migrated_database(durable_postgres)
    yield durable_postgres.url_of(name)
    durable_postgres.drop_database(name)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        durable_postgres.execute(f"ALTER SYSTEM RESET {setting}")
    durable_postgres.execute("SELECT pg_reload_conf()")


def switch_off(server, setting):
    """On a running server; returns when new sessions see it."""
    server.execute(f"ALTER SYSTEM SET {setting} = off")
    server.execute("SELECT pg_reload_conf()")
    until(lambda: server.execute(f"SHOW {setting}") == "off")


def until(fact, *, timeout_s=SEEN_S):
    give_up_at = time.monotonic() + timeout_s
    while not fact():
        assert time.monotonic() < give_up_at, f"not in {timeout_s} s"
        time.sleep(0.05)


class TestRedis:
    def test_it_warns_and_shows_it_and_leads(self, allocate, configure):
        configure(appendfsync="everysec")
        started = allocate()
        until(lambda: started.figure("antre_redis_durable") == 0)
        (line,) = [line for line in started.told("not_durable") if line["store"] == "Redis"]
        assert (line["level"], line["reason"]) == ("warning", "appendfsync")
        until(lambda: started.figure("antre_leader") == 1)
        assert started.get("/readyz") == (200, "ok\n")

    @pytest.mark.parametrize(
        ("settings", "remedy"),
        [
            ({"appendfsync": "everysec"}, "set appendfsync to always"),
            ({"appendonly": "no"}, "set appendonly to yes"),
            ({"maxmemory": "500mb", "maxmemory-policy": "allkeys-lfu"}, "set maxmemory-policy to noeviction"),
            ({"maxmemory": "500mb", "maxmemory-policy": "volatile-ttl"}, "set maxmemory-policy to noeviction"),
        ],
        ids=str,
    )
    def test_required_it_refuses_to_start(self, launch, configure, settings, remedy):
        configure(**settings)
        started = launch(**REQUIRE_REDIS)
        assert started.running.wait(timeout_s=60) == 2
        (sentence,) = started.running.output.splitlines()
        assert sentence.startswith("allocator: ANTRE_REQUIRE_DURABLE_REDIS is true, but Redis may lose what it")
        assert remedy in sentence

    def test_of_a_server_that_hides_its_settings_it_says_that_it_cannot_know(self, allocate, launch, redis_url):
        with redis.Redis.from_url(redis_url) as client:
            client.acl_setuser("guest", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config", "-info"])
            url = redis_url.replace("redis://", "redis://guest:any@")
            started = allocate(REDIS_URL=url)
            until(lambda: "hidden" in [line["reason"] for line in started.told("not_durable")])
            assert math.isnan(started.figure("antre_redis_durable"))
            refused = launch(REDIS_URL=url, **REQUIRE_REDIS)
            assert refused.running.wait(timeout_s=60) == 2
            client.acl_deluser("guest")

    def test_required_and_weak_later_it_says_so_and_goes_on(self, allocate, configure):
        started = allocate(**REQUIRE_REDIS)
        until(lambda: started.figure("antre_leader") == 1)
        configure(appendfsync="no")
        until(lambda: started.get("/readyz") == (503, "Redis is not durable (appendfsync)\n"))
        assert started.figure("antre_redis_durable") == 0
        assert started.figure("antre_leader") == 1
        assert started.get("/livez")[0] == 200
        configure(appendfsync="always")
        until(lambda: started.get("/readyz") == (200, "ok\n"))
        assert started.figure("antre_redis_durable") == 1

    def test_a_server_that_is_away_at_the_start_refuses_nothing_and_is_asked_when_it_is_there(
        self, allocate, redis_server
    ):
        redis_server.kill()
        started = allocate(**REQUIRE_REDIS)
        assert math.isnan(started.figure("antre_redis_durable"))
        redis_server.start()
        until(lambda: started.figure("antre_redis_durable") == 1)


class TestPostgres:
    def test_one_that_does_not_sync_is_warned_of_and_shown(self, allocate):
        started = allocate()
        until(lambda: started.figure("antre_postgres_durable") == 0)
        (line,) = [line for line in started.told("not_durable") if line["store"] == "Postgres"]
        assert (line["level"], line["reason"]) == ("warning", "fsync")
        assert started.figure('antre_postgres_doubts{reason="fsync"}') == 1

    def test_required_it_refuses_one_that_does_not_sync(self, launch):
        started = launch(**REQUIRE_POSTGRES)
        assert started.running.wait(timeout_s=60) == 2
        (sentence,) = started.running.output.splitlines()
        assert sentence.startswith("allocator: ANTRE_REQUIRE_DURABLE_POSTGRES is true, but Postgres may lose what it")
        assert "set fsync to on" in sentence

    def test_a_durable_one_is_no_news(self, allocate, durable_url):
        started = allocate(DATABASE_URL=durable_url, **REQUIRE_POSTGRES, **REQUIRE_REDIS)
        until(lambda: started.figure("antre_postgres_durable") == 1)
        until(lambda: started.figure("antre_redis_durable") == 1)
        assert started.told("not_durable") == []

    @pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
    def test_a_setting_that_is_changed_later_shows_and_makes_it_not_ready_and_it_goes_on(
        self, allocate, durable_url, durable_postgres, setting
    ):
        started = allocate(DATABASE_URL=durable_url, **REQUIRE_POSTGRES)
        until(lambda: started.figure("antre_leader") == 1)
        switch_off(durable_postgres, setting)
        until(lambda: started.get("/readyz") == (503, f"Postgres is not durable ({setting})\n"))
        assert started.figure("antre_postgres_durable") == 0
        assert started.figure("antre_leader") == 1

    def test_what_the_server_commits_without_waiting_our_sessions_wait_for(
        self, allocate, durable_url, durable_postgres
    ):
        switch_off(durable_postgres, "synchronous_commit")
        started = allocate(DATABASE_URL=durable_url, **REQUIRE_POSTGRES)
        until(lambda: started.figure("antre_postgres_durable") == 1)

    @pytest.mark.parametrize(
        ("of_the_database", "ours"), [("off", "on"), ("on", "on"), ("local", "local"), ("remote_apply", "remote_apply")]
    )
    async def test_our_sessions_switch_on_what_is_off_and_leave_the_rest(
        self, schema_url, postgres_server, of_the_database, ours
    ):
        name = schema_url.rsplit("/", 1)[1]
        postgres_server.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = {of_the_database}')
        ledger = PostgresLedger(schema_url, 3.0)
        try:
            for _ in range(2):  # the second in a transaction of a connection that was used
                async with ledger._connection() as connection:
                    (row,) = await connection.rows("SHOW synchronous_commit")
                    assert row.synchronous_commit == ours
            assert "synchronous_commit" not in [doubt.reason for doubt in await ledger.doubts()]
        finally:
            await ledger.close()
