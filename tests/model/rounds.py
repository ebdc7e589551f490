"""The round of a leader: read, record, delete, give out slots. Each is a step of its own here, and a crash may come
between.
"""

from model.events import taken_in
from model.leading import leads
from model.ledger import Steps, has_free_slot, may_write, nothing_may_land, write
from model.protocol import Protocol
from model.world import (
    NONE,
    RESERVED,
    TO_SEND,
    WAITING,
    Change,
    Event,
    Row,
    Task,
    World,
    name,
    number,
    with_allocator,
    with_task,
)


def pops(protocol: Protocol, world: World, who: int) -> Steps:
    """The head of the stream is taken out, and known to this process only."""
    me = world.allocators[who]
    if not protocol.record_before_pop and leads(me) and me.hand is None and world.stream:
        event, *rest = world.stream
        popped = world._replace(stream=tuple(rest))
        yield f"{name(who)} pops {_what(event)} off the stream", with_allocator(popped, who, me._replace(hand=event))


def records(protocol: Protocol, world: World, who: int) -> Steps:
    """The next event is written down."""
    me = world.allocators[who]
    event = _next(world) if protocol.record_before_pop else me.hand
    if not leads(me) or event is None or (me.hand and not protocol.intent_rows):
        return
    row = taken_in(world.ledger.rows[event.room], event)
    label = f"{name(who)} writes down {_what(event)}"
    yield from write(protocol, world, who, label, Change(event.room, row, event.id), me=me._replace(hand=None))


def deletes(protocol: Protocol, world: World, who: int) -> Steps:
    """The head of the stream, if Postgres has it. Redis knows no fence. An entry that Postgres has is passed over
    when it is read again, so only where Postgres may forget is it worth a step.
    """
    stream = world.stream
    if world.forgetful and leads(world.allocators[who]) and stream and stream[0].id <= world.ledger.recorded:
        yield f"{name(who)} deletes {_what(stream[0])} from the stream", world._replace(stream=stream[1:])


def reads_ledger(protocol: Protocol, world: World, who: int) -> Steps:
    """Where there is no fence: what is read now may be old when something is written."""
    me = world.allocators[who]
    if not protocol.fence and protocol.intent_rows and leads(me) and world.lease == who:
        looks = with_allocator(world, who, me._replace(seen=world.ledger.rows))
        yield f"{name(who)} reads who waits and which slots are free", looks


def gives_out_slots(protocol: Protocol, world: World, who: int) -> Steps:
    """Somebody who waits gets a free slot of an agent who is online. Needs trust, as it is now."""
    me = world.allocators[who]
    if not leads(me) or (me.seen is None and world.lease != who):
        return
    rows = world.ledger.rows if me.seen is None else me.seen
    if me.seen is None and not protocol.fence and protocol.intent_rows:
        return
    for room in _waiting(protocol, world, who, rows)[:1]:
        for agent in _eligible(world):
            if _is_free(protocol, world, who, agent, rows):
                yield from _given(protocol, world, who, room, agent)


def ends_quarantine(protocol: Protocol, world: World, who: int) -> Steps:
    """A slot that an end did not free is free, once nothing can land any more and the room, read again, does not
    have the agent.
    """
    if not may_write(protocol, world, who):
        return
    for room, agent in sorted(world.ledger.held):
        if nothing_may_land(world, who, room, agent) and agent not in world.rooms[room].agents:
            ledger = world.ledger._replace(held=world.ledger.held - {(room, agent)})
            yield f"agent {agent}'s slot is free: quarantine is over", world._replace(ledger=ledger)


def sweeps(protocol: Protocol, world: World, who: int) -> Steps:
    """A room that waits on the platform, and that no row and no entry knows, is taken up."""
    if not protocol.sweep or not leads(world.allocators[who]):
        return
    told = {event.room for event in world.stream}
    for room, (truth, row) in enumerate(zip(world.rooms, world.ledger.rows, strict=True)):
        if row.state == NONE and not truth.agents and not truth.resolved and room not in told:
            found = Row(WAITING, session=truth.session)
            label = f"{name(who)} sweeps and finds room {number(room)} waiting"
            yield from write(protocol, world, who, label, Change(room, found), me=world.allocators[who])


def _given(protocol: Protocol, world: World, who: int, room: int, agent: int) -> Steps:
    me = world.allocators[who]
    tells = with_task(me._replace(seen=None), room, Task(TO_SEND, agent))
    if protocol.intent_rows:
        row = world.ledger.rows[room]
        reserved = Row(RESERVED, agent, row.session)
        label = f"{name(who)} writes down: room {number(room)} for agent {agent} (RESERVED)"
        yield from write(protocol, world, who, label, Change(room, reserved), me=tells)
    elif not protocol.fence or may_write(protocol, world, who):
        chosen = tells._replace(hand=None)
        yield f"{name(who)} chooses agent {agent} for room {number(room)}", with_allocator(world, who, chosen)


def _waiting(protocol: Protocol, world: World, who: int, rows: tuple[Row, ...]) -> list[int]:
    """The rooms that wait, as far as ``who`` knows, in the order they came."""
    me = world.allocators[who]
    if not protocol.record_before_pop and not protocol.intent_rows:
        return [] if me.hand is None else [me.hand.room]
    waiting = (room for room, row in enumerate(rows) if row.state == WAITING and not row.check)
    return sorted((room for room in waiting if me.tasks[room] is None), key=lambda room: (rows[room].session, room))


def _eligible(world: World) -> list[int]:
    """The agents who are online; of those that nothing was ever told about, one stands for all."""
    known = {row.agent for row in world.ledger.rows} | {one.agent for one in world.wire}
    known.update(agent for room in world.rooms for agent in room.agents)
    known.update(task.agent for one in world.allocators for task in one.tasks if task is not None)
    known.update(agent for _, agent in world.ledger.held)
    online = [agent for agent in range(1, world.agents + 1) if agent not in world.offline]
    strangers = [agent for agent in online if agent not in known]
    return [agent for agent in online if agent in known or agent == strangers[0]]


def _is_free(protocol: Protocol, world: World, who: int, agent: int, rows: tuple[Row, ...]) -> bool:
    """By the ledger; without intent rows, what is under way is known from memory alone."""
    under_way = [task for task in world.allocators[who].tasks if task is not None and task.agent == agent]
    if not protocol.intent_rows and len(under_way) >= world.capacity:
        return False
    return has_free_slot(protocol, world, agent, rows)


def _next(world: World) -> Event | None:
    """The first entry that Postgres does not have. Reading begins at the head, always."""
    return next((event for event in world.stream if event.id > world.ledger.recorded), None)


def _what(event: Event) -> str:
    session = f" (session {event.session})" if event.session > 1 or event.resolved else ""
    return f"that room {number(event.room)} {'is resolved' if event.resolved else 'waits'}{session}"
