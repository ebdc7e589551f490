"""What the settings of a Redis mean for what it acknowledged."""

import pytest

from chassis.redis_doubts import (
    EVICTS_ALL,
    EVICTS_LEASE,
    HIDDEN,
    NEVER_SYNCED,
    NO_FILE,
    NOT_SYNCED_MEANWHILE,
    SYNCED_EACH_SECOND,
    judge,
    redis_doubts,
)

DURABLE = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
}
FULL = {"maxmemory": "1048576"}


@pytest.mark.parametrize(
    ("changes", "doubts"),
    [
        ({}, ()),
        ({"appendonly": "no"}, (NO_FILE,)),
        ({"appendonly": "no", "appendfsync": "no"}, (NO_FILE,)),
        ({"appendfsync": "everysec"}, (SYNCED_EACH_SECOND,)),
        ({"appendfsync": "no"}, (NEVER_SYNCED,)),
        ({"no-appendfsync-on-rewrite": "yes"}, (NOT_SYNCED_MEANWHILE,)),
        (FULL, ()),
        ({"maxmemory-policy": "allkeys-lru"}, ()),
        (FULL | {"maxmemory-policy": "allkeys-lru"}, (EVICTS_ALL,)),
        (FULL | {"maxmemory-policy": "allkeys-random"}, (EVICTS_ALL,)),
        (FULL | {"maxmemory-policy": "volatile-lru"}, (EVICTS_LEASE,)),
        (FULL | {"maxmemory-policy": "volatile-ttl"}, (EVICTS_LEASE,)),
        (FULL | {"maxmemory-policy": "of a time to come"}, (EVICTS_ALL,)),
        (FULL | {"maxmemory-policy": "allkeys-lfu", "appendfsync": "no"}, (NEVER_SYNCED, EVICTS_ALL)),
    ],
)
def test_each_setting_gives_reason_for_its_doubt(changes, doubts):
    assert judge(DURABLE | changes) == doubts


@pytest.mark.parametrize("missing", ["appendonly", "appendfsync", "maxmemory", "maxmemory-policy"])
def test_what_is_not_said_cannot_be_known(missing):
    said = {name: value for name, value in DURABLE.items() if name != missing}
    assert judge(said) == (HIDDEN,)


def test_a_server_too_old_to_know_a_setting_is_not_held_to_it():
    assert judge({name: value for name, value in DURABLE.items() if name != "no-appendfsync-on-rewrite"}) == ()


def test_only_what_is_not_said_at_all_is_not_known_and_only_the_lease_is_no_event():
    doubts = (NO_FILE, SYNCED_EACH_SECOND, NEVER_SYNCED, NOT_SYNCED_MEANWHILE, EVICTS_ALL, EVICTS_LEASE, HIDDEN)
    assert [doubt for doubt in doubts if not doubt.is_known] == [HIDDEN]
    assert [doubt for doubt in doubts if not doubt.loses_events] == [EVICTS_LEASE]


def server(config=None, info=None):
    """What answers our two questions; None: refused."""
    asked = []

    async def run(*words):
        asked.append(words[0])
        return {"CONFIG GET": config, "INFO": info}[words[0]]

    run.asked = asked
    return run


async def test_a_server_that_tells_its_settings_is_asked_nothing_else():
    run = server(DURABLE)
    assert await redis_doubts(run) == ()
    assert run.asked == ["CONFIG GET"]


async def test_names_and_values_may_be_bytes():
    assert await redis_doubts(server({name.encode(): value.encode() for name, value in DURABLE.items()})) == ()


@pytest.mark.parametrize(
    ("info", "doubts"),
    [
        (None, (HIDDEN,)),
        ({}, (HIDDEN,)),
        ({"aof_enabled": 1, "maxmemory": 0, "maxmemory_policy": "noeviction"}, (HIDDEN,)),
        ({"aof_enabled": 0, "maxmemory": 0, "maxmemory_policy": "noeviction"}, (NO_FILE,)),
        ({"aof_enabled": 1, "maxmemory": 9, "maxmemory_policy": "volatile-lru"}, (EVICTS_LEASE, HIDDEN)),
        ({"aof_enabled": 0, "maxmemory": 9, "maxmemory_policy": "allkeys-lru"}, (NO_FILE, EVICTS_ALL)),
    ],
)
async def test_of_a_server_that_hides_its_settings_info_tells_some(info, doubts):
    assert await redis_doubts(server(None, info)) == doubts


async def test_what_a_server_leaves_out_of_its_settings_is_looked_up_in_info():
    said = {"appendonly": "yes", "appendfsync": "always"}
    info = {"aof_enabled": 0, "maxmemory": 0, "maxmemory_policy": "noeviction"}
    assert await redis_doubts(server(said, info)) == ()


async def test_an_answer_of_another_shape_tells_nothing():
    assert await redis_doubts(server(["appendonly", "yes"], "OK")) == (HIDDEN,)
