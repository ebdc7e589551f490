"""``allocator requeue``, ``withdraw``, ``pause`` and ``resume``, beside an allocator at work with real stores."""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from dataclasses import replace

import httpx
import pytest
import redis
from integration.allocator.asked import ask
from integration.allocator.conftest import APP
from unit.allocator.making import waiting

from allocator.adapters.postgres_requests import PostgresRequests
from allocator.core import outcomes as o
from allocator.core.changes import Changes
from allocator.core.ids import AppId
from allocator.core.requests import Kind, RequestId
from contract import ENTRY_FIELD, Keys, RoomId, RoomWaiting, encode, new_event_id
from support import free_port
from support.memory import Instead
from support.platform import Simulator

SIM, SECRET = "sim-demo", "canary-secret-0001"


@pytest.fixture
def urls(schema_url, redis_url):
    return schema_url, redis_url


def joined(text):
    return " ".join(text.split())


class TestThroughAnAllocatorOfItsOwn:
    """A process that leads, the simulator as its platform, and another process after the first one was killed."""

    @pytest.fixture
    def simulator(self, processes):
        port = free_port()
        words = (
            "--agents",
            "4",
            "--capacity",
            "2",
            "--chatter-s",
            "0",
            "--doubled-share",
            "0",
            "--app",
            f"{SIM}:{SECRET}",
        )
        running = processes.start("qiscus-simulator", "--port", str(port), *words, name="simulator")
        url = f"http://127.0.0.1:{port}"
        running.wait_ready(f"{url}/simulator/state", timeout_s=60)
        made = Simulator(url, [SIM])
        made.post("service", service_s=None)
        yield made
        made.close()

    @pytest.fixture
    def allocate(self, processes, urls, simulator):
        def start():
            port = free_port()
            env = {
                "DATABASE_URL": urls[0],
                "REDIS_URL": urls[1],
                "QISCUS_APP_ID": SIM,
                "QISCUS_SECRET_KEY": SECRET,
                "QISCUS_BASE_URL": simulator.url,
                "ANTRE_METRICS_HOST": "127.0.0.1",
                "ANTRE_METRICS_PORT": str(port),
                "ANTRE_PLATFORM_TIMEOUT_S": "2",
                "ANTRE_QUARANTINE_S": "6",
                "ANTRE_PLATFORM_LAG_S": "1",
                "ANTRE_SWEEP_S": "5",
                "ANTRE_LEASE_TTL_S": "6",
            }
            running = processes.start("allocator", "allocate", env=env).wait_ready(f"http://127.0.0.1:{port}/livez")
            return running, f"http://127.0.0.1:{port}/metrics"

        return start

    @pytest.fixture
    def comes(self, simulator, redis_url):
        """A customer comes; the webhook is in the inbox."""
        client = redis.Redis.from_url(redis_url)

        def come():
            (room,) = simulator.post("customers", source="wa")["room_ids"]
            event = RoomWaiting(id=new_event_id(), app=SIM, room=RoomId(room), received_ms=0, source="wa")
            client.xadd(Keys().inbox(SIM), {ENTRY_FIELD: encode(event)})
            return room

        yield come
        client.close()

    @pytest.mark.slow
    async def test_a_pause_outlives_the_leader_and_a_withdrawal_the_sweep_until_a_person_asks(
        self, allocate, simulator, comes, urls
    ):
        async def act(*words):
            said = await ask(urls, *words, "--by", "budi", "--wait", "30", "--json")
            assert (said.status, said.json["outcome"]) == (0, "done"), said
            return said

        def given():
            return [one["room"] for one in simulator.assigned()]

        first, metrics = allocate()
        room = comes()
        await until(lambda: given() == [room])
        await act("pause", SIM)
        rooms = [comes() for _ in range(3)]

        async def wait():
            return len((await ask(urls, "backlog", SIM, "--json")).json["backlog"]) == len(rooms)

        await until(wait)
        assert (await ask(urls, "backlog")).out.splitlines()[0].split(", ")[-1].startswith("paused by budi since ")
        figure = f'antre_waiting{{app="{SIM}",reason="paused_by_hand"}} 3.0'
        await until(lambda: figure in httpx.get(metrics, trust_env=False).text)
        await act("withdraw", rooms[0])
        first.kill()
        allocate()
        await until(lambda: asked_status(urls, "paused by budi"), timeout_s=40)
        assert given() == [room]
        await act("resume", SIM)
        await until(lambda: given() == [room, *rooms[1:]])
        await asyncio.sleep(6)  # more than a sweep
        assert rooms[0] not in given()
        await act("requeue", rooms[0])
        await until(lambda: given() == [room, *rooms[1:], rooms[0]])
        story = joined((await ask(urls, "why", rooms[0])).out)
        for text in (
            "by budi to withdraw it: done, it waits no more",
            "withdrawn by a person (budi asked for it)",
            "by budi to requeue it: done, it waits again, at its old place",
        ):
            assert text in story
        assert "by budi to resume the app: done" in joined((await ask(urls, "why", rooms[1])).out)


