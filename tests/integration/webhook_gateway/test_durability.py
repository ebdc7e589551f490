"""200 means that the event is in the inbox. Whatever happens to Redis: an answer within a second, nothing accepted is
lost, and all is well again by itself.
"""

import asyncio
import itertools
from collections import Counter

import pytest
from integration.webhook_gateway.talk import ALLOCATION, TOKEN, request, rooms_in, until, waiting

PATH = f"{ALLOCATION}/{TOKEN}"


async def test_what_was_accepted_is_in_the_inbox_once_and_in_order(gateway, store):
    for number in range(20):
        assert (await gateway.waits(str(number))).status == 200
    assert rooms_in(store) == [str(number) for number in range(20)]
    assert store.xlen(inbox()) == 20


async def test_of_many_at_once_each_is_in_the_inbox_once(gateway, store):
    batches = gateway.metric("antre_publish_batch_size_count")
    answers = await asyncio.gather(*(gateway.waits(str(number)) for number in range(400)))
    assert {answer.status for answer in answers} == {200}
    assert sorted(map(int, rooms_in(store))) == list(range(400))
    assert store.xlen(inbox()) == 400
    assert gateway.metric("antre_publish_batch_size_count") - batches < 400  # they went together


async def test_redis_killed_means_503_within_a_second_and_then_all_is_well_by_itself(gateway, redis_server, store):
    assert (await gateway.waits("before")).status == 200
    redis_server.kill()
    for answer in await asyncio.gather(*(gateway.waits("during") for _ in range(20))):
        assert_later(answer)
    assert (await gateway.raw(request("GET", "/readyz"))).status == 503
    await asyncio.to_thread(redis_server.start)
    assert (await gateway.waits("after")).status == 200
    assert (await gateway.raw(request("GET", "/readyz"))).status == 200
    assert rooms_in(store) == ["before", "after"]


async def test_under_load_nothing_accepted_is_lost_when_redis_is_killed_and_comes_back(gateway, redis_server, store):
    accepted, statuses, stop = [], Counter(), asyncio.Event()
    numbers = itertools.count()

    async def customer():
        while not stop.is_set():
            room = str(next(numbers))
            answer = await gateway.waits(room)
            statuses[answer.status] += 1
            assert answer.seconds < 1.2
            if answer.status == 200:
                accepted.append(room)

    customers = [asyncio.create_task(customer()) for _ in range(16)]
    await until(lambda: len(accepted) > 100)
    redis_server.kill()
    await until(lambda: statuses[503] > 20)
    await asyncio.to_thread(redis_server.start)
    so_far = len(accepted)
    await until(lambda: len(accepted) > so_far + 100)
    stop.set()
    await asyncio.gather(*customers)
    assert statuses.keys() == {200, 503}
    assert set(accepted) <= set(rooms_in(store))


async def test_redis_that_does_not_answer_means_503_within_a_second(gateway, redis_server, store):
    redis_server.pause()
    answers = await asyncio.gather(*(gateway.waits("during") for _ in range(50)))
    late = await gateway.waits("late")
    ready = await gateway.raw(request("GET", "/readyz"))
    redis_server.resume()
    for answer in [*answers, late]:
        assert_later(answer)
    assert ready.status == 503
    assert ready.seconds < 1
    assert (await gateway.waits("after")).status == 200
    assert "after" in rooms_in(store)


async def test_those_who_come_while_a_write_hangs_do_not_wait_longer_than_the_others(gateway, redis_server):
    redis_server.pause()

    async def later(after_s):
        await asyncio.sleep(after_s)
        return await gateway.waits("during")

    answers = await asyncio.gather(*(later(number / 20) for number in range(30)))
    redis_server.resume()
    for answer in answers:
        assert_later(answer)
    assert (await gateway.waits("after")).status == 200


async def test_redis_that_stops_for_a_moment_means_waiting_only(gateway, redis_server, store):
    redis_server.pause()
    waits = asyncio.create_task(gateway.waits("patient"))
    await asyncio.sleep(0.4)
    redis_server.resume()
    assert (await waits).status == 200
    assert rooms_in(store) == ["patient"]


async def test_redis_that_is_read_only_means_503_until_it_is_not(gateway, store):
    store.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert_later(await gateway.waits("during"))
    finally:
        store.execute_command("REPLICAOF", "NO", "ONE")
    assert (await gateway.waits("after")).status == 200
    assert rooms_in(store) == ["after"]


