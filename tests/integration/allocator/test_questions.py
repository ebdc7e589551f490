"""``allocator status``, ``backlog`` and ``agents`` beside a leader at work, with real stores."""

import contextlib

import pytest
from integration.allocator.asked import ask
from integration.allocator.conftest import APP
from unit.allocator.making import waiting

from allocator.adapters.redis_board import RedisBoard
from allocator.core.changes import Changes
from allocator.core.lifecycle import ended
from allocator.core.session import State
from allocator.rounds.showing import showing
from contract import Keys
from support import free_port


@pytest.fixture
def urls(schema_url, redis_url):
    return schema_url, redis_url


@pytest.fixture
async def board(redis_url):
    made = RedisBoard(redis_url, Keys())
    yield made
    await made.close()


@pytest.fixture
async def shown(world, board):
    """Shows what the leader sees until the test is over; returns when it was shown once."""
    async with contextlib.AsyncExitStack() as stack:

        async def show(leader):
            await stack.enter_async_context(showing(lambda: leader, "a", board, world.clock))
            before = await board.glances([APP])

            async def newer():
                return await board.glances([APP]) != before

            await world.until(newer)

        yield show


async def test_who_waits_and_why_is_one_command(world, urls, shown):
    world.platform.agent(1)
    world.platform.agent(2, online=False)
    async with world.leading() as leader:
        for number in range(1, 6):
            await world.writes(f"r{number}")
        await world.until_states(assigned=2, waiting=3)
        await shown(leader)
        said = await ask(urls, "backlog", APP, "--json")
        assert said.status == 0, said.err
        assert [(one["room"], one["position"], one["why"]) for one in said.json["backlog"]] == [
            ("r3", 1, "all_at_capacity"),
            ("r4", 2, "behind 1: all_at_capacity"),
            ("r5", 3, "behind 2: all_at_capacity"),
        ]
        text = (await ask(urls, "backlog")).out
        assert text.startswith(f"{APP}: 3 waiting, at ")
        assert "WIB" in text
        people = await ask(urls, "agents", "--json")
        assert [
            (one["agent"], one["slots_used"], one["capacity"], one["why_nobody"]) for one in people.json["agents"]
        ] == [
            (1, 2, 2, "full"),
            (2, 0, 2, "offline"),
        ]
        assert "offline" in (await ask(urls, "agents", APP)).out


async def test_the_status_is_one_screen_and_says_what_is_not_well(world, urls, shown):
    world.platform.agent(1)
    async with world.leading() as leader:
        await world.writes("r1")
        await world.until_states(assigned=1)
        await shown(leader)
        said = await ask(urls, "status")
        assert said.status == 1
        assert "not well: nobody leads" in said.out  # the leader of this test has no lease
        assert len(said.out.splitlines()) < 24
        assert all(len(line) <= 100 for line in said.out.split("not well")[0].splitlines())
        found = (await ask(urls, "status", "--json")).json
        assert found["apps"][0]["sessions"] == {"assigned": 1}
        assert found["apps"][0]["leader_sees"]["slots_total"] == 2


async def test_a_store_that_is_away_is_one_sentence_that_says_what_to_do(urls):
    for away, store in (
        (("postgresql://antre:canary@127.0.0.1:1/antre", urls[1]), "Postgres at 127.0.0.1:1"),
        ((urls[0], "redis://:canary@127.0.0.1:1/0"), "Redis at 127.0.0.1:1"),
    ):
        said = await ask(away, "status")
        assert (said.status, said.out) == (3, "")
        assert said.err.startswith(f"allocator status: {store} cannot be asked")
        assert "URL is right" in said.err
        assert "canary" not in said.err
        assert said.err.count("\n") == 1


async def test_without_a_schema_the_status_says_how_it_comes(database_url, redis_url):
    said = await ask((database_url, redis_url), "status")
    assert "`allocator migrate`" in said.out
    other = await ask((database_url, redis_url), "backlog", "demo")
    assert (other.status, "`allocator migrate`" in other.err) == (3, True)


