"""Webhooks over real HTTP: when they come, in what order, and what becomes of them when things go wrong."""

import asyncio

QUIET = ("--chatter-s", "0", "--doubled-share", "0", "--agents", "3")


async def until(inbox, fits, within_s=3.0):
    """Wait until something is true of the inbox."""
    async with asyncio.timeout(within_s):
        while not fits():
            inbox.news.clear()
            await inbox.news.wait()


async def kinds(client, kind):
    return [entry for entry in await client.control("record") if entry["kind"] == kind]


async def test_a_new_customer_is_announced_and_a_resolve_is_told(start, inbox):
    async with start(*QUIET, *inbox.urls, "--service-s", "0.05") as client:
        room = await client.customer("line")
        await until(inbox, lambda: inbox.allocate)
        body = inbox.allocate[0]
        assert (body["room_id"], body["source"], body["app_id"]) == (room, "line", "sim-demo")
        await client.assign(room, 164801)
        await until(inbox, lambda: inbox.resolve)
        service = inbox.resolve[0]["service"]
        assert (service["room_id"], service["is_resolved"]) == (room, True)
        answered = await kinds(client, "webhook_answered")
        assert [(entry["what"], entry["status"]) for entry in answered] == [("allocate", 200), ("resolve", 200)]


async def test_a_returning_customer_brings_the_past_session_along(start, inbox):
    async with start(*QUIET, *inbox.urls) as client:
        room = await client.customer()
        await client.control("people", {"do": "resolve", "room_id": room})
        assert await client.customer(room_id=room) == room
        await until(inbox, lambda: len(inbox.allocate) == 2)
        assert inbox.allocate[1]["is_resolved"] is True
        assert inbox.allocate[1]["latest_service"]["id"] == inbox.resolve[0]["service"]["id"]
        await client.control("people", {"do": "resolve", "room_id": room})
        await until(inbox, lambda: len(inbox.resolve) == 2)
        first, second = (body["service"]["id"] for body in inbox.resolve)
        assert first < second


async def test_a_waiting_customer_writes_again_until_somebody_sits_there(start, inbox):
    async with start("--chatter-s", "0.05:0.1", "--doubled-share", "0", *inbox.urls) as client:
        await client.control("service", {"service_s": None})
        room = await client.customer()
        await until(inbox, lambda: len(inbox.allocate) >= 3)
        await client.assign(room, 164801)
        await asyncio.sleep(0.05)
        before = len(inbox.allocate)
        await asyncio.sleep(0.3)
        assert len(inbox.allocate) == before
        await client.control("people", {"do": "remove", "room_id": room, "agent_id": 164801})
        await until(inbox, lambda: len(inbox.allocate) > before)


async def test_first_webhooks_may_come_twice(start, inbox):
    async with start("--chatter-s", "0", "--doubled-share", "1", *inbox.urls) as client:
        await client.customer()
        await until(inbox, lambda: len(inbox.allocate) == 2)
        assert inbox.allocate[0] == inbox.allocate[1]


async def test_nobody_is_told_of_a_silent_customer(start, inbox):
    async with start("--chatter-s", "0.05:0.1", *inbox.urls) as client:
        await client.customer(send=False)
        await asyncio.sleep(0.3)
        assert inbox.allocate == []
        assert (await client.control("state"))["waiting"] == 1


async def test_webhooks_get_lost_each_kind_for_itself(start, inbox):
    async with start(*QUIET, *inbox.urls, "--fault", "webhook_lost_allocate=1") as client:
        room = await client.customer()
        await client.control("people", {"do": "resolve", "room_id": room})
        await until(inbox, lambda: inbox.resolve)
        assert inbox.allocate == []
        assert len(await kinds(client, "webhook_lost")) == 1


async def test_where_all_webhooks_get_lost_no_copy_of_one_comes_either(start, inbox):
    words = ("--chatter-s", "0", "--doubled-share", "1", "--fault", "webhook_lost_allocate=1")
    async with start(*words, *inbox.urls) as client:
        await client.customer()
        await asyncio.sleep(0.3)
        assert inbox.allocate == []
        assert [lost["note"] for lost in await kinds(client, "webhook_lost")] == ["first", "doubled"]


async def test_a_failure_is_not_tried_again_unless_asked(start, inbox):
    inbox.status = 503
    async with start(*QUIET, *inbox.urls) as client:
        await client.customer()
        await until(inbox, lambda: inbox.allocate)
        await asyncio.sleep(0.1)
        assert len(inbox.allocate) == 1
        assert (await client.verdict())["acknowledged"] == 0
    async with start(*QUIET, *inbox.urls, "--webhook-retries", "1") as client:
        await client.customer()
        await until(inbox, lambda: len(inbox.allocate) == 3)


async def test_nobody_there_is_status_0(start):
    async with start(*QUIET, "--allocate-url", "http://127.0.0.1:9/x") as client:
        await client.customer()
        await asyncio.sleep(0.2)
        [answered] = await kinds(client, "webhook_answered")
        assert "status" not in answered
        assert "Connect" in answered["note"]


async def test_one_rooms_webhooks_keep_their_order_unless_shuffled(start, inbox):
    async with start(*QUIET, *inbox.urls) as client:
        room = await client.customer()
        for _ in range(30):
            await client.control("customers", {"room_id": room})
        await until(inbox, lambda: len(inbox.allocate) == 31)
        sent = [entry["number"] for entry in await kinds(client, "webhook_sent")]
        answered = [entry["number"] for entry in await kinds(client, "webhook_answered")]
        assert sent == answered == sorted(sent)
        await client.faults(webhook_reordered=0.3)
        await client.control("people", {"do": "resolve", "room_id": room})
        for _ in range(8):
            await client.control("customers", {"room_id": room})
            await client.control("people", {"do": "resolve", "room_id": room})
        await until(inbox, lambda: len(inbox.resolve) == 9)
        sessions = [body["service"]["id"] for body in inbox.resolve]
        assert sessions != sorted(sessions)


async def test_two_apps_are_two_worlds(start, inbox):
    async with start("--app", "sim-a:x", "--app", "sim-b:y", "--chatter-s", "0") as client:
        await client.control("webhooks", {"app_id": "sim-b", "allocate_url": inbox.urls[1]})
        await client.control("customers", {"app_id": "sim-b"})
        await until(inbox, lambda: inbox.allocate)
        assert inbox.allocate[0]["app_id"] == "sim-b"
        assert (await client.control("state"))["arrivals"] == 0
        assert (await client.control("state?app_id=sim-b"))["arrivals"] == 1
        assert (await client.control("verdict?app_id=sim-a"))["arrived"] == 0
        agents = "/api/v2/admin/agents"
        _, ours = await client.call("GET", agents, headers={"Qiscus-App-Id": "sim-a", "Qiscus-Secret-Key": "x"})
        _, theirs = await client.call("GET", agents, headers={"Qiscus-App-Id": "sim-b", "Qiscus-Secret-Key": "y"})
        ids = [{agent["id"] for agent in body["data"]["agents"]} for body in (ours, theirs)]
        assert not ids[0] & ids[1]
