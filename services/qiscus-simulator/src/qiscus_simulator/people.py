"""What goes on by itself in an app: customers arrive, agents flap, people interfere.

Each is a Poisson stream of its own whose rate may be changed at any time. A change is noticed within a quarter of a
second; as the stream has no memory the wait is simply drawn again.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from random import Random
from typing import Any, Final

from qiscus_simulator.platform import AssignRequest
from qiscus_simulator.values import AgentType, Room
from qiscus_simulator.world import World

LOOK_EVERY_S: Final = 0.25
LOOK_WHEN_IDLE_S: Final = 0.05


class People:
    """The streams of one app."""

    def __init__(self, world: World) -> None:
        """Be ready; nothing moves before ``run``."""
        self._world = world
        self._who = world.traffic.stream("who interferes")

    def streams(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Return the endless streams, one per habit, to be run as tasks."""
        world = self._world
        habits: dict[str, tuple[Callable[[], float], Callable[[], None]]] = {
            "customers": (lambda: world.customers_per_s, self.arrive),
            "flaps": (lambda: world.faults.agent_flaps_per_s, self.flap),
            "hand_assign": (lambda: world.faults.hand_assign, self.hand_assign),
            "takeover": (lambda: world.faults.takeover, self.take_over),
            "hand_resolve": (lambda: world.faults.hand_resolve, self.hand_resolve),
            "remove_agent": (lambda: world.faults.remove_agent, self.remove_agent),
        }
        for name, (rate, do) in habits.items():
            yield pace(rate, do, world.traffic.stream(f"pace of {name}"))

    def arrive(self) -> None:
        """Let the next customer come."""
        arrival = self._world.traffic.arrival()
        room = self._world.old_room() if arrival.returning else None
        self._world.arrive(arrival, room, send=True)

    def flap(self) -> None:
        """Let an agent go offline for a moment."""
        online = [agent for agent in self._world.serving_agents() if agent.online]
        if online:
            self._world.send_away(self._who.choice(online), self._world.traffic.away_s())

    def hand_assign(self) -> None:
        """Let a supervisor give a waiting room to somebody online, full or not."""
        room = self._pick(lambda room: room.is_waiting)
        if room is not None:
            give(self._world, room, self._online_for(room))

    def take_over(self) -> None:
        """Let an agent take a served room over from another."""
        room = self._pick(lambda room: bool(room.seated))
        if room is not None:
            others = [agent_id for agent_id in self._online_for(room) if agent_id not in room.seated]
            take_over(self._world, room, others)

    def hand_resolve(self) -> None:
        """Let the admin resolve a room, waiting or served."""
        room = self._pick(lambda _: True)
        if room is not None:
            self._world.resolve(room.id, self._world.one_of_type(AgentType.ADMIN).id, what="hand", notes=None)

    def remove_agent(self) -> None:
        """Let a supervisor remove an agent from a room."""
        room = self._pick(lambda room: bool(room.seated))
        if room is not None:
            self._world.remove(room.id, room.seated[-1], what="hand")

    def _pick(self, fits: Callable[[Room], bool]) -> Room | None:
        rooms = [room for room in self._world.platform.open_rooms() if fits(room)]
        return self._who.choice(rooms) if rooms else None

    def _online_for(self, room: Room) -> list[int]:
        fitting = self._world.platform.eligible(room.channel.key)
        agents = [agent.id for agent in fitting if agent.online and agent.type is AgentType.AGENT]
        self._who.shuffle(agents)
        return agents


def give(world: World, room: Room, agent_ids: list[int]) -> bool:
    """Seat the first of some agents by hand; nothing happens when there is none."""
    if not agent_ids:
        return False
    request = AssignRequest(room_id=room.id, agent_id=agent_ids[0], max_agent=None, replace_latest=False)
    world.assign(request, what="hand", number=0)
    return True


def take_over(world: World, room: Room, agent_ids: list[int]) -> bool:
    """Seat the first of some agents by hand in place of those who sit there."""
    if not agent_ids:
        return False
    seated = [agent_id for agent_id in room.seated if agent_id != agent_ids[0]]
    give(world, room, agent_ids)
    for agent_id in seated:
        world.remove(room.id, agent_id, what="hand")
    return True


async def pace(rate: Callable[[], float], do: Callable[[], None], random: Random) -> None:
    """Do something ``rate()`` times a second, at random moments, for ever. 0 rests."""
    loop = asyncio.get_running_loop()
    with suppress(asyncio.CancelledError):
        while True:
            now_per_s = rate()
            if now_per_s <= 0:
                await asyncio.sleep(LOOK_WHEN_IDLE_S)
                continue
            due = loop.time()
            while rate() == now_per_s:
                due += random.expovariate(now_per_s)
                await _until(due, loop, lambda: rate() == now_per_s)  # noqa: B023 - called at once
                if rate() == now_per_s:
                    do()


async def _until(due: float, loop: asyncio.AbstractEventLoop, still: Callable[[], bool]) -> None:
    while (left_s := due - loop.time()) > 0 and still():  # noqa: ASYNC110 - the rate may change any time
        await asyncio.sleep(min(left_s, LOOK_EVERY_S))
    if due <= loop.time():
        await asyncio.sleep(0)  # a stream that is behind must not hold up the others
