"""The calls of a leader: announce, and write down what came back; read a room, and write down what it showed."""

from model.events import ended
from model.leading import leads
from model.ledger import Steps, has_free_slot, in_force, nothing_may_land, write
from model.protocol import Protocol
from model.world import (
    AFTER_INBOX,
    ASSIGNED,
    CHECKED,
    DONE,
    DOUBT,
    NO_AGENT,
    NOBODY,
    NOT_SENT,
    OUTCOMES,
    OVER,
    REFUSED,
    RESERVED,
    SENT,
    TO_SEND,
    UNKNOWN,
    WAITING,
    Change,
    Request,
    Row,
    Task,
    View,
    World,
    name,
    number,
    with_allocator,
    with_task,
    with_view,
)


def hears_inbox_first(protocol: Protocol, world: World, who: int) -> Steps:
    """What recovery is to announce again waits until all that came before is written down."""
    me = world.allocators[who]
    for room, task in enumerate(me.tasks):
        if task is None or task.stage != AFTER_INBOX or _is_in_stream(world, room):
            continue
        row = world.ledger.rows[room]
        if row.over:  # the room tells what there is to announce
            label = f"{name(who)} will read room {number(room)} before it announces anything"
            change = Change(room, row._replace(state=DOUBT))
            yield from write(protocol, world, who, label, change, me=with_task(me, room, None))
        else:
            ready = with_task(me, room, Task(TO_SEND, task.agent))
            yield f"{name(who)} has heard the inbox out", with_allocator(world, who, ready)


def sends(protocol: Protocol, world: World, who: int) -> Steps:
    """The request leaves, if there is trust, right now (or whatever trust there is, where nobody looks)."""
    me = world.allocators[who]
    for room, task in enumerate(me.tasks):
        if task is None or task.stage not in (TO_SEND, CHECKED):
            continue
        trusted = world.lease == who or not protocol.trust_when_sending
        if task.stage == TO_SEND and not trusted:
            unsent = with_allocator(world, who, with_task(me, room, Task(NOT_SENT, task.agent)))
            yield f"{name(who)} has no trust left and does not send room {number(room)}", unsent
        elif task.stage == TO_SEND and not protocol.check_is_sending:
            checked = with_allocator(world, who, with_task(me, room, Task(CHECKED, task.agent)))
            yield f"{name(who)} finds that it has trust enough to send room {number(room)}", checked
        else:
            yield (
                f"{name(who)} sends: room {number(room)} to agent {task.agent}",
                _sent(protocol, world, who, room, task),
            )


def _sent(protocol: Protocol, world: World, who: int, room: int, task: Task) -> World:
    """A past leader can make nothing of the answer."""
    waits = not protocol.fence or world.forgetful or in_force(protocol, world, who)
    wire = tuple(sorted((*world.wire, Request(room, task.agent, who if waits else NOBODY))))
    mind = with_task(world.allocators[who], room, Task(SENT, task.agent) if waits else None)
    return with_allocator(world._replace(wire=wire), who, mind)


def settles(protocol: Protocol, world: World, who: int) -> Steps:
    """What came back is written down."""
    me = world.allocators[who]
    if not leads(me):
        return
    for room, task in enumerate(me.tasks):
        if task is None or task.stage not in OUTCOMES:
            continue
        row, after = world.ledger.rows[room], with_task(me, room, None)
        new = _settled(protocol, world, room, row, task)
        if new == row:
            yield f"{name(who)} learns of room {number(room)}: {task.stage}", with_allocator(world, who, after)
        else:
            label = f"{name(who)} writes down: room {number(room)}, {task.stage} ({new.state})"
            yield from write(protocol, world, who, label, Change(room, new), me=after)


def looks(protocol: Protocol, world: World, who: int) -> Steps:
    """A room in question is read. Where nothing can change it meanwhile, what it shows is written down in the same
    step.
    """
    me = world.allocators[who]
    if not leads(me):
        return
    for room, row in enumerate(world.ledger.rows):
        if (row.state == DOUBT or row.check) and me.views[room] is None:
            for view in _views(world, who, room, row):
                if _may_change(world, room):
                    label = f"{name(who)} reads room {number(room)}: {_shown(view)}"
                    yield label, with_allocator(world, who, with_view(me, room, view))
                else:
                    yield from _viewed(protocol, world, who, room, view)


def _views(world: World, who: int, room: int, row: Row) -> list[View]:
    """What a reading may show: the quarantine is over when nothing can land any more, or later."""
    truth = world.rooms[room]
    waited = nothing_may_land(world, who, room, row.agent)
    asked = row.may_land and not truth.agents and not truth.resolved
    return [View(truth.agents, truth.resolved, over) for over in sorted({False, waited} if asked else {True})]


