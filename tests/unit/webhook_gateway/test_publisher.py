"""Group commit: what goes together, what is bounded, and who hears of what went wrong."""

import asyncio

import pytest
from conformance.fake_inbox import FakeInbox

from contract import AppId, EventId, RoomId, RoomResolved, decode
from webhook_gateway.ports import Interrupted, Overloaded, Unavailable
from webhook_gateway.publisher import Limits, Publisher, Watch

LIMITS = Limits(batch_max=3, pending_max=8, timeout_s=0.2)


def rooms(inbox):
    return [[decode(entry.payload).room for entry in batch] for batch in inbox.batches]


def flat(inbox):
    return [room for batch in rooms(inbox) for room in batch]


def event(room, app="a"):
    return RoomResolved(
        id=EventId("0190163d8694739bae5b0b1a2c3d4e5f"), app=AppId(app), room=RoomId(str(room)), received_ms=1
    )


def start(publisher, *rooms):
    return [asyncio.create_task(publisher.publish(event(room))) for room in rooms]


async def settle(times=20):
    for _ in range(times):
        await asyncio.sleep(0)


async def outcomes(tasks):
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def inbox():
    return FakeInbox()


@pytest.fixture
async def publisher(inbox):
    return Publisher(inbox, LIMITS)


async def test_an_event_that_comes_alone_is_written_at_once(inbox, publisher):
    await asyncio.wait_for(publisher.publish(event(1)), 0.05)
    assert rooms(inbox) == [["1"]]
    assert publisher.pending == 0


async def test_what_comes_while_a_write_is_in_flight_goes_together_in_the_next(inbox, publisher):
    inbox.gate.clear()
    tasks = start(publisher, 1)
    await settle()
    tasks += start(publisher, 2, 3)
    await settle()
    inbox.gate.set()
    await outcomes(tasks)
    assert rooms(inbox) == [["1"], ["2", "3"]]
    assert inbox.most_at_once == 1


async def test_after_a_slow_write_those_who_come_right_after_it_go_with_those_who_came_during_it(inbox):
    """Or senders who wait for their answer before they send again would fall apart into two halves that take turns."""
    publisher = Publisher(inbox, Limits(batch_max=10, pending_max=20, timeout_s=2.0))
    inbox.gate.clear()
    tasks = start(publisher, 1, 2)
    await settle()
    tasks += start(publisher, 3)
    await asyncio.sleep(0.05)
    inbox.gate.set()
    await outcomes(tasks[:1])
    tasks += start(publisher, 1, 2)
    await outcomes(tasks)
    assert rooms(inbox) == [["1", "2"], ["3", "1", "2"]]


async def test_after_a_quick_write_nobody_is_waited_for(inbox, publisher):
    tasks = start(publisher, 1, 2)
    await settle()
    tasks += start(publisher, 3)
    await settle()
    assert rooms(inbox) == [["1", "2"], ["3"]]
    await outcomes(tasks)


async def test_the_order_is_that_of_arrival_and_no_batch_is_larger_than_its_bound(inbox, publisher):
    await outcomes(start(publisher, *range(1, 9)))
    assert flat(inbox) == [str(room) for room in range(1, 9)]
    assert [len(batch) for batch in inbox.batches] == [3, 3, 2]


async def test_a_caller_hears_only_when_its_own_batch_is_durable(inbox, publisher):
    inbox.gate.clear()
    (first,) = start(publisher, 1)
    await settle()
    assert not first.done()
    inbox.gate.set()
    await first


async def test_beyond_the_bound_the_answer_is_no_and_those_who_wait_are_not_hurt(inbox, publisher):
    inbox.gate.clear()
    tasks = start(publisher, *range(8))
    await settle()
    assert publisher.pending == 8
    with pytest.raises(Overloaded):
        await publisher.publish(event(9))
    inbox.gate.set()
    assert await outcomes(tasks) == [None] * 8
    await publisher.publish(event(10))


async def test_a_batch_that_fails_fails_for_exactly_its_callers(inbox, publisher):
    inbox.faults = [None, Unavailable("full", retry_after_s=5), None]
    inbox.gate.clear()
    tasks = start(publisher, 1)
    await settle()
    tasks += start(publisher, 2, 3, 4, 5)
    await settle()
    inbox.gate.set()
    results = await outcomes(tasks)
    assert [isinstance(result, Unavailable) for result in results] == [False, True, True, True, False]
    assert {result.retry_after_s for result in results if result} == {5}
    assert flat(inbox) == ["1", "5"]


async def test_a_connection_that_was_closed_while_idle_is_nobodys_business(inbox, publisher):
    inbox.faults = [Interrupted("closed")]
    await publisher.publish(event(1))
    assert rooms(inbox) == [["1"]]
    assert len(inbox.attempts) == 2


