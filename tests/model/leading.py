"""How an allocator comes to lead, and stops."""

from model.ledger import Steps, accepted_before, in_force
from model.protocol import Protocol
from model.world import (
    AFTER_INBOX,
    CHECKED,
    DOUBT,
    FOLLOWS,
    LEADS,
    NOBODY,
    RESERVED,
    TO_SEND,
    WON,
    Allocator,
    Event,
    Row,
    Task,
    World,
    follower,
    name,
    with_allocator,
    without_owner,
)


def takes_lease(protocol: Protocol, world: World, who: int) -> Steps:
    """Nobody has the lease. Of two allocators without a past it is the first: their names make no difference."""
    me = world.allocators[who]
    if world.lease == NOBODY and me.role == FOLLOWS and world.allocators.index(me) == who:
        won = with_allocator(world._replace(lease=who), who, me._replace(role=WON))
        yield f"{name(who)} takes the lease", won


def begins_term(protocol: Protocol, world: World, who: int) -> Steps:
    """The number grows, and what a predecessor left unsettled is recovered. Waits for older transactions."""
    me = world.allocators[who]
    if me.role != WON or not _may_begin(protocol, world):
        return
    recovered = tuple(_recovered(protocol, row) for row in world.ledger.rows)
    tasks = tuple(_again(protocol, row) for row in recovered)
    term = _next_term(protocol, world, who)
    ledger = term.ledger._replace(rows=recovered)
    after = _fenced_out(protocol, term._replace(ledger=ledger, stream=_marked(term, tasks)), who)
    leads = me._replace(role=LEADS, epoch=after.ledger.epoch, tasks=tasks)
    yield f"{name(who)} begins {_term(after)}{_told(tasks)}", with_allocator(after, who, leads)


def begins_own_term(protocol: Protocol, world: World, who: int) -> Steps:
    """After a commit without a reply: what is RESERVED and was not announced by us, is announced."""
    me = world.allocators[who]
    if not me.unsure or not _may_begin(protocol, world):
        return
    if protocol.own_term_follows_own and not in_force(protocol, world, who):
        return
    after = _fenced_out(protocol, _next_term(protocol, world, who), who)
    tasks = tuple(map(_resumed, me.tasks, world.ledger.rows))
    leads = me._replace(epoch=after.ledger.epoch, unsure=False, tasks=tasks, views=(None,) * len(tasks))
    yield f"{name(who)}, unsure what was written, begins {_term(after)}", with_allocator(after, who, leads)


def steps_down(protocol: Protocol, world: World, who: int) -> Steps:
    """It notices that the lease is not its own any more, or that its term is over."""
    me = world.allocators[who]
    past = me.role == LEADS and protocol.fence and not in_force(protocol, world, who)
    if me.role != FOLLOWS and (world.lease != who or past):
        yield f"{name(who)} notices that it does not lead any more", gone(world, who)


def gone(world: World, who: int) -> World:
    """``who`` follows, with nothing in mind; nobody waits for its requests, and the lease is not its own."""
    lease = NOBODY if world.lease == who else world.lease
    left = world._replace(lease=lease, wire=without_owner(world.wire, who))
    return with_allocator(left, who, follower(len(world.rooms)))


def powerless(protocol: Protocol, world: World) -> int | None:
    """An allocator that can do nothing any more but notice it: its term is over, for good, and it has nothing to send.

    It makes no difference when it notices, so it is made to notice at once; that keeps the number of states down.
    """
    if not protocol.fence or world.forgetful:
        return None
    for who, me in enumerate(world.allocators):
        trusts = world.lease == who or not protocol.trust_when_sending
        if me.role == LEADS and not in_force(protocol, world, who) and _is_idle(protocol, me, trusts=trusts):
            return who
    return None


def _is_idle(protocol: Protocol, me: Allocator, *, trusts: bool) -> bool:
    """Whether ``me``, whose term is over, will send nothing and begin nothing."""
    stages = {task.stage for task in me.tasks if task is not None}
    may_send = CHECKED in stages or (trusts and TO_SEND in stages)
    return not may_send and not (me.unsure and not protocol.own_term_follows_own)


def _may_begin(protocol: Protocol, world: World) -> bool:
    return world.pending is None or not protocol.term_waits


def _next_term(protocol: Protocol, world: World, who: int) -> World:
    """Without a fence there are no terms."""
    if not protocol.fence:
        return world
    if world.forgetful:
        return world._replace(ledger=world.ledger._replace(epoch=world.ledger.epoch + 1, leader=who))
    believed = max(me.epoch for me in world.allocators)
    return world._replace(ledger=world.ledger._replace(epoch=believed + 1))


def _fenced_out(protocol: Protocol, world: World, who: int) -> World:
    """What the others still have in mind is worth nothing now, but for what they are about to send."""
    if not protocol.fence or world.forgetful:
        return world
    for other, mind in enumerate(world.allocators):
        if mind.role == LEADS and other != who and not (mind.unsure and not protocol.own_term_follows_own):
            tasks = tuple(
                task if task is not None and task.stage in (TO_SEND, CHECKED) else None for task in mind.tasks
            )
            views = (None,) * len(tasks)
            past = mind._replace(tasks=tasks, views=views, hand=None, unsure=False)
            world = with_allocator(world._replace(wire=without_owner(world.wire, other)), other, past)
    return world


def _recovered(protocol: Protocol, row: Row) -> Row:
    """A predecessor may have a request under way for what is unsettled."""
    if row.state not in (RESERVED, DOUBT) or protocol.recovery == "forgets":
        return row
    return row._replace(may_land=True, state=DOUBT if protocol.recovery == "looks" else row.state)


def _again(protocol: Protocol, row: Row) -> Task | None:
    """What a new leader announces again."""
    if row.state != RESERVED or protocol.recovery != "announces":
        return None
    return Task(AFTER_INBOX if protocol.inbox_first else TO_SEND, row.agent)


def _resumed(task: Task | None, row: Row) -> Task | None:
    return Task(TO_SEND, row.agent) if task is None and row.state == RESERVED else task


def _marked(world: World, tasks: tuple[Task | None, ...]) -> tuple[Event, ...]:
    """What is in the stream speaks of a time before the announcements."""
    stream = world.stream
    for room, task in enumerate(tasks):
        if task is not None and task.stage == TO_SEND:
            stream = accepted_before(stream, room, world.ledger.recorded)
    return stream


def _term(world: World) -> str:
    if not world.ledger.epoch:
        return "to lead"
    return f"term {world.ledger.epoch}" if world.forgetful else "a term"


def _told(tasks: tuple[Task | None, ...]) -> str:
    rooms = [str(room + 1) for room, task in enumerate(tasks) if task is not None]
    return f" and is to announce room {' and '.join(rooms)} again" if rooms else ""


def leads(allocator: Allocator) -> bool:
    """Whether it believes to lead, and is in no doubt about what was written."""
    return allocator.role == LEADS and not allocator.unsure
