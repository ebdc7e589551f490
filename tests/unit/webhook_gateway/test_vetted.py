"""Where a durable Redis is required, nothing is acknowledged that it may lose."""

import pytest
from conformance.fake_inbox import FakeInbox
from prometheus_client import CollectorRegistry

from chassis.durability import Durability
from chassis.redis_doubts import EVICTS_LEASE, NO_FILE, SYNCED_EACH_SECOND
from contract import AppId
from webhook_gateway.ports import Entry, Interrupted, NoInbox, Unavailable
from webhook_gateway.vetted import VettedInbox

BATCH = [Entry(app=AppId("demo"), payload=b"1")]


class CandidInbox(FakeInbox):
    """An inbox in memory over connections that break when a test says so, and a server that says what it is told to."""

    def __init__(self):
        super().__init__()
        self.connections = 0
        self.says = ()
        self.asked = 0
        self.breaks_when_asked = False
        self.reconnect = True

    async def append(self, batch):
        if self.reconnect:
            self.connections, self.reconnect = self.connections + 1, False
        await super().append(batch)

    async def doubts(self):
        self.asked += 1
        self.connections += self.breaks_when_asked
        return self.says


@pytest.fixture
def inbox():
    return CandidInbox()


@pytest.fixture
def durability():
    return Durability("Redis", CollectorRegistry(), required=True)


@pytest.fixture
def vetted(inbox, durability):
    return VettedInbox(inbox, durability)


async def test_the_server_of_a_connection_is_asked_once(vetted, inbox):
    for _ in range(3):
        await vetted.append(BATCH)
    assert (len(inbox.batches), inbox.asked) == (3, 1)


async def test_after_a_reconnection_it_is_asked_before_the_first_acknowledgment(vetted, inbox):
    await vetted.append(BATCH)
    inbox.reconnect, inbox.says = True, (SYNCED_EACH_SECOND,)
    with pytest.raises(Unavailable, match=r"Redis is not durable \(appendfsync\)") as refused:
        await vetted.append(BATCH)
    assert refused.value.retry_after_s == 10


async def test_once_a_doubt_is_known_nothing_is_written(vetted, inbox, durability):
    durability.note([NO_FILE])
    with pytest.raises(Unavailable):
        await vetted.append(BATCH)
    assert inbox.attempts == []


async def test_when_the_doubt_is_gone_it_accepts_again_without_being_told(vetted, inbox, durability):
    inbox.says = (NO_FILE,)
    with pytest.raises(Unavailable):
        await vetted.append(BATCH)
    durability.note([])
    await vetted.append(BATCH)


async def test_it_is_not_ready_while_there_is_a_doubt(vetted, durability):
    await vetted.ping()
    durability.note([SYNCED_EACH_SECOND])
    with pytest.raises(Unavailable, match="appendfsync"):
        await vetted.ping()
    durability.note([])
    await vetted.ping()


async def test_a_server_that_does_not_say_is_taken_for_a_broken_connection_and_asked_again(vetted, inbox):
    inbox.says = None
    for _ in range(2):
        with pytest.raises(Interrupted):
            await vetted.append(BATCH)
    inbox.says = ()
    await vetted.append(BATCH)
    assert inbox.asked == 3


async def test_what_another_server_says_vouches_for_nothing(vetted, inbox):
    """The connection broke between the write and the question, which a new one then answered."""
    inbox.breaks_when_asked = True
    with pytest.raises(Interrupted):
        await vetted.append(BATCH)
    inbox.breaks_when_asked = False
    await vetted.append(BATCH)


async def test_what_only_costs_time_stops_nothing(vetted, inbox):
    inbox.says = (EVICTS_LEASE,)
    await vetted.append(BATCH)
    await vetted.ping()


async def test_a_failed_write_fails_as_it_did_before(vetted, inbox):
    inbox.faults = [Unavailable("refused")]
    with pytest.raises(Unavailable, match="refused"):
        await vetted.append(BATCH)
    assert inbox.asked == 0


async def test_an_app_without_an_inbox_vouches_for_nobody_it_came_with(vetted, inbox):
    both = [*BATCH, Entry(app=AppId("spoilt"), payload=b"2")]
    inbox.spoilt.add("spoilt")
    with pytest.raises(NoInbox):
        await vetted.append(both)
    inbox.reconnect, inbox.says = True, (SYNCED_EACH_SECOND,)
    with pytest.raises(Unavailable, match="appendfsync"):
        await vetted.append(both)