async def test_the_repetition_is_of_the_very_same_entries(inbox, publisher):
    inbox.faults = [Interrupted("reply lost"), Interrupted("reply lost")]
    await outcomes(start(publisher, 1, 2))
    assert inbox.attempts[0] == inbox.attempts[1] == inbox.attempts[2] == inbox.batches[0]


async def test_a_store_that_stays_away_is_given_up_within_the_limit(inbox, publisher):
    inbox.faults = [Interrupted("away")] * 100
    clock = asyncio.get_running_loop().time
    started = clock()
    with pytest.raises(Unavailable):
        await publisher.publish(event(1))
    assert clock() - started < LIMITS.timeout_s + 0.1
    assert len(inbox.attempts) < 10


async def test_other_faults_are_not_tried_again(inbox, publisher):
    inbox.faults = [Unavailable("read-only")]
    with pytest.raises(Unavailable, match="read-only"):
        await publisher.publish(event(1))
    assert len(inbox.attempts) == 1


async def test_a_store_that_does_not_answer_is_given_up_and_the_next_event_goes_through(inbox, publisher):
    inbox.gate.clear()
    results = await asyncio.wait_for(outcomes(start(publisher, 1, 2)), LIMITS.timeout_s + 0.2)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    inbox.gate.set()
    await publisher.publish(event(3))
    assert flat(inbox) == ["3"]


async def test_nobody_waits_longer_than_the_limit_behind_a_slow_write(inbox, publisher):
    loop = asyncio.get_running_loop()
    inbox.gate.clear()
    first = start(publisher, 1)
    await asyncio.sleep(LIMITS.timeout_s / 2)
    started = loop.time()
    second = start(publisher, 2)
    results = await outcomes(first + second)
    assert loop.time() - started < LIMITS.timeout_s + 0.1
    assert [type(result) for result in results] == [Unavailable, Unavailable]


async def test_an_event_that_was_given_up_before_its_turn_is_not_written(inbox):
    publisher = Publisher(inbox, Limits(batch_max=1, pending_max=8, timeout_s=0.1))
    inbox.gate.clear()
    blocked = start(publisher, 1)
    await settle()
    late = start(publisher, 2)
    await settle()
    late[0].cancel()
    await settle()
    inbox.gate.set()
    await outcomes(blocked + late)
    await publisher.publish(event(3))
    assert flat(inbox) == ["1", "3"]


async def test_a_caller_who_leaves_takes_nobody_with_them(inbox, publisher):
    inbox.gate.clear()
    tasks = start(publisher, 1, 2, 3)
    await settle()
    tasks[1].cancel()
    await settle()
    inbox.gate.set()
    results = await outcomes(tasks)
    assert results[0] is results[2] is None
    assert isinstance(results[1], asyncio.CancelledError)
    assert flat(inbox) == ["1", "2", "3"]  # it was on its way already
    assert publisher.pending == 0


async def test_a_bug_costs_one_batch(inbox, publisher):
    inbox.faults = [ZeroDivisionError("jane@example.com")]
    with pytest.raises(Unavailable, match="ZeroDivisionError") as caught:
        await publisher.publish(event(1))
    assert "jane" not in str(caught.value)
    await publisher.publish(event(2))


async def test_draining_waits_for_all_that_was_given(inbox, publisher):
    inbox.gate.clear()
    tasks = start(publisher, *range(5))
    await settle()
    draining = asyncio.create_task(publisher.drain())
    await settle()
    assert not draining.done()
    inbox.gate.set()
    await draining
    assert len(flat(inbox)) == 5
    await outcomes(tasks)
    await publisher.drain()


async def test_who_watches_hears_of_batches(inbox):
    committed, failed = [], []
    publisher = Publisher(
        inbox,
        LIMITS,
        Watch(committed=lambda size, seconds: committed.append((size, seconds >= 0)), failed=failed.append),
    )
    inbox.faults = [None, Unavailable("full")]
    await outcomes(start(publisher, 1, 2))
    await outcomes(start(publisher, 3))
    assert committed == [(2, True)]
    assert failed == ["full"]


async def test_nothing_runs_while_nothing_comes(publisher):
    before = asyncio.all_tasks()
    await publisher.publish(event(1))
    await settle()
    assert asyncio.all_tasks() == before


async def test_an_app_whose_inbox_is_none_fails_alone_among_those_it_came_with(inbox):
    said = []
    watch = Watch(committed=lambda size, _: said.append(size), failed=said.append)
    publisher = Publisher(inbox, LIMITS, watch)
    inbox.spoilt.add("b")
    tasks = [asyncio.create_task(publisher.publish(event(room, app))) for room, app in ((1, "a"), (2, "b"), (3, "a"))]
    one, two, three = await outcomes(tasks)
    assert (one, three) == (None, None)
    assert isinstance(two, Unavailable)
    assert flat(inbox) == ["1", "3"]
    assert said == ["an inbox is something else in redis", 2]