async def asked_status(urls, text):
    said = (await ask(urls, "status")).out
    return text in said and "nobody leads" not in said


async def until(fact, *, timeout_s=20.0):
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        found = fact()
        if await found if asyncio.iscoroutine(found) else found:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not in {timeout_s} s")


async def test_who_was_parked_waits_again_and_is_served(world, urls):
    world.platform.agent(1)
    world.platform.script.before("assign", Instead(o.RoomRefused("HTTP 422")))
    async with world.leading():
        await world.writes("77")
        await world.until_states()

        async def is_parked():
            return (await ask(urls, "parked", APP, "--json")).json["parked"] != []

        await world.until(is_parked)
        said = await ask(urls, "requeue", "77", "--by", "budi")
        assert (said.status, said.out) == (0, f"done  room 77 of {APP}: it waits again, at its old place\n"), said
        await world.until_states(assigned=1)
        assert world.sent() == ["77"]
        again = await ask(urls, "withdraw", "77")
        assert (again.status, "agent 1 serves it: resolve it at the platform" in joined(again.out)) == (1, True)
        assert (await ask(urls, "parked", APP)).out == "nobody is parked\n"


async def test_a_pause_shows_in_every_answer_and_ends(world, urls):
    world.platform.agent(1)
    async with world.leading():
        assert (await ask(urls, "pause", APP, "--by", "budi", QISCUS_APP_ID=APP)).status == 0
        again = await ask(urls, "pause", APP, "--by", "ani", QISCUS_APP_ID=APP)
        assert (again.status, "it was paused already, by budi" in again.out) == (0, True)
        await world.writes("1")
        await world.until_states(waiting=1)

        async def told():
            return "assigning is paused by a person, budi" in joined((await ask(urls, "why", "1")).out)

        await world.until(told)
        status = await ask(urls, "status", "--json")
        assert status.json["apps"][0]["paused_by"]["by"] == "budi"
        assert f"`allocator resume {APP}` ends that" in " ".join(status.json["wrong"])
        assert (await ask(urls, "backlog", "--json")).json["paused_by"][APP]["by"] == "budi"
        assert world.sent() == []
        assert (await ask(urls, "resume", APP)).status == 0
        await world.until_states(assigned=1)
        assert (await ask(urls, "status", "--json")).json["apps"][0]["paused_by"] is None


