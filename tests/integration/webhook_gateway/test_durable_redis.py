"""What the gateway does about a Redis that may lose what it acknowledged: at the start, and when that shows later."""

import asyncio
import json
import math

import pytest
import redis
from integration.webhook_gateway.talk import ALLOCATION, request, rooms_in, until

from one_machine.stores import Valkey

REQUIRED = {"ANTRE_REQUIRE_DURABLE_REDIS": "true", "ANTRE_LOG_LEVEL": "info"}
SEEN_S = 30.0
"""A change is looked for every five seconds; the machine may be busy."""
DURABLE = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
EVICTS_NOTHING = {"maxmemory": "0", "maxmemory-policy": "noeviction"}
WEAK = [
    ({"appendfsync": "everysec"}, "appendfsync", "set appendfsync to always"),
    ({"appendfsync": "no"}, "appendfsync", "set appendfsync to always"),
    ({"appendonly": "no"}, "appendonly", "set appendonly to yes"),
    ({"no-appendfsync-on-rewrite": "yes"}, "no-appendfsync-on-rewrite", "set no-appendfsync-on-rewrite to no"),
    ({"maxmemory": "500mb", "maxmemory-policy": "allkeys-lru"}, "eviction", "set maxmemory-policy to noeviction"),
    ({"maxmemory": "500mb", "maxmemory-policy": "volatile-lru"}, "lease-eviction", "to noeviction"),
]
IDS = [",".join(settings.values()) for settings, _, _ in WEAK]


@pytest.fixture
def configure(store):
    """Changes settings of Redis; they are as they were after the test."""

    def change(**settings):
        for name, value in settings.items():
            store.config_set(name, value)

    yield change
    change(**DURABLE, **EVICTS_NOTHING)


@pytest.fixture
def hidden_url(store, redis_server):
    """Redis as somebody sees it who may not ask for its settings."""
    store.acl_setuser("guest", enabled=True, nopass=True, keys=["*"], channels=["*"], commands=["+@all", "-config"])
    yield f"redis://guest:any@127.0.0.1:{redis_server.port}"
    store.acl_deluser("guest")


@pytest.fixture
def renamed_url(store_folder):
    """A server that does not know the command CONFIG, as hosted ones have it."""
    file = store_folder / "renamed.conf"
    file.write_text('rename-command CONFIG ""\n')
    server = Valkey(store_folder / "renamed", settings={"include": str(file)})
    yield server.start().url
    server.remove()


def warnings(gateway):
    lines = [json.loads(line) for line in gateway.running.output.splitlines()]
    return [line for line in lines if line["event"] == "not_durable"]


class TestAtTheStart:
    @pytest.mark.parametrize("weak", WEAK, ids=IDS)
    async def test_it_warns_and_shows_it_and_serves(self, start, store, configure, weak):
        settings, reason, remedy = weak
        configure(**settings)
        gateway = start()
        (line,) = warnings(gateway)
        assert (line["level"], line["store"], line["reason"]) == ("warning", "Redis", reason)
        assert remedy in line["remedy"]
        assert gateway.metric("antre_redis_durable") == 0
        assert gateway.metric(f'antre_redis_doubts{{reason="{reason}"}}') == 1
        assert (await gateway.waits("1", ALLOCATION)).status == 200
        assert rooms_in(store) == ["1"]

    @pytest.mark.parametrize(("settings", "reason", "remedy"), WEAK, ids=IDS)
    def test_required_it_refuses_in_one_sentence_that_says_what_to_do(self, start, configure, settings, reason, remedy):
        configure(**settings)
        running = start(ready=False, **REQUIRED).running
        assert running.wait(timeout_s=60) == 2
        (sentence,) = running.output.splitlines()
        assert sentence.startswith("webhook-gateway: ANTRE_REQUIRE_DURABLE_REDIS is true, but Redis may lose what it")
        assert remedy in sentence

    @pytest.mark.parametrize("url", ["hidden_url", "renamed_url"])
    def test_of_a_server_that_hides_its_settings_it_says_that_it_cannot_know(self, start, request, url):
        gateway = start(REDIS_URL=request.getfixturevalue(url))
        (line,) = warnings(gateway)
        assert line["reason"] == "hidden"
        assert "cannot be known" in line["meaning"]
        assert math.isnan(gateway.metric("antre_redis_durable"))

    @pytest.mark.parametrize("url", ["hidden_url", "renamed_url"])
    def test_required_it_refuses_a_server_that_hides_its_settings(self, start, request, url):
        running = start(ready=False, REDIS_URL=request.getfixturevalue(url), **REQUIRED).running
        assert running.wait(timeout_s=60) == 2
        assert "+config|get" in running.output
        assert len(running.output.splitlines()) == 1

    def test_of_a_server_that_hides_its_settings_it_still_sees_what_info_shows(self, start, configure, hidden_url):
        configure(appendonly="no")
        gateway = start(REDIS_URL=hidden_url)
        assert [line["reason"] for line in warnings(gateway)] == ["appendonly"]
        assert gateway.metric("antre_redis_durable") == 0

    async def test_a_durable_one_is_no_news_required_or_not(self, start):
        for environment in ({}, REQUIRED):
            gateway = start(**environment)
            assert warnings(gateway) == []
            assert gateway.metric("antre_redis_durable") == 1
            assert (await gateway.waits("1", ALLOCATION)).status == 200
            assert (await gateway.raw(request("GET", "/readyz"))).status == 200