async def test_redis_out_of_memory_means_503_until_it_is_not(gateway, store):
    store.config_set("maxmemory", "1")
    try:
        answers = await asyncio.gather(*(gateway.waits("during") for _ in range(10)))
    finally:
        store.config_set("maxmemory", "0")
    for answer in answers:
        assert_later(answer)
    assert (await gateway.waits("after")).status == 200
    assert rooms_in(store) == ["after"]


async def test_a_key_of_another_type_means_503_until_it_is_gone(gateway, store):
    store.set(inbox(), "not a stream")
    assert_later(await gateway.waits("during"))
    store.delete(inbox())
    assert (await gateway.waits("after")).status == 200


async def test_credentials_that_are_refused_mean_503(gateway, store):
    store.config_set("requirepass", "changed")
    store.client_kill_filter(_type="normal", skipme=True)
    try:
        answer = await gateway.waits("during")
    finally:
        store.config_set("requirepass", "")
    assert_later(answer)
    assert "changed" not in answer.body.decode()
    assert (await gateway.waits("after")).status == 200


async def test_a_redis_that_forgot_the_script_is_told_it_again(gateway, store):
    for number in range(3):
        store.script_flush()
        assert (await gateway.waits(str(number))).status == 200
    assert rooms_in(store) == ["0", "1", "2"]


async def test_a_connection_closed_while_idle_is_nobodys_business(gateway, store):
    for number in range(10):
        store.client_kill_filter(_type="normal", skipme=True)
        assert (await gateway.waits(str(number))).status == 200
    assert rooms_in(store) == [str(number) for number in range(10)]


async def test_connections_closed_under_load_lose_nothing(gateway, store):
    accepted = []

    async def customer(number):
        for turn in range(20):
            room = f"{number}-{turn}"
            if (await gateway.waits(room)).status == 200:
                accepted.append(room)

    customers = [asyncio.create_task(customer(number)) for number in range(8)]
    while not all(task.done() for task in customers):
        store.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.01)
    await asyncio.gather(*customers)
    assert set(accepted) <= set(rooms_in(store))
    assert len(accepted) > 150


async def test_callers_who_leave_while_they_wait_wedge_nothing(gateway, redis_server, store):
    redis_server.pause()
    body = request("POST", PATH, b'{"room_id": "left"}')
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(body)
        await writer.drain()
        writer.transport.abort()
    patient = asyncio.create_task(gateway.waits("patient"))
    await asyncio.sleep(0.2)
    redis_server.resume()
    assert (await patient).status == 200
    assert "patient" in rooms_in(store)
    await until(lambda: gateway.metric("antre_pending_events") == 0)


async def test_more_than_may_wait_is_refused_at_once(start, redis_server, store):
    gateway = start(ANTRE_PENDING_MAX="5", ANTRE_BATCH_MAX="2")
    redis_server.pause()
    tasks = [asyncio.create_task(gateway.waits(str(number), ALLOCATION)) for number in range(30)]
    await asyncio.wait(tasks, timeout=0.5)
    refused = [task for task in tasks if task.done()]
    assert len(refused) == 25
    redis_server.resume()
    answers = await asyncio.gather(*tasks)
    assert Counter(answer.status for answer in answers) == {200: 5, 503: 25}
    for task in refused:
        assert_later(task.result())
    assert len(rooms_in(store)) == 5


@pytest.mark.parametrize("seconds", [0.3])
async def test_each_batch_waits_for_the_slow_one_before_it_and_all_are_durable(gateway, redis_server, store, seconds):
    first = asyncio.create_task(gateway.waits("0"))
    await asyncio.sleep(0)
    redis_server.pause()
    others = [asyncio.create_task(gateway.waits(str(number))) for number in range(1, 40)]
    await asyncio.sleep(seconds)
    redis_server.resume()
    answers = await asyncio.gather(first, *others)
    assert {answer.status for answer in answers} == {200}
    assert len(rooms_in(store)) == 40


def assert_later(answer):
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.problem["type"] == "urn:antre:problem:unavailable"
    assert answer.seconds < 1.0, f"answered after {answer.seconds:.2f} s"


def inbox():
    return f"antre:{{{waiting('1')['app_id']}}}:inbox"