def _may_change(world: World, room: int) -> bool:
    """Whether a room may show something else soon."""
    sending = any(one.room == room for one in world.wire) or any(one.tasks[room] for one in world.allocators)
    return sending or world.left.resolves > 0 or world.rooms[room].resolved


def settles_view(protocol: Protocol, world: World, who: int) -> Steps:
    """What a reading showed is written down."""
    me = world.allocators[who]
    if not leads(me):
        return
    for room, view in enumerate(me.views):
        row = world.ledger.rows[room]
        if view is None or not (row.state == DOUBT or row.check):
            continue
        late = not protocol.quarantine_by_reading and row.may_land and nothing_may_land(world, who, room, row.agent)
        for over in {view.quarantine_over, view.quarantine_over or late}:
            yield from _viewed(protocol, world, who, room, view._replace(quarantine_over=over))


def _settled(protocol: Protocol, world: World, room: int, row: Row, task: Task) -> Row:
    """``row`` after the outcome of an announcement."""
    if not protocol.intent_rows:
        return _settled_without_intent(protocol, world, room, row, task)
    if row.state != RESERVED or row.agent != task.agent:
        return row
    if task.stage == DONE:
        return _assigned(protocol, row)
    if task.stage == UNKNOWN:
        return row._replace(state=DOUBT, may_land=True)
    if task.stage == OVER:
        return ended(row)
    if task.stage == REFUSED or row.may_land:
        return row._replace(state=DOUBT)
    return _waits_again(row)


def _settled_without_intent(protocol: Protocol, world: World, room: int, row: Row, task: Task) -> Row:
    """Only a success is written down; a refusal says that somebody else had it."""
    if task.stage == DONE:
        return Row(ASSIGNED, task.agent, max(row.session, 1))
    if task.stage == REFUSED and row.state == WAITING and world.rooms[room].agents:
        return Row(ASSIGNED, world.rooms[room].agents[0], row.session)
    return row


def _assigned(protocol: Protocol, row: Row) -> Row:
    may_land = row.may_land and protocol.doubt_outlives_success
    return row._replace(state=ASSIGNED, may_land=may_land, over=False, check=row.over)


def _viewed(protocol: Protocol, world: World, who: int, room: int, view: View) -> Steps:
    row, me = world.ledger.rows[room], with_view(world.allocators[who], room, None)
    new = _after_view(protocol, row, view)
    if new.state == RESERVED and _must_wait(protocol, world, row):
        if world.allocators[who].views[room] is not None:
            waits = with_allocator(world, who, me)
            yield f"{name(who)} cannot give room {number(room)} its slot again, and will read it again", waits
        return
    if new.state == RESERVED:
        me = with_task(me, room, Task(TO_SEND, row.agent))
    label = f"{name(who)} writes down: room {number(room)} {_shown(view)} ({_words(new)})"
    after_quarantine = view.quarantine_over and new.state == WAITING and not view.resolved
    yield from write(protocol, world, who, label, Change(room, new, after_quarantine=after_quarantine), me=me)


def _must_wait(protocol: Protocol, world: World, row: Row) -> bool:
    """Its slot was given away while it was in doubt."""
    return not protocol.slot_held_in_doubt and not has_free_slot(protocol, world, row.agent, world.ledger.rows)


def _after_view(protocol: Protocol, row: Row, view: View) -> Row:
    """``row`` after its room showed ``view``."""
    if view.resolved:
        return ended(row)
    if view.agents and row.state == DOUBT and row.agent in view.agents:
        seen = _assigned(protocol, row)
        return seen._replace(may_land=False) if protocol.view_ends_doubt else seen
    if view.agents and row.state == ASSIGNED and row.agent in view.agents:
        return row._replace(check=False, again=False)
    if view.agents:
        return Row(ASSIGNED, NO_AGENT, row.session)
    if row.state == WAITING:
        return row._replace(check=False)
    if row.state == DOUBT and row.may_land and protocol.pinned and not view.quarantine_over:
        return row._replace(state=RESERVED)
    return _waits_again(row)


def _waits_again(row: Row) -> Row:
    return Row(WAITING, session=row.session, check=row.over)


def _is_in_stream(world: World, room: int) -> bool:
    return any(event.room == room and event.id > world.ledger.recorded for event in world.stream)


def _shown(view: View) -> str:
    if view.resolved:
        return "is resolved"
    if view.agents:
        return f"has agent {' and '.join(map(str, view.agents))}"
    return "has nobody"


def _words(row: Row) -> str:
    return f"{row.state} for agent {row.agent}" if row.agent else row.state