class TestLater:
    async def test_a_setting_that_is_changed_shows_in_the_metric_and_so_does_its_return(self, start, configure):
        gateway = start()
        configure(appendfsync="everysec")
        await until(lambda: gateway.metric("antre_redis_durable") == 0, SEEN_S)
        assert [line["reason"] for line in warnings(gateway)] == ["appendfsync"]
        assert (await gateway.waits("1", ALLOCATION)).status == 200
        configure(appendfsync="always")
        await until(lambda: gateway.metric("antre_redis_durable") == 1, SEEN_S)
        assert '"durable_again"' in gateway.running.output

    async def test_required_nothing_is_accepted_any_more_until_it_is_durable_again(self, start, store, configure):
        gateway = start(**REQUIRED)
        configure(appendfsync="no")
        await until(lambda: gateway.metric("antre_redis_durable") == 0, SEEN_S)
        refused = await gateway.waits("during", ALLOCATION)
        assert (refused.status, refused.headers["retry-after"]) == (503, "10")
        assert "Redis is not durable (appendfsync)" in refused.problem["detail"]
        assert (await gateway.raw(request("GET", "/readyz"))).status == 503
        assert (await gateway.raw(request("GET", "/livez"))).status == 200
        assert rooms_in(store) == []
        configure(appendfsync="always")
        await until(lambda: gateway.metric("antre_redis_durable") == 1, SEEN_S)
        assert (await gateway.waits("after", ALLOCATION)).status == 200
        assert (await gateway.raw(request("GET", "/readyz"))).status == 200

    async def test_required_a_server_that_came_back_weaker_gets_no_webhook_acknowledged_not_even_the_first(
        self, start, store_folder
    ):
        durable = Valkey(store_folder / "weaker").start()
        weaker = Valkey(store_folder / "weaker", port=durable.port, settings={"appendfsync": "everysec"})
        try:
            gateway = start(REDIS_URL=durable.url, **REQUIRED)
            assert (await gateway.waits("before", ALLOCATION)).status == 200
            durable.stop()
            await asyncio.to_thread(weaker.start)
            assert (await gateway.waits("after", ALLOCATION)).status == 503
            assert gateway.metric("antre_redis_durable") == 0
        finally:
            durable.kill()
            weaker.remove()

    async def test_required_only_what_may_lose_webhooks_stops_them(self, start, configure):
        gateway = start(**REQUIRED)
        configure(maxmemory="500mb", **{"maxmemory-policy": "volatile-lru"})
        await until(lambda: gateway.metric("antre_redis_durable") == 0, SEEN_S)
        assert (await gateway.waits("1", ALLOCATION)).status == 200
        assert (await gateway.raw(request("GET", "/readyz"))).status == 200

    async def test_a_server_that_was_away_at_the_start_is_asked_as_soon_as_it_is_there(self, start, store_folder):
        server = Valkey(store_folder / "late", settings={"appendfsync": "no"}).start()
        server.kill()
        try:
            gateway = start(REDIS_URL=server.url, **REQUIRED)
            assert math.isnan(gateway.metric("antre_redis_durable"))
            assert (await gateway.waits("before", ALLOCATION)).status == 503
            await asyncio.to_thread(server.start)
            assert (await gateway.waits("first", ALLOCATION)).status == 503
            await until(lambda: gateway.metric("antre_redis_durable") == 0, SEEN_S)
            with redis.Redis.from_url(server.url) as client:
                client.config_set("appendfsync", "always")
            await until(lambda: gateway.metric("antre_redis_durable") == 1, SEEN_S)
            assert (await gateway.waits("after", ALLOCATION)).status == 200
        finally:
            server.remove()
