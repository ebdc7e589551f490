"""``allocator policy show``, ``check``, ``diff``, ``try``, as a person runs them: real stores, a simulated platform."""

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from integration.allocator.asked import ask

from allocator.adapters.policy_yaml import read_policy
from allocator.adapters.postgres import PostgresLedger
from allocator.core.changes import Changes
from allocator.core.ids import AppId, Lane, RoomId, SessionId
from allocator.core.session import opened
from allocator.core.spec import rows_for
from contract import new_event_id
from qiscus_simulator.app import running
from qiscus_simulator.options import read_options

APP = AppId("sim-demo")
NOWHERE = ("postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1/0")


@pytest.fixture
async def ledger(schema_url):
    made = PostgresLedger(schema_url, 3.0)
    yield made
    await made.close()


@pytest.fixture
async def epoch(ledger):
    return await ledger.begin_term("a")


@pytest.fixture
def urls(schema_url, redis_url):
    return schema_url, redis_url


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "policy.yaml"
        path.write_text(content)
        return str(path)

    return write


@pytest.fixture
async def place():
    """The platform with two agents, and a word to steer it."""
    options = read_options(["--port", "0", "--agents", "2", "--chatter-s", "0", "--doubled-share", "0"], {})
    async with running(options) as simulator, httpx.AsyncClient(trust_env=False) as client:

        async def control(path, **body):
            answer = await client.post(f"{simulator.url}/simulator/{path}", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        await control("service", service_s=None)
        yield simulator, control


async def put(ledger, epoch, spec):
    async with ledger.transaction(epoch) as tx:
        return await tx.put_policy(APP, spec, datetime.now(UTC))


async def waits(ledger, epoch, rooms, lane="wa"):
    """Sessions that wait, written down as a leader does."""
    changes = Changes()
    for room in rooms:
        identity = SessionId(new_event_id())
        since = datetime.now(UTC)
        session = opened(
            id=identity, app=APP, room=RoomId(room), lane=Lane(lane), since=since, previous=None, look_at=None
        )
        changes.note(None, session)
    async with ledger.transaction(epoch) as tx:
        await tx.write(changes)


async def test_a_policy_is_one_and_needs_no_store(file):
    said = await ask(NOWHERE, "policy", "check", file("apps: [a, b]\ncapacity: {default: 3}\n"))
    assert (said.status, said.err) == (0, "")
    assert said.out.endswith("a policy for a, b\n")


async def test_what_is_none_is_shown_with_its_place_as_compilers_do(file):
    path = file("paused: false\nhours:\n  timezone: Jakarta\n")
    said = await ask(NOWHERE, "policy", "check", path)
    assert (said.status, said.out) == (1, "")
    assert said.err == f"{path}:3:13: $.hours.timezone: {said.err.partition('timezone: ')[2]}"
    assert "Asia/Jakarta" in said.err


async def test_a_file_that_is_not_there_is_a_sentence(file):
    said = await ask(NOWHERE, "policy", "check", "nowhere.yaml")
    assert (said.status, said.err) == (2, "allocator: nowhere.yaml: No such file or directory\n")


async def test_a_difference_is_shown_line_by_line_and_none_is_nothing(ledger, epoch, urls, file):
    await put(ledger, epoch, {"capacity": {"default": 3}, "paused": True})
    said = await ask(urls, "policy", "diff", file("capacity: {default: 4, total: 9}\n"), "--app", APP)
    assert said.status == 1, said.err
    lines = said.out.splitlines()
    assert lines[0] == f"--- version 1 of {APP}"
    assert [line for line in lines[3:] if line[0] in "+-"] == [
        "-  default: 3",
        "-paused: true",
        "+  default: 4",
        "+  total: 9",
    ]
    same = await ask(urls, "policy", "diff", file("paused: true\ncapacity: {default: 3}\n"), "--app", APP)
    assert (same.status, same.out) == (0, "")


async def test_the_policy_in_force_is_shown_with_its_version_as_a_file_that_says_the_same(ledger, epoch, urls, file):
    before = await ask(urls, "policy", "show", APP)
    assert before.out.startswith(f"# {APP}: version 0, before anybody gave one; nobody leads\n{{}}"), before
    await put(ledger, epoch, {"capacity": {"agents": [{"email": "a@example.com", "max": 1}]}, "paused": True})
    said = await ask(urls, "policy", "show", APP)
    assert said.out.startswith(f"# {APP}: version 1, from file, since ")
    same = await ask(urls, "policy", "diff", file(said.out), "--app", APP)
    assert (same.status, same.out) == (0, "")
    assert (await ask(urls, "policy", "show", APP, "--json")).json["policies"][0]["spec"]["paused"] is True


async def test_a_file_and_an_object_that_say_the_same_are_one_row_to_the_byte(ledger, epoch):
    bare = b"capacity: {agents: [{max: 5, id: 7}], default: 2}\npaused: false\nhours: {timezone: UTC, outside: hold}\n"
    whole = b"""
apiVersion: antre.dev/v1alpha1
kind: AllocationPolicy
metadata: {name: support}
spec:
  apps: [sim-demo]
  hours: {timezone: "UTC"}
  capacity:
    agents:
      - {id: 7, max: 5}
"""
    rows = [dict(rows_for(read_policy(content), [APP]))[APP] for content in (bare, whole)]
    assert len({msgspec.json.encode(row, order="sorted") for row in rows}) == 1
    assert [await put(ledger, epoch, row) for row in rows] == [1, 1]


async def test_what_is_no_policy_cannot_be_compared(urls, file):
    said = await ask(urls, "policy", "diff", file("paused: 1\n"), "--app", APP)
    assert (said.status, said.out) == (2, "")
    assert "line 1, column 9" in said.err


async def test_a_store_that_does_not_answer_is_status_3(file):
    said = await ask(NOWHERE, "policy", "diff", file(""), "--app", APP)
    assert said.status == 3
    assert "127.0.0.1:1" in said.err


async def test_a_trial_tells_who_would_get_whom_and_why_others_wait_and_changes_nothing(
    ledger, epoch, urls, file, place
):
    simulator, control = place
    rooms = (await control("customers", count=3, source="wa", send=False))["room_ids"]
    other = (await control("customers", count=1, source="ig", send=False))["room_ids"]
    await control("agents/164802", divisions=["Sales"])
    await put(ledger, epoch, {"capacity": {"default": 0}})
    await waits(ledger, epoch, rooms)
    await waits(ledger, epoch, other, lane="ig")
    path = file("eligibility: [{when: {sources: [wa]}, divisions: [Sales]}]\n")
    env = {"QISCUS_APP_ID": APP, "QISCUS_SECRET_KEY": "secret", "QISCUS_BASE_URL": simulator.url}
    said = await ask(urls, "policy", "try", path, "--app", APP, "--json", **env)
    assert said.status == 0, said.err
    assert [(one["room"], one["agent"], one["why"]) for one in said.json["sessions"]] == [
        (rooms[0], 164802, None),
        (rooms[1], 164802, None),
        (rooms[2], None, "all_at_capacity"),
        (other[0], 164801, None),
    ]
    assert {one["why_in_force"] for one in said.json["sessions"]} == {"all_at_capacity"}
    text = await ask(urls, "policy", "try", path, "--app", APP, **env)
    assert "3 would be assigned at once and 1 would wait. Nothing was changed." in text.out
    assert (await control("people", room_id=rooms[0], do="resolve"))["agents"] == []
    assert (await ledger.standing(APP)).states == {"waiting": 4}
    async with ledger.transaction(epoch) as tx:
        assert (await tx.survey(APP, datetime.now(UTC), 0)).policy.version == 1


async def test_a_trial_outside_of_the_hours_says_when_they_begin(ledger, epoch, urls, file, place):
    simulator, control = place
    await waits(ledger, epoch, (await control("customers", count=1, source="wa", send=False))["room_ids"])
    today = datetime.now(UTC).date()
    days = ", ".join(f"{{date: {today + timedelta(days=n)}}}" for n in (-1, 0, 1))
    path = file(f"hours: {{timezone: UTC, closed: [{days}]}}\n")
    env = {"QISCUS_APP_ID": APP, "QISCUS_SECRET_KEY": "secret", "QISCUS_BASE_URL": simulator.url}
    said = await ask(urls, "policy", "try", path, "--app", APP, "--json", **env)
    assert [one["why"] for one in said.json["sessions"]] == ["outside_hours"], said.err
    assert said.json["opens_at"].startswith(f"{today + timedelta(days=2)}T00:00:00")
    assert "It is outside of its hours" in (await ask(urls, "policy", "try", path, "--app", APP, **env)).out


async def test_a_trial_without_credentials_says_what_is_missing(urls, file, epoch):
    said = await ask(urls, "policy", "try", file(""), "--app", APP)
    assert said.status == 2
    assert "QISCUS_APP_ID" in said.err