async def test_without_a_leader_it_is_accepted_and_stays(world, urls):
    said = await ask(urls, "pause", APP, "--by", "budi", "--wait", "0.5", QISCUS_APP_ID=APP)
    assert (said.status, said.out.startswith("accepted  ")) == (4, True)
    other = await ask(urls, "pause", APP, "--wait", "0", "--json", QISCUS_APP_ID=APP)
    assert (other.status, other.json["outcome"], other.json["done_at"]) == (4, "accepted", None)
    status = (await ask(urls, "status", "--json", QISCUS_APP_ID=APP)).json
    assert (status["apps"][0]["requests_open"], status["apps"][0]["paused_by"]) == (2, None)
    async with world.leading():

        async def paused():
            app = (await ask(urls, "status", "--json", QISCUS_APP_ID=APP)).json["apps"][0]
            return app["requests_open"] == 0 and app["paused_by"]["by"] == "budi"

        await world.until(paused)


async def test_what_cannot_be_asked_is_one_sentence_that_says_what_to_do(world, urls):
    for words, status, said in (
        (("requeue", "no room!"), 2, "is no room: it is the number of a conversation"),
        (("withdraw", "77"), 1, f"nothing is known of room 77 in {APP}"),
        (("withdraw", "77", "--app", "nowhere"), 2, f"app nowhere is not known; known are: {APP}"),
        (("pause", "nowhere"), 2, f"app nowhere is not known; known are: {APP}"),
        (("pause", APP, "--by", " "), 2, "--by is a name of 1 to 64 printable characters"),
        (("pause", APP, "--by", "x" * 65), 2, "--by is a name"),
    ):
        answer = await ask(urls, *words, QISCUS_APP_ID=APP)
        assert answer.status == status, answer
        assert said in answer.out + answer.err
        assert (answer.out + answer.err).count("\n") == 1
    found = await ask(urls, "withdraw", "77", "--json", QISCUS_APP_ID=APP)
    assert (found.status, found.json["outcome"]) == (1, "refused")
    assert (await ask(urls, "status", "--json", QISCUS_APP_ID=APP)).json["apps"][0]["requests_open"] == 0


async def test_a_room_of_several_apps_needs_the_app(world, urls):
    epoch = await world.ledger.begin_term("a")
    changes = Changes()
    for number, app in enumerate(("demo-a", "demo-b"), 1):
        changes.note(None, replace(waiting(number, room="77"), app=AppId(app)))
    async with world.ledger.transaction(epoch) as tx:
        await tx.write(changes)
    said = await ask(urls, "withdraw", "77")
    assert (said.status, "room 77 is in demo-a, demo-b: say in which with --app" in said.err) == (2, True)
    assert (await ask(urls, "withdraw", "77", "--app", "demo-b", "--wait", "0")).status == 4


async def test_nobody_can_fill_the_table_while_nobody_leads(world, urls):
    made = PostgresRequests(urls[0], 3.0)
    for number in range(1000):
        await made.ask(RequestId(f"{number:032x}"), APP, Kind.PAUSE, None, "budi")
    await made.close()
    said = await ask(urls, "pause", APP, QISCUS_APP_ID=APP)
    assert (said.status, "1000 requests wait to be answered" in said.err) == (2, True)
    async with world.leading():

        async def all_answered():
            found = await ask(urls, "status", "--json", QISCUS_APP_ID=APP)
            return json.loads(found.out)["apps"][0]["requests_open"] == 0

        await world.until(all_answered, timeout_s=30)


async def test_whoever_stops_waiting_is_told_that_it_stays(world, urls):
    env = {"DATABASE_URL": urls[0], "REDIS_URL": urls[1], "QISCUS_APP_ID": APP, "PATH": os.environ["PATH"]}
    command = (sys.executable, "-m", "allocator", "pause", APP, "--wait", "60")
    running = await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE, stderr=PIPE)

    async def is_written_down():
        found = await ask(urls, "status", "--json", QISCUS_APP_ID=APP)
        return found.json["apps"][0]["requests_open"] == 1

    await world.until(is_written_down)
    running.send_signal(signal.SIGINT)
    out, err = await running.communicate()
    assert (running.returncode, err.decode(), out.decode()[:10]) == (4, "", "accepted  ")
