"""What the leader may expect of the platform: the one in memory and the REST API of the simulator alike."""

import asyncio

import httpx
import pytest

from allocator.adapters.qiscus import QiscusPlatform, new_client
from allocator.core import outcomes as o
from allocator.core.ids import AgentId, Lane, RoomId
from allocator.core.roster import Roster
from qiscus_simulator.app import running
from qiscus_simulator.options import read_options
from simulation import nearby
from simulation.remote import Mood, RemotePlatform
from support.memory import Instead, MemoryPlatform, VirtualClock

ONE, TWO, THREE = AgentId(164801), AgentId(164802), AgentId(164803)
TIMEOUT_S = 0.5


class InMemory:
    """The one in memory, with three agents."""

    def __init__(self):
        self.platform = MemoryPlatform(VirtualClock())
        for agent in (ONE, TWO, THREE):
            self.platform.agent(agent, email=f"Agent{agent - 164800}@example.com")
        self.rooms = 0

    async def customer(self, source="wa"):
        self.rooms += 1
        return self.platform.customer(str(self.rooms), source)

    async def comes_back(self, room):
        self.platform.customer(room, self.platform.rooms[room].source)

    async def resolve(self, room):
        self.platform.resolve(room)

    async def remove(self, room, _):
        self.platform.remove(room)

    async def take_over(self, room, agent):
        self.platform.put(room, agent)

    async def offline(self, agent):
        self.platform.agent(agent, online=False)

    async def only_for(self, agent, source):
        self.platform.agent(agent, sources=[source])

    async def of(self, agent, *divisions):
        self.platform.agent(agent, divisions=divisions, email=f"Agent{agent - 164800}@example.com")

    async def trouble(self, name):
        unknown = Instead(o.Unknown("no answer in time"))
        if name == "effect_then_timeout":
            self.platform.script.after("assign", unknown)
            return
        answer = {"too_many": Instead(o.NotNow(2.0)), "unauthorized": Instead(o.CredentialsRefused())}.get(
            name, unknown
        )
        self.platform.script.before("assign", answer)
        for call in ("roster", "suggestion", "unserved"):
            self.platform.script.before(call, answer)
        self.platform.script.before("view", Instead(o.NotSeen(answer.value)))

    async def calm(self):
        self.platform.script.clear()


class Remote(InMemory):
    """The one in memory, over a network, with an answer of its own to what goes wrong."""

    def __init__(self):
        super().__init__()
        self.mood, self.place = Mood(), self.platform
        self.remote = RemotePlatform(self.place, nearby.link(), self.mood, TIMEOUT_S)
        self.platform = _Both(self.place, self.remote)

    async def trouble(self, name):
        changes = {
            "effect_then_timeout": {"unanswered": 1.0},
            "too_many": {"too_many": 1.0},
            "unauthorized": {"deaf": True},
        }
        for mood, value in changes.get(name, {"late": 1.0, "late_s": 3600.0, "error": 1.0}).items():
            setattr(self.mood, mood, value)

    async def calm(self):
        self.mood.__init__()


class _Both:
    """The port over the network, and the hands on what lies behind it."""

    def __init__(self, place, remote):
        self._place, self._remote = place, remote

    def __getattr__(self, name):
        return getattr(self._remote if hasattr(self._remote, name) else self._place, name)


