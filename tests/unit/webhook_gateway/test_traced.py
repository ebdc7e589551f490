"""The traces of webhooks: whose trace, and what it says of how the write went."""

import pytest

from chassis.traces import place_of
from contract import AppId, EventId, RoomId, RoomWaiting
from webhook_gateway.ports import Unavailable
from webhook_gateway.traced import publish_traced

EVENT = RoomWaiting(
    id=EventId("0190163d8694739bae5b0b1a2c3d4e5f"), app=AppId("demo"), room=RoomId("7"), received_ms=0, source="wa"
)
CALLER = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Told:
    """Both a tracer and a publisher."""

    def __init__(self, error=None):
        self.spans, self.events, self.error = [], [], error

    def tell(self, span):
        self.spans.append(span)

    async def publish(self, event):
        self.events.append(event)
        if self.error is not None:
            raise self.error


async def sent(*headers, told=None):
    told = told or Told()
    await publish_traced(told, told.publish, EVENT, headers, 1)
    return told


async def test_the_event_takes_along_the_place_that_the_webhook_has():
    told = await sent()
    durable, webhook = told.spans
    assert place_of(told.events[0].trace) == webhook.place == durable.parent
    assert webhook.parent is None
    assert (webhook.began_ns, webhook.outcome, webhook.app, webhook.room) == (1, "accepted", "demo", "7")
    assert told.events[0].v == "1.1"


async def test_each_webhook_without_a_caller_begins_a_trace_of_its_own():
    told = Told()
    for _ in range(2):
        await sent(told=told)
    assert len({one.trace for one in told.events}) == 2


async def test_a_callers_trace_is_gone_on_with():
    told = await sent((b"host", b"x"), (b"traceparent", CALLER))
    assert told.spans[1].parent == place_of(CALLER.decode())
    assert place_of(told.events[0].trace).trace == told.spans[1].parent.trace


async def test_where_the_caller_does_not_keep_its_trace_there_is_none():
    told = await sent((b"traceparent", CALLER[:-2] + b"00"))
    assert told.spans == []
    assert told.events == [EVENT]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"traceparent", b"Jane Doe")],
        [(b"traceparent", CALLER + b"-" + b"x" * 10_000)],
        [(b"traceparent", b"\xff" * 55)],
        [(b"traceparent", CALLER), (b"traceparent", CALLER)],
    ],
)
async def test_a_trace_parent_that_is_none_begins_a_new_trace(headers):
    told = await sent(*headers)
    assert told.spans[1].parent is None
    assert b"Jane" not in told.events[0].trace.encode()


async def test_a_write_that_failed_is_told_of_as_such():
    told = Told(Unavailable("redis is away"))
    with pytest.raises(Unavailable):
        await sent(told=told)
    assert {one.outcome for one in told.spans} == {"unavailable"}
