"""Each REST call over real HTTP: the recorded shape, the recorded laws."""

import asyncio
import json
from pathlib import Path

import pytest

ADMIN = "/api/v1/admin/service"
V2 = "/api/v2/admin"
FIXTURES = Path(__file__).parents[2] / "fixtures"


def recorded(name):
    return json.loads((FIXTURES / f"{name}.json").read_text())


def shape(value):
    """Keys and types; nulls fit anything, a list counts by its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def alike(made, expected):
    if "NoneType" in (made, expected) or [] in (made, expected):
        return True
    if isinstance(expected, dict):
        same_keys = isinstance(made, dict) and made.keys() == expected.keys()
        return same_keys and all(alike(made[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return isinstance(made, list) and alike(made[0], expected[0])
    return made == expected


def assert_like(made, name):
    assert alike(shape(made), shape(recorded(name))), made


async def test_assign_by_form_and_by_json(client):
    one, other = await client.customer(), await client.customer()
    status, body = await client.assign(one, 164801)
    assert status == 200
    assert_like(body, "responses/assign_agent")
    assert body["data"]["added_agent"]["id"] == 164801
    status, _ = await client.call(
        "POST", f"{ADMIN}/assign_agent", json={"room_id": int(other), "agent_id": 164801, "max_agent": 1}
    )
    assert status == 200


async def test_of_many_assigns_at_once_one_wins(client):
    room = await client.customer()
    answers = await asyncio.gather(*(client.assign(room, 164801 + number % 3) for number in range(12)))
    assert sorted(status for status, _ in answers) == [200] + [400] * 11
    assert all(body == recorded("errors/assign_400_exceed_max_agents") for status, body in answers if status == 400)


async def test_refusals_have_the_recorded_bodies(client):
    room = await client.customer()
    assert await client.assign(room, 7) == (400, recorded("errors/errors_object_variant"))
    assert (await client.assign("1", 164801))[0] == 404
    await client.call("POST", f"{ADMIN}/mark_as_resolved", json={"room_id": room})
    assert await client.assign(room, 164801) == (400, recorded("errors/assign_400_already_resolved"))


async def test_wrong_credentials_are_401(client):
    unauthorized = (401, recorded("errors/unauthorized_401"))
    for headers in ({}, {"Qiscus-App-Id": "sim-demo", "Qiscus-Secret-Key": "no"}, {"Qiscus-App-Id": "sim-x"}):
        assert await client.call("GET", f"{V2}/agents", headers=headers) == unauthorized


@pytest.mark.parametrize("body", [b"{", b"[1]", b"[" * 100_000, b"\xff"])
async def test_a_body_that_cannot_be_read_is_400(client, body):
    headers = {"Qiscus-App-Id": "sim-demo", "Qiscus-Secret-Key": "secret", "Content-Type": "application/json"}
    assert (await client.call("POST", f"{ADMIN}/assign_agent", headers=headers, data=body))[0] == 400


async def test_available_agents_hold_offline_ones_and_supervisors(client):
    room = await client.customer("line")
    await client.control("agents/164802", {"is_available": False})
    await client.control("agents/164803", {"channels": ["wa"]})
    await client.control("agents/164801", {"divisions": ["Sales", "Premium"]})
    _, body = await client.call("GET", f"{V2}/service/available_agents?room_id={room}")
    assert_like(body, "responses/available_agents_v2")
    agents = {agent["id"]: agent for agent in body["data"]["agents"]}
    assert set(agents) == {164799, 164800, 164801, 164802}
    assert {agent["type_as_string"] for agent in agents.values()} == {"agent", "supervisor", "admin"}
    assert agents[164802]["is_available"] is False
    assert [role["name"] for role in agents[164801]["user_roles"]] == ["Premium", "Sales"]
    assert [role["name"] for role in agents[164802]["user_roles"]] == ["Default"]
    assert (await client.call("GET", f"{V2}/service/available_agents?room_id=1"))[0] == 404


async def test_pages_follow_the_cursor(start):
    async with start("--agents", "43") as client:
        room, path, seen = await client.customer(), f"{V2}/service/available_agents?room_id=", []
        _, page = await client.call("GET", path + room)
        assert page["meta"]["per_page"] == len(page["data"]["agents"]) == 20
        while True:
            seen += [agent["id"] for agent in page["data"]["agents"]]
            if page["meta"]["after"] is None:
                break
            _, page = await client.call("GET", f"{path}{room}&cursor_after={page['meta']['after']}")
        assert seen == list(range(164799, 164844))
        _, back = await client.call("GET", f"{path}{room}&limit=5&cursor_before={page['meta']['before']}")
        assert [agent["id"] for agent in back["data"]["agents"]] == seen[35:40]
        _, whole = await client.call("GET", f"{path}{room}&limit=1000")
        assert (len(whole["data"]["agents"]), whole["meta"]["per_page"]) == (45, 100)
        assert (await client.call("GET", f"{path}{room}&cursor_after=%21"))[0] == 400


async def test_other_agents_are_those_not_in_the_room(client):
    room = await client.customer()
    await client.assign(room, 164801)
    _, body = await client.call("GET", f"{V2}/service/other_agents?room_id={room}")
    assert_like(body, "responses/other_agents_v2")
    assert 164801 not in {agent["id"] for agent in body["data"]["agents"]}
    _, found = await client.call("GET", f"{V2}/service/other_agents?room_id={room}&search=AGENT3@")
    assert [agent["id"] for agent in found["data"]["agents"]] == [164803]


async def test_the_lists_of_agents(client):
    _, body = await client.call("GET", f"{V2}/agents?page=2&limit=3")
    assert_like(body, "responses/agents_v2")
    assert [agent["id"] for agent in body["data"]["agents"]] == [164802, 164803]
    assert body["meta"]["total_count"] == 5
    _, body = await client.call("GET", f"{V2}/agent/164801")
    assert_like(body, "responses/agent_by_id_v2")
    _, body = await client.call("GET", "/api/v1/admin/agents/get_by_ids?ids[]=164801&ids[]=164803&ids[]=5")
    assert_like(body, "responses/agents_get_by_ids_v1")
    assert [agent["id"] for agent in body["data"]] == [164801, 164803]


async def test_a_deleted_agent_is_gone(client):
    await client.control("agents/164801", {"deleted": True})
    assert (await client.call("GET", f"{V2}/agent/164801"))[0] == 404
    assert (await client.assign(await client.customer(), 164801))[0] == 400


async def test_the_platforms_pick_knows_no_cap_and_assigns_nobody(client):
    for agent_id in (164802, 164803):
        await client.control(f"agents/{agent_id}", {"is_available": False})
    for _ in range(4):
        await client.assign(await client.customer(), 164801)
    _, body = await client.call("POST", f"{ADMIN}/allocate_agent", data={"source": "wa"})
    assert_like(body, "responses/allocate_agent")
    assert body["data"]["agent"]["id"] == 164801
    await client.control("agents/164801", {"is_available": False})
    _, body = await client.call("POST", f"{ADMIN}/allocate_agent", data={"source": "wa"})
    assert body == {"data": {"agent": None}}
    _, body = await client.call("POST", f"{ADMIN}/allocate_agent", data={"source": "wa", "ignore_availability": "true"})
    assert body["data"]["agent"]["is_available"] is False


async def test_counters_are_late(client):
    async def count():
        _, body = await client.call("GET", f"{V2}/agent/164801")
        return body["data"]["agent"]["current_customer_count"]

    await client.faults(counter_lag_s=0.3)
    await client.assign(await client.customer(), 164801)
    assert await count() == 0
    await asyncio.sleep(0.35)
    assert await count() == 1


async def test_one_room_and_the_list_of_rooms(client):
    await client.faults(list_lag_s=0)
    room, served = await client.customer("ceria"), await client.customer()
    await client.assign(served, 164801)
    _, body = await client.call("GET", f"/api/v2/customer_rooms/{room}")
    assert_like(body, "responses/customer_room_by_id_v2")
    assert body["data"]["customer_room"]["is_waiting"] is True
    _, body = await client.call("POST", "/api/v2/customer_rooms", json={"serve_status": "unserved"})
    assert_like(body, "responses/customer_rooms_v2")
    assert [row["room_id"] for row in body["data"]["customer_rooms"]] == [room]
    _, body = await client.call("POST", "/api/v2/customer_rooms", json={"cursor_after": "tomorrow"})
    assert body == {"errors": "cursor is invalid"}
    assert (await client.call("GET", "/api/v2/customer_rooms/1"))[0] == 404


async def test_resolve_and_remove(client):
    room = await client.customer()
    await client.assign(room, 164801)
    form = {"room_id": room, "agent_id": "164801"}
    assert (await client.call("POST", f"{ADMIN}/remove_agent", data=form))[0] == 200
    assert (await client.control("state"))["waiting"] == 1
    status, body = await client.call("POST", f"{ADMIN}/mark_as_resolved", json={"room_id": room, "notes": "done"})
    assert status == 200
    assert_like(body, "responses/mark_as_resolved")
    assert (await client.control("state"))["resolved"] == 1


async def test_webhooks_are_set_by_api_and_unset(client):
    path = "/api/v1/app/webhook"
    form = {"webhook_url": "http://127.0.0.1:9/r", "is_webhook_enabled": "true"}
    status, body = await client.call("POST", f"{path}/mark_as_resolved", data=form)
    assert status == 200
    assert_like(body, "responses/set_mark_as_resolved_webhook")
    assert body["data"]["mark_as_resolved_webhook_url"] == "http://127.0.0.1:9/r"
    _, listed = await client.call("GET", "/api/v2/admin/webhook_config")
    assert_like(listed, "responses/webhook_config_v2")
    assert [one["url"] for one in listed["data"]["webhook_configs"]] == [form["webhook_url"]]
    await client.call("POST", f"{path}/agent_allocation", json=form)
    assert (await client.control("state"))["allocate_url_set"] is True
    await client.call("POST", f"{path}/agent_allocation", json={"is_webhook_enabled": False})
    assert (await client.control("state"))["allocate_url_set"] is False
    assert (await client.call("POST", f"{path}/mark_as_resolved", json={"webhook_url": "nonsense"}))[0] == 400
