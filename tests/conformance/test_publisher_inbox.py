"""What the publisher may expect of an inbox: the one in memory and the one in Redis alike."""

import asyncio

import pytest
import redis
from conformance.fake_inbox import FakeInbox

from contract import AppId, Keys
from webhook_gateway.inbox import RedisInbox
from webhook_gateway.ports import Entry, NoInbox, Unavailable

ONE, TWO = AppId("one"), AppId("two")


class InMemory:
    """The fake and how to look at it and hurt it."""

    def __init__(self):
        self.inbox = FakeInbox()
        self.payloads = self.inbox.payloads

    def refuse(self):
        self.inbox.faults = [Unavailable("refused")] * 2

    def accept(self):
        self.inbox.faults = []

    def spoil(self, app):
        self.inbox.spoilt.add(app)

    def mend(self, app):
        self.inbox.spoilt.discard(app)

    def hang(self):
        self.inbox.gate.clear()

    def go_on(self):
        self.inbox.gate.set()

    async def close(self):
        """Nothing is open."""


class InRedis:
    """The real one and how to look at it and hurt it."""

    def __init__(self, url, server):
        self.inbox = RedisInbox(url, Keys("conformance"), timeout_s=5.0)
        self.server = server
        self.redis = redis.Redis.from_url(url)

    def payloads(self, app):
        return [fields[b"event"] for _, fields in self.redis.xrange(Keys("conformance").inbox(app))]

    def refuse(self):
        self.redis.config_set("maxmemory", "1")

    def accept(self):
        self.redis.config_set("maxmemory", "0")

    def spoil(self, app):
        self.redis.set(Keys("conformance").inbox(app), "by hand")

    def mend(self, app):
        self.redis.delete(Keys("conformance").inbox(app))

    def hang(self):
        self.server.pause()

    def go_on(self):
        self.server.resume()

    async def close(self):
        await self.inbox.close()
        self.redis.close()


@pytest.fixture(params=["memory", "redis"])
async def case(request):
    if request.param == "memory":
        made = InMemory()
    else:
        made = InRedis(request.getfixturevalue("redis_url"), request.getfixturevalue("redis_server"))
    yield made
    await made.close()


def entries(app, *payloads):
    return [Entry(app=app, payload=payload) for payload in payloads]


async def test_a_batch_is_kept_in_its_order(case):
    await case.inbox.append(entries(ONE, b"1", b"2", b"3"))
    await case.inbox.append(entries(ONE, b"4"))
    assert case.payloads(ONE) == [b"1", b"2", b"3", b"4"]


async def test_each_app_has_an_inbox_of_its_own(case):
    await case.inbox.append([*entries(ONE, b"1"), *entries(TWO, b"2"), *entries(ONE, b"3")])
    assert case.payloads(ONE) == [b"1", b"3"]
    assert case.payloads(TWO) == [b"2"]


async def test_any_bytes_are_kept_as_they_are(case):
    payloads = [bytes(range(256)), b"", b"\r\n", "𰹧䄧".encode()]
    await case.inbox.append(entries(ONE, *payloads))
    assert case.payloads(ONE) == payloads


async def test_a_large_batch_is_kept_whole(case):
    payloads = [b"%d" % number for number in range(5_000)]
    await case.inbox.append(entries(ONE, *payloads))
    assert case.payloads(ONE) == payloads


async def test_the_same_batch_again_is_kept_again(case):
    # Whoever records it counts it once, by the id of the event.
    for _ in range(2):
        await case.inbox.append(entries(ONE, b"1"))
    assert case.payloads(ONE) == [b"1", b"1"]


async def test_what_is_refused_is_unavailable_and_nothing_of_it_is_kept(case):
    case.refuse()
    try:
        with pytest.raises(Unavailable) as caught:
            await case.inbox.append(entries(ONE, b"canary", b"2"))
    finally:
        case.accept()
    assert caught.value.retry_after_s >= 1
    assert "canary" not in caught.value.reason
    assert case.payloads(ONE) == []
    await case.inbox.append(entries(ONE, b"3"))
    assert case.payloads(ONE) == [b"3"]


async def test_an_app_whose_inbox_is_something_else_by_hand_holds_up_no_other(case):
    case.spoil(ONE)
    with pytest.raises(NoInbox) as caught:
        await case.inbox.append([*entries(TWO, b"1"), *entries(ONE, b"2", b"3"), *entries(TWO, b"4")])
    assert set(caught.value.apps) == {ONE}
    assert case.payloads(TWO) == [b"1", b"4"]
    case.mend(ONE)
    await case.inbox.append(entries(ONE, b"5"))
    assert case.payloads(ONE) == [b"5"]


async def test_a_caller_who_gives_up_leaves_an_inbox_that_works(case):
    case.hang()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(case.inbox.append(entries(ONE, b"1")), 0.1)
    case.go_on()
    await case.inbox.append(entries(ONE, b"2"))
    assert case.payloads(ONE)[-1] == b"2"


async def test_it_answers_a_ping(case):
    await case.inbox.ping()
    await asyncio.gather(*(case.inbox.ping() for _ in range(20)))
