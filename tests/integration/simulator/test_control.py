"""The control API and the command: steering, looking in, refusing nonsense."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "qiscus_simulator"]


async def test_traffic_starts_stops_and_those_in_service_go_on(start):
    async with start("--chatter-s", "0") as client:
        await client.control("traffic", {"customers_per_s": 200})
        await asyncio.sleep(0.5)
        await client.control("traffic", {"customers_per_s": 0})
        await asyncio.sleep(0.1)
        arrivals = (await client.control("state"))["arrivals"]
        assert 40 < arrivals < 180
        await asyncio.sleep(0.2)
        assert (await client.control("state"))["arrivals"] == arrivals


async def test_the_state_counts_what_is(client):
    one = await client.customer()
    await client.customer()
    await client.assign(one, 164801)
    state = await client.control("state")
    assert (state["arrivals"], state["waiting"], state["served"], state["resolved"]) == (2, 1, 1, 0)
    assert (state["slots_used"], state["slots_total"], state["agents_online"]) == (1, 6, 3)


async def test_the_record_can_be_followed(client):
    room = await client.customer()
    entries = await client.control("record")
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    last = entries[-1]["seq"]
    await client.assign(room, 164801)
    news = await client.control(f"record?after={last}")
    assert [entry["kind"] for entry in news] == ["call", "assigned", "answer"]
    assert news[1]["room"] == room
    assert news[0]["number"] == news[1]["number"] == news[2]["number"]


async def test_service_can_be_switched_off_and_on(client):
    await client.assign(await client.customer(), 164801)
    await client.control("service", {"service_s": [0.01, 0.02]})
    await asyncio.sleep(0.2)
    assert (await client.control("state"))["resolved"] == 1
    await client.control("service", {"service_s": None})
    await client.assign(await client.customer(), 164801)
    await asyncio.sleep(0.2)
    assert (await client.control("state"))["served"] == 1


async def test_people_act_by_hand(client):
    room = await client.customer()
    acts = [
        ({"do": "assign", "agent_id": 164801}, [164801]),
        ({"do": "takeover", "agent_id": 164802}, [164802]),
        ({"do": "remove", "agent_id": 164802}, []),
        ({"do": "resolve"}, []),
    ]
    for act, agents in acts:
        told = await client.control("people", {"room_id": room} | act)
        assert told["agents"] == agents
    assert told["is_resolved"] is True


async def test_a_lowered_capacity_is_what_the_checker_uses(client):
    await client.control("agents/164801", {"capacity": 0})
    await client.assign(await client.customer(), 164801)
    assert (await client.verdict())["over"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("traffic", {"customers_per_s": -1}, 400, "0 to 1000"),
        ("traffic", {}, 400, "customers_per_s"),
        ("rooms/1", {}, 404, "no room '1'"),
        ("agents/7", {}, 404, "no agent 7"),
        ("agents/164801", {"is_available": "yes"}, 400, "true or false"),
        ("agents/164801", {"channels": ["fax"]}, 400, "wa"),
        ("agents/164801", {"divisions": [""]}, 400, "a list of names"),
        ("agents/164801", {"capacity": -1}, 400, "whole number"),
        ("customers", {"source": "fax"}, 400, "wa"),
        ("customers", {"source": ["wa"]}, 400, "wa"),
        ("customers", {"room_id": "1"}, 404, "no room '1'"),
        ("people", {"do": "assign", "room_id": "1"}, 404, "no room '1'"),
        ("service", {}, 400, "null"),
        ("service", {"service_s": [3, 1]}, 400, "min"),
        ("webhooks", {"allocate_url": "nonsense"}, 400, "http"),
        ("state?app_id=sim-x", None, 404, "sim-demo"),
        ("verdict?grace_s=x", None, 400, "seconds"),
        ("record?after=x", None, 400, "whole"),
    ],
)
async def test_nonsense_is_refused_with_a_sentence(client, path, body, status, words):
    method = "GET" if body is None else "POST"
    got, told = await client.call(method, f"/simulator/{path}", headers=None, json=body)
    assert (got, words in told["error"]) == (status, True), told


def run(*arguments, **variables):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QISCUS")} | variables
    return subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_and_ends_cleanly(number):
    with run("--port", "0", "--customers-per-s", "20") as process:
        assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
        process.send_signal(number)
        _, errors = process.communicate(timeout=1)
        assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--port", "x"], {}), ([], {"QISCUS_APP_ID": "shop"}), ([], {"SIMULATOR_AGENTS": "none"}), (["--nope"], {})],
)
def test_the_command_refuses_in_a_sentence_with_status_2(arguments, variables):
    with run(*arguments, **variables) as process:
        _, errors = process.communicate(timeout=5)
        assert process.returncode == 2
        assert "Traceback" not in errors
        assert errors.splitlines()[-1].startswith("qiscus-simulator:")


def test_a_taken_port_is_a_sentence(tmp_path):
    with run("--port", "0") as first:
        port = first.stdout.readline().strip().rpartition(":")[2]
        with run("--port", port) as second:
            _, errors = second.communicate(timeout=5)
            assert second.returncode == 1
            assert errors.startswith("qiscus-simulator: cannot listen")
        first.terminate()