class InSimulator:
    """The real one, before a simulator in this process."""

    def __init__(self, client, control, simulator):
        self.client, self.url = control, simulator.url
        self.platform = QiscusPlatform(
            client, base_url=self.url, app_id="sim-demo", secret_key="secret", timeout_s=TIMEOUT_S
        )

    async def control(self, path, **body):
        answer = await self.client.post(f"{self.url}/simulator/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def customer(self, source="wa"):
        return RoomId((await self.control("customers", source=source))["room_ids"][0])

    async def comes_back(self, room):
        await self.control("customers", room_id=room)

    async def resolve(self, room):
        await self.control("people", room_id=room, do="resolve")

    async def remove(self, room, agent):
        await self.control("people", room_id=room, do="remove", agent_id=agent)

    async def take_over(self, room, agent):
        await self.control("people", room_id=room, do="takeover", agent_id=agent)

    async def offline(self, agent):
        await self.control(f"agents/{agent}", is_available=False)

    async def only_for(self, agent, source):
        await self.control(f"agents/{agent}", channels=[source])

    async def of(self, agent, *divisions):
        await self.control(f"agents/{agent}", divisions=divisions)

    async def trouble(self, name):
        await self.control("faults", **{name: 1})

    async def calm(self):
        names = ("effect_then_timeout", "timeout_no_effect", "too_many", "unauthorized", "error_5xx")
        await self.control("faults", **dict.fromkeys(names, 0))


@pytest.fixture(params=["memory", "remote", "simulator"])
async def case(request):
    if request.param != "simulator":
        yield InMemory() if request.param == "memory" else Remote()
        return
    options = read_options(["--port", "0", "--agents", "3", "--chatter-s", "0", "--doubled-share", "0"], {})
    async with (
        running(options) as simulator,
        new_client() as client,
        httpx.AsyncClient(trust_env=False) as control,
    ):
        made = InSimulator(client, control, simulator)
        await made.control("service", service_s=None)
        await made.control("faults", counter_lag_s=0, list_lag_s=0, refuse_offline=1)
        yield made


class TestAssign:
    async def test_a_room_that_waits_gets_the_agent(self, case):
        room = await case.customer()
        assert await case.platform.assign(room, ONE) == o.Done()
        assert await case.platform.view(room, ONE) == o.Served(ours=True)

    async def test_a_room_with_an_agent_gets_no_second(self, case):
        room = await case.customer()
        await case.platform.assign(room, ONE)
        assert await case.platform.assign(room, TWO) == o.SomebodyThere()
        assert await case.platform.assign(room, ONE) == o.SomebodyThere()
        assert await case.platform.view(room, TWO) == o.Served(ours=False)

    async def test_a_resolved_room_gets_nobody(self, case):
        room = await case.customer()
        await case.resolve(room)
        assert await case.platform.assign(room, ONE) == o.AlreadyOver()

    async def test_a_room_that_is_not_there_is_refused(self, case):
        assert isinstance(await case.platform.assign(RoomId("404404"), ONE), o.RoomRefused)

    async def test_an_agent_who_is_not_there_is_refused_and_the_room_waits_on(self, case):
        room = await case.customer()
        assert isinstance(await case.platform.assign(room, AgentId(7)), o.AgentRefused)
        assert await case.platform.view(room, None) == o.Waits()

    async def test_an_agent_who_went_offline_is_refused_and_the_room_waits_on(self, case):
        room = await case.customer()
        await case.offline(ONE)
        assert isinstance(await case.platform.assign(room, ONE), o.AgentRefused)
        assert await case.platform.view(room, None) == o.Waits()

    async def test_after_an_agent_was_taken_out_another_can_come(self, case):
        room = await case.customer()
        await case.platform.assign(room, ONE)
        await case.remove(room, ONE)
        assert await case.platform.view(room, ONE) == o.Waits()
        assert await case.platform.assign(room, TWO) == o.Done()

    async def test_a_customer_who_came_back_can_be_given_again(self, case):
        room = await case.customer()
        await case.platform.assign(room, ONE)
        await case.resolve(room)
        await case.comes_back(room)
        assert await case.platform.assign(room, TWO) == o.Done()

    async def test_an_answer_that_does_not_come_is_unknown_though_it_took_effect(self, case):
        room = await case.customer()
        await case.trouble("effect_then_timeout")
        assert isinstance(await case.platform.assign(room, ONE), o.Unknown)
        await case.calm()
        assert await case.platform.view(room, ONE) == o.Served(ours=True)

    async def test_and_unknown_too_where_it_had_none(self, case):
        room = await case.customer()
        await case.trouble("timeout_no_effect")
        assert isinstance(await case.platform.assign(room, ONE), o.Unknown)
        await case.calm()
        assert await case.platform.view(room, ONE) == o.Waits()


class TestView:
    async def test_whoever_is_asked_about_a_room_that_waits_waits(self, case):
        room = await case.customer()
        assert await case.platform.view(room, None) == o.Waits()
        assert await case.platform.view(room, ONE) == o.Waits()

    async def test_a_served_room_and_nobody_asked_about(self, case):
        room = await case.customer()
        await case.platform.assign(room, ONE)
        assert await case.platform.view(room, None) == o.Served(ours=False)

    async def test_a_room_that_was_taken_over(self, case):
        room = await case.customer()
        await case.platform.assign(room, ONE)
        await case.take_over(room, TWO)
        assert await case.platform.view(room, ONE) == o.Served(ours=False)
        assert await case.platform.view(room, TWO) == o.Served(ours=True)

    async def test_a_resolved_room(self, case):
        room = await case.customer()
        await case.resolve(room)
        assert await case.platform.view(room, ONE) == o.Over()

    async def test_a_room_that_is_not_there(self, case):
        assert await case.platform.view(RoomId("404404"), ONE) == o.Missing()


class TestRoster:
    async def test_who_may_take_a_room_with_what_they_have(self, case):
        rooms = [await case.customer() for _ in range(3)]
        for room in rooms[:2]:
            await case.platform.assign(room, TWO)
        roster = await case.platform.roster(rooms[2], 17.0)
        assert (roster.read_at, roster.uses) == (17.0, None)
        assert {one.agent: one.count for one in roster.agents} == {ONE: 0, TWO: 2, THREE: 0}
        assert all(one.online for one in roster.agents)

    async def test_who_is_offline_is_not_online_in_it(self, case):
        room = await case.customer()
        await case.offline(ONE)
        roster = await case.platform.roster(room, 0.0)
        assert {one.agent for one in roster.agents if one.online} == {TWO, THREE}

    async def test_who_may_not_take_the_channel_is_not_in_it(self, case):
        room = await case.customer("wa")
        await case.only_for(THREE, "line")
        assert {one.agent for one in (await case.platform.roster(room, 0.0)).agents} == {ONE, TWO}

    async def test_of_which_divisions_they_are_and_their_addresses_are_in_it(self, case):
        room = await case.customer()
        await case.of(TWO, "Sales", "Premium")
        agents = {one.agent: one for one in (await case.platform.roster(room, 0.0)).agents}
        assert agents[TWO].divisions == {"sales", "premium"}
        assert agents[TWO].email == "agent2@example.com"
        assert "sales" not in agents[ONE].divisions

    async def test_a_room_that_is_not_there(self, case):
        assert isinstance(await case.platform.roster(RoomId("404404"), 0.0), o.RoomRefused)

    async def test_a_suggestion_is_one_agent_for_one_customer(self, case):
        room = await case.customer()
        await case.platform.assign(room, ONE)
        found = await case.platform.suggestion(Lane("wa"), 17.0)
        assert (len(found.agents), found.uses, found.read_at) == (1, 1, 17.0)
        assert found.agents[0].agent in (TWO, THREE)
        assert found.agents[0].divisions == frozenset()
        assert found.agents[0].email.startswith("agent")
        assert found.agents[0].online

    async def test_where_nobody_is_online_nobody_is_suggested(self, case):
        for agent in (ONE, TWO, THREE):
            await case.offline(agent)
        found = await case.platform.suggestion(Lane("wa"), 0.0)
        assert not isinstance(found, Roster) or not any(one.online for one in found.agents)


class TestUnserved:
    async def listed(self, case):
        pages = [page async for page in case.platform.unserved()]
        assert not any(isinstance(page, o.Unknown) for page in pages)
        return [row for page in pages for row in page]

    async def test_rooms_that_wait_are_listed_with_where_they_came_from(self, case):
        room = await case.customer("line")
        (row,) = await self.listed(case)
        assert (row.room, row.source) == (room, "line")
        assert row.since.tzinfo is not None

    async def test_whoever_is_served_or_resolved_is_not(self, case):
        rooms = [await case.customer() for _ in range(3)]
        await case.platform.assign(rooms[0], ONE)
        await case.resolve(rooms[1])
        assert [row.room for row in await self.listed(case)] == [rooms[2]]

    async def test_nobody_waits(self, case):
        assert await self.listed(case) == []

    async def test_a_long_list_is_read_to_its_end(self, case):
        rooms = {await case.customer() for _ in range(40)}
        await asyncio.sleep(1.1)  # rows of one second lie on both sides of a page's edge
        rooms |= {await case.customer() for _ in range(40)}
        await asyncio.sleep(1.1)
        assert {row.room for row in await self.listed(case)} == rooms


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [("too_many", o.NotNow), ("unauthorized", o.CredentialsRefused), ("error_5xx", o.Unknown)],
)
async def test_trouble_of_the_whole_platform_is_told_by_every_call(case, trouble, kind):
    room = await case.customer()
    await case.trouble(trouble)
    assert isinstance(await case.platform.assign(room, ONE), kind)
    assert isinstance((await case.platform.view(room, ONE)).because, kind)
    assert isinstance(await case.platform.roster(room, 0.0), kind)
    assert isinstance(await case.platform.suggestion(Lane("wa"), 0.0), kind)
    assert isinstance([page async for page in case.platform.unserved()][-1], kind)
    await case.calm()
    assert await case.platform.view(room, ONE) == o.Waits()


async def test_how_long_to_leave_it_alone_is_told(case):
    room = await case.customer()
    await case.trouble("too_many")
    assert await case.platform.assign(room, ONE) == o.NotNow(2.0)
