"""What happens to the system, or around it: requests land or do not, processes die, leases expire, agents and
customers come and go.
"""

from collections.abc import Iterator

from model.leading import gone
from model.ledger import Steps
from model.protocol import Protocol
from model.world import (
    ASSIGNED,
    DONE,
    DOUBT,
    FOLLOWS,
    LEADS,
    NOBODY,
    NONE,
    OVER,
    REFUSED,
    RESERVED,
    SENT,
    UNKNOWN,
    Event,
    Faults,
    Request,
    Room,
    Task,
    World,
    name,
    number,
    put,
    with_allocator,
    with_task,
)


def lands(protocol: Protocol, world: World) -> Steps:
    """A request reaches the platform, however late, and its answer whoever waits for it."""
    for request in dict.fromkeys(world.wire):
        answer, room = _answer(protocol, world.rooms[request.room], request.agent)
        jumped = world.jumped or (answer == DONE and _jumps(world, request.room))
        after = world._replace(rooms=put(world.rooms, request.room, room), jumped=jumped)
        late = " late" if request.owner == NOBODY else ""
        label = f"the request room {number(request.room)} to agent {request.agent} lands{late}: {answer}"
        yield label, _answered(_taken_off(after, request), request, answer)


def is_lost(world: World) -> Steps:
    """A request that nobody waits for any more never lands."""
    for request in dict.fromkeys(world.wire):
        if request.owner == NOBODY:
            label = f"the request room {number(request.room)} to agent {request.agent} is lost"
            yield label, _taken_off(world, request)


def comes_online(world: World) -> Steps:
    """An agent is back."""
    for agent in sorted(world.offline):
        yield f"agent {agent} comes online", world._replace(offline=world.offline - {agent})


def times_out(world: World) -> Steps:
    """A call is given up; its request is still on its way, and may have its effect."""
    for request in world.wire if world.left.timeouts else ():
        if request.owner != NOBODY:
            wire = tuple(sorted((*_without(world.wire, request), request._replace(owner=NOBODY))))
            label = (
                f"{name(request.owner)}'s call for room {number(request.room)} times out, its request still on its way"
            )
            yield label, _answered(_spent(world, "timeouts")._replace(wire=wire), request, UNKNOWN)


def crashes(world: World) -> Steps:
    """An allocator dies, and starts again with nothing in mind."""
    for who, allocator in enumerate(world.allocators):
        if world.left.crashes and allocator.role != FOLLOWS:
            yield f"{name(who)} crashes", gone(_spent(world, "crashes"), who)


def expires(world: World) -> Steps:
    """A lease runs out under its holder, who was paused or cut off and does not know it."""
    if world.left.expiries and world.lease != NOBODY:
        label = f"{name(world.lease)} is paused; its lease expires"
        yield label, _spent(world, "expiries")._replace(lease=NOBODY)


def goes_offline(world: World) -> Steps:
    """An agent takes nobody for a while. Whoever is assigned stays."""
    for agent in range(1, world.agents + 1):
        if world.left.flaps and agent not in world.offline:
            yield f"agent {agent} goes offline", _spent(world, "flaps")._replace(offline=world.offline | {agent})


def is_resolved(world: World) -> Steps:
    """An agent is done with a customer."""
    for index, room in enumerate(world.rooms):
        if world.left.resolves and room.agents:
            over = put(world.rooms, index, Room(room.session, (), resolved=True))
            after = _spent(world, "resolves")._replace(rooms=over)
            yield f"room {number(index)} is resolved", _told(after, index, room.session, resolved=True)


def comes_back(world: World) -> Steps:
    """A customer writes again: the room's next session."""
    for index, room in enumerate(world.rooms):
        if room.resolved:
            again = put(world.rooms, index, Room(room.session + 1, (), resolved=False))
            label = f"the customer of room {number(index)} comes back (session {room.session + 1})"
            yield label, _told(world._replace(rooms=again), index, room.session + 1, resolved=False)


def standby_falls_behind(world: World) -> Steps:
    """What the standby has is what Postgres has now, and no more."""
    if world.left.failovers and world.standby is None:
        yield "the standby of Postgres falls behind from here on", world._replace(standby=world.ledger)


def fails_over(protocol: Protocol, world: World) -> Steps:
    """Postgres goes on as the standby: what was written since is forgotten, terms included."""
    if world.standby is None:
        return
    back = _spent(world, "failovers")._replace(ledger=world.standby, standby=None, pending=None)
    label = f"Postgres fails over to the standby, term {back.ledger.epoch}; what was written since is gone"
    if protocol.failover_is_noticed:
        minds = tuple(one._replace(unsure=True) if one.role == LEADS else one for one in back.allocators)
        back = back._replace(allocators=minds)
    yield label, back


def _answer(protocol: Protocol, room: Room, agent: int) -> tuple[str, Room]:
    """What the platform answers, and the room afterwards."""
    if room.resolved:
        return OVER, room
    if room.agents and protocol.compare_and_set:
        return REFUSED, room
    return DONE, room._replace(agents=tuple(sorted({*room.agents, agent})))


def _answered(world: World, request: Request, answer: str) -> World:
    """Whoever waits for ``request`` has an answer."""
    me = world.allocators[request.owner]
    if request.owner == NOBODY or me.tasks[request.room] != Task(SENT, request.agent):
        return world  # nobody does, or it has begun something else meanwhile
    return with_allocator(world, request.owner, with_task(me, request.room, Task(answer, request.agent)))


def _jumps(world: World, index: int) -> bool:
    """Whether a request for ``index`` lands in a session that the ledger has not heard of, while another room waits
    that came before and has no agent yet.
    """
    unheard = [event for event in _unheard(world, index) if event.session == world.rooms[index].session]
    return (
        any(_waits_since_before(world, other, unheard[0].id) for other in range(len(world.rooms))) if unheard else False
    )


def _waits_since_before(world: World, index: int, event: int) -> bool:
    room, row = world.rooms[index], world.ledger.rows[index]
    if room.agents or room.resolved or row.state in (RESERVED, DOUBT, ASSIGNED):
        return False
    unheard = [one.id for one in _unheard(world, index) if one.session == room.session]
    return unheard[0] < event if unheard else row.state != NONE


def _unheard(world: World, index: int) -> Iterator[Event]:
    """The waits of a room that are in the stream and not in the ledger."""
    recorded = world.ledger.recorded
    return (one for one in world.stream if one.room == index and not one.resolved and one.id > recorded)


def _told(world: World, index: int, session: int, *, resolved: bool) -> World:
    event = Event(world.accepted + 1, index, session, resolved=resolved, before=False)
    return world._replace(stream=(*world.stream, event), accepted=event.id)


def _spent(world: World, fault: str) -> World:
    left: Faults = world.left
    return world._replace(left=left._replace(**{fault: getattr(left, fault) - 1}))


def _taken_off(world: World, request: Request) -> World:
    return world._replace(wire=_without(world.wire, request))


def _without(wire: tuple[Request, ...], request: Request) -> tuple[Request, ...]:
    index = wire.index(request)
    return (*wire[:index], *wire[index + 1 :])
