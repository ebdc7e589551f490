"""Faults on demand, seen from outside, and what really happened behind them."""

import asyncio
from time import monotonic

import aiohttp
import pytest

ADMIN = "/api/v1/admin/service"
AGENTS = "/api/v2/admin/agents"


async def seated(client):
    return (await client.control("state"))["served"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [("unauthorized", 401), ("forbidden_traceid", 403), ("redirect", 302), ("too_many", 429), ("assign_down", 503)],
)
async def test_an_assign_is_turned_away_without_effect(client, fault, status):
    room = await client.customer()
    await client.faults(**{fault: 1})
    assert (await client.assign(room, 164801))[0] == status
    assert await seated(client) == 0
    await client.faults(**{fault: 0})
    assert (await client.assign(room, 164801))[0] == 200


async def test_too_many_says_when_to_come_back(client):
    await client.faults(too_many=1, retry_after_s=7)
    headers = {"Qiscus-App-Id": "sim-demo", "Qiscus-Secret-Key": "secret"}
    async with client.session.get(client.url + AGENTS, headers=headers) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


async def test_server_errors(client):
    await client.faults(error_5xx=1)
    assert (await client.call("GET", AGENTS))[0] in {500, 502, 503}


async def test_reads_may_be_down_while_assigns_work_and_the_reverse(client):
    room = await client.customer()
    await client.faults(reads_down=1)
    assert (await client.call("GET", AGENTS))[0] == 503
    assert (await client.call("POST", "/api/v2/customer_rooms", json={}))[0] == 503
    assert (await client.assign(room, 164801))[0] == 200
    await client.faults(reads_down=0, assign_down=1)
    assert (await client.call("GET", AGENTS))[0] == 200
    assert (await client.assign(await client.customer(), 164801))[0] == 503


@pytest.mark.parametrize(("fault", "served"), [("effect_then_timeout", 1), ("timeout_no_effect", 0)])
async def test_no_answer_until_the_caller_leaves(client, fault, served):
    room = await client.customer()
    await client.faults(**{fault: 1})
    with pytest.raises(TimeoutError):
        await client.assign(room, 164801, timeout_s=0.2)
    assert await seated(client) == served


async def test_an_unanswered_call_is_cut_in_the_end(client):
    await client.faults(timeout_no_effect=1, hang_s=0.2)
    with pytest.raises(aiohttp.ClientError):
        await client.assign(await client.customer(), 164801)


async def test_a_late_effect_comes_when_the_caller_is_long_gone(client):
    room = await client.customer()
    await client.faults(late_effect=1, late_effect_s=0.3)
    with pytest.raises(TimeoutError):
        await client.assign(room, 164801, timeout_s=0.1)
    assert await seated(client) == 0
    await asyncio.sleep(0.4)
    assert await seated(client) == 1


async def test_half_an_answer_is_of_a_call_that_took_effect(client):
    await client.faults(half_json=1)
    status, body = await client.assign(await client.customer(), 164801)
    assert (status, type(body)) == (200, str)
    assert await seated(client) == 1


async def test_a_page_instead_of_an_answer_says_nothing_about_the_effect(client):
    rooms = [await client.customer() for _ in range(20)]
    await client.faults(html_answer=1)
    for room in rooms:
        status, body = await client.assign(room, 164801)
        assert status == 200
        assert body.startswith("<!DOCTYPE html>")
    assert 0 < await seated(client) < 20


async def test_the_other_recorded_shapes(client):
    room = await client.customer()
    await client.faults(other_shape=1)
    _, body = await client.call("GET", f"/api/v2/admin/service/available_agents?room_id={room}")
    assert isinstance(body["data"], list)
    _, body = await client.assign(room, 164801)
    assert body["data"]["service"]["room_id"] == room
    _, body = await client.assign(room, 164801)
    assert body["errors"]["message"] == "Cant join room, exceed max agents"


async def test_an_agent_is_refused(client):
    await client.faults(refuse_agent=1)
    assert (await client.assign(await client.customer(), 164801))[0] == 400
    assert await seated(client) == 0


async def test_only_agents_that_are_offline_are_refused(client):
    await client.faults(refuse_offline=1)
    await client.control("agents/164801", {"is_available": False})
    room = await client.customer()
    assert (await client.assign(room, 164801))[0] == 400
    assert (await client.assign(room, 164802))[0] == 200


async def test_one_room_is_always_refused_until_it_is_not(client):
    room, other = await client.customer(), await client.customer()
    await client.control(f"rooms/{room}", {"refuse": 422})
    assert (await client.assign(room, 164801))[0] == 422
    assert (await client.assign(other, 164801))[0] == 200
    await client.control(f"rooms/{room}", {"refuse": None})
    assert (await client.assign(room, 164801))[0] == 200


async def test_latency(client):
    await client.faults(latency_s="0.2:0.25")
    began = monotonic()
    await client.call("GET", AGENTS)
    assert monotonic() - began >= 0.2


async def test_a_caller_who_leaves_early_does_not_stop_the_effect(client):
    room = await client.customer()
    await client.faults(latency_s=0.3)
    with pytest.raises(TimeoutError):
        await client.assign(room, 164801, timeout_s=0.1)
    await asyncio.sleep(0.1)
    assert await seated(client) == 1


async def test_who_decides_about_an_agent_that_is_away_is_obeyed(client):
    await client.faults(agent_flaps_per_s=100)
    await asyncio.sleep(0.2)
    await client.faults(agent_flaps_per_s=0)
    await asyncio.sleep(0.3)
    for agent_id in (164801, 164802, 164803):
        await client.control(f"agents/{agent_id}", {"is_available": False})
    await asyncio.sleep(0.5)
    assert (await client.control("state"))["agents_online"] == 0


async def test_rooms_are_stale_but_never_unknown(client):
    await client.faults(room_lag_s=0.4)
    room = await client.customer()
    await client.assign(room, 164801)
    _, body = await client.call("GET", f"/api/v2/customer_rooms/{room}")
    assert body["data"]["customer_room"]["is_waiting"] is True
    _, body = await client.call("POST", "/api/v2/customer_rooms", json={})
    assert body["data"]["customer_rooms"] == []
    await asyncio.sleep(0.45)
    _, body = await client.call("GET", f"/api/v2/customer_rooms/{room}")
    assert body["data"]["customer_room"]["is_waiting"] is False


async def test_people_interfere(start):
    async with start("--agents", "5", "--chatter-s", "0") as client:
        await client.control("service", {"service_s": None})
        await client.control("customers", {"count": 40})
        await client.faults(hand_assign=60, takeover=30, hand_resolve=20, remove_agent=20, agent_flaps_per_s=20)
        await asyncio.sleep(1)
        entries = await client.control("record")
        done = {(entry["kind"], entry.get("what")) for entry in entries}
        assert {("assigned", "hand"), ("removed", "hand"), ("resolved", "hand")} <= done
        assert any(entry["kind"] == "agent" and not entry["state"]["online"] for entry in entries)
        verdict = await client.verdict()
        assert (verdict["assigned"], verdict["over"], verdict["doubled"]) == (0, 0, 0)


async def test_wrong_faults_are_refused_with_a_sentence(client):
    for body in ({"nope": 1}, {"error_5xx": 7}, {"latency_s": "5:1"}):
        status, told = await client.call("POST", "/simulator/faults", headers=None, json=body)
        assert status == 400
        assert next(iter(body)) in told["error"]