async def test_the_life_of_a_room_is_a_story_of_what_was_decided(world, urls, shown):
    world.platform.agent(1)
    world.platform.agent(2)
    async with world.leading() as leader:
        for number in range(1, 6):
            await world.writes(f"r{number}")
        await world.until_states(assigned=4, waiting=1)

        async def waits():
            return "waits" in (await ask(urls, "why", "r5", "--json")).out

        await world.until(waits)
        await shown(leader)
        waiting = (await ask(urls, "why", "r5")).out
        assert "waiting for" in waiting.splitlines()[0]
        assert "everybody who may take it and is online has as many customers" in waiting
        assert "now: number 1 of those who wait; behind 0 in lane wa" in waiting
        await world.resolves("r1")
        await world.until_states(assigned=4)
        told = (await ask(urls, "why", "r5", "--json")).json["lives"][0]["sessions"][0]
        assert [step["what"] for step in told["steps"]] == ["recorded", "waits", "reserved", "assigned"]
        assert told["steps"][2]["facts"]["against"] == []
        first = (await ask(urls, "why", "r1")).out
        assert "agent 1 (0% loaded, never busy yet), against agent 2 (0% loaded, never busy yet); policy 0" in joined(
            first
        )
        assert "(the platform: done after 0." in joined(first)
        assert first.splitlines()[-1].split()[1:] == ["resolved", "resolved"]


async def test_of_a_room_that_nobody_knows_nothing_is_told(urls):
    said = await ask(urls, "why", "77", QISCUS_APP_ID="demo")
    assert (said.status, said.out) == (1, "nothing is known of room 77 in demo\n")


def joined(text):
    return " ".join(text.split())


async def test_whom_the_platform_refused_for_good_is_on_a_list(world, urls):
    assert (await ask(urls, "parked", APP)).out == "nobody is parked\n"
    epoch = await world.ledger.begin_term("a")
    new = waiting(1, room="77")
    changes = Changes()
    changes.note(None, ended(new, State.PARKED, new.waiting_since, "no such room"))
    async with world.ledger.transaction(epoch) as tx:
        await tx.write(changes)
    said = await ask(urls, "parked", new.app, "--json")
    assert [(one["room"], one["ending"]) for one in said.json["parked"]] == [("77", "no such room")]
    assert "no such room" in (await ask(urls, "parked", new.app)).out


async def test_the_doctor_says_what_is_wrong_and_what_to_do(urls, processes):
    port = free_port()
    words = ("--port", str(port), "--app", "sim-demo:right-key-0001", "--agents", "1")
    elsewhere = ("--resolve-url", "https://elsewhere.example.com/hooks/a-secret-of-others")
    simulator = processes.start("qiscus-simulator", *words, *elsewhere, name="simulator")
    simulator.wait_ready(f"http://127.0.0.1:{port}/simulator/state", timeout_s=60)
    app = {
        "QISCUS_APP_ID": "sim-demo",
        "QISCUS_BASE_URL": f"http://127.0.0.1:{port}",
        "ANTRE_WEBHOOK_TOKENS": "short-token",
    }
    well = await ask(urls, "doctor", "--json", QISCUS_SECRET_KEY="right-key-0001", **app)
    findings = {one["what"]: one["wrong"] for one in well.json["findings"]}
    assert findings["platform of sim-demo"] is None
    assert "openssl rand" in findings["webhook tokens"]
    assert "not one of the gateway's: enter" in findings["resolve webhook of sim-demo"]
    assert "a-secret-of-others" not in well.out
    wrong = await ask(urls, "doctor", QISCUS_SECRET_KEY="wrong-key-0001", **app)
    assert wrong.status == 1
    assert "refuses the credentials" in joined(wrong.out)
    assert "nobody leads" in joined(wrong.out)
    assert "key-0001" not in wrong.out + well.out
    assert "short-token" not in wrong.out + well.out


async def test_the_doctor_reads_settings_too(urls):
    said = await ask(urls, "doctor", ANTRE_LEASE_TTL_S="3")
    assert (said.status, said.err) == (1, "")
    assert said.out.startswith("wrong  settings: ANTRE_LEASE_TTL_S is 3, too short")
