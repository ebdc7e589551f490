"""Postgres, as the steps of allocators use it: whose writes pass, which slots are free, and what one transaction
does.
"""

from collections.abc import Iterator

from model.protocol import Protocol
from model.world import (
    CHECKED,
    DOUBT,
    LEADS,
    NO_AGENT,
    NOBODY,
    RESERVED,
    TO_SEND,
    Allocator,
    Change,
    Event,
    Row,
    World,
    put,
    with_allocator,
    with_view,
)

Steps = Iterator[tuple[str, World]]


def may_write(protocol: Protocol, world: World, who: int) -> bool:
    """Whether the fence lets a transaction of ``who`` pass."""
    me = world.allocators[who]
    if me.role != LEADS or me.unsure:
        return False
    return not protocol.fence or in_force(protocol, world, who)


def in_force(protocol: Protocol, world: World, who: int) -> bool:
    """Whether the term that ``who`` believes in is the ledger's, by all that the fence compares."""
    ledger = world.ledger
    same = world.allocators[who].epoch == ledger.epoch
    return same and (ledger.leader == who or not protocol.fence_names_leader)


def holds_slot(protocol: Protocol, row: Row) -> bool:
    """Whether ``row`` occupies a slot of its agent."""
    return row.agent != NO_AGENT and (row.state != DOUBT or protocol.slot_held_in_doubt)


def has_free_slot(protocol: Protocol, world: World, agent: int, rows: tuple[Row, ...]) -> bool:
    """Whether ``agent`` can carry one more, by ``rows`` and the slots that are held."""
    used = sum(1 for row in rows if row.agent == agent and holds_slot(protocol, row))
    return used + sum(1 for _, holder in world.ledger.held if holder == agent) < world.capacity


def nothing_may_land(world: World, who: int, room: int, agent: int) -> bool:
    """Whether the quarantine may be over, as far as ``who`` goes: see what ``world`` takes for granted."""
    if any(one.room == room and one.agent == agent for one in world.wire):
        return False
    return world.lease in (who, NOBODY) or not _about_to_send(world.allocators[world.lease], room, agent)


def write(protocol: Protocol, world: World, who: int, label: str, change: Change, *, me: Allocator) -> Steps:
    """One transaction of ``who``; ``me``: its memory once it knows of success."""
    if not may_write(protocol, world, who) or _is_locked(world, change) or _is_refused(protocol, world, change):
        return
    yield label, with_allocator(applied(protocol, world, change), who, with_view(me, change.room, None))
    if world.left.lost_commits:
        yield from _without_reply(protocol, world, who, label, change, me=me)


def applied(protocol: Protocol, world: World, change: Change) -> World:
    """``world`` after a transaction took effect."""
    ledger, (room, row, recorded, after_quarantine) = world.ledger, change
    before, held, seen = ledger.rows[room], ledger.held, max(recorded, ledger.recorded)
    leaves = before.may_land and before.agent not in (NO_AGENT, row.agent)
    if protocol.doubt_outlives_success and leaves and not after_quarantine:
        held = held | {(room, before.agent)}
    announced = row.state == RESERVED and before != row
    stream = accepted_before(world.stream, room, seen) if announced else world.stream
    return world._replace(
        ledger=ledger._replace(rows=put(ledger.rows, room, row), recorded=seen, held=held), stream=stream
    )


def ends_transaction(protocol: Protocol, world: World) -> Steps:
    """A transaction whose writer has no reply takes effect, or does not."""
    if world.pending is None:
        return
    over = world._replace(pending=None)
    yield "Postgres ends the transaction under way, without effect", over
    if not _is_refused(protocol, world, world.pending):
        yield "the transaction under way takes effect", applied(protocol, over, world.pending)


def _without_reply(protocol: Protocol, world: World, who: int, label: str, change: Change, *, me: Allocator) -> Steps:
    """The same, but the writer is not told."""
    left = world.left._replace(lost_commits=world.left.lost_commits - 1)
    old = world.allocators[who]
    mind = {"new term": old._replace(unsure=True), "failed": old, "took effect": me}[protocol.when_unsure]
    unsure = with_allocator(world._replace(left=left), who, mind)
    yield f"{label}; it takes effect, but the reply is lost", applied(protocol, unsure, change)
    if world.pending is None:
        yield f"{label}; the reply is lost, and the transaction still under way", unsure._replace(pending=change)


def _is_locked(world: World, change: Change) -> bool:
    """A transaction under way has the same row."""
    return world.pending is not None and world.pending.room == change.room


def _is_refused(protocol: Protocol, world: World, change: Change) -> bool:
    """The primary key of slots: one more than an agent has."""
    rows, row = world.ledger.rows, change.row
    before = rows[change.room]
    has_it = row.agent == before.agent and holds_slot(protocol, before)
    if not protocol.slots_are_rows or has_it or not holds_slot(protocol, row):
        return False
    return not has_free_slot(protocol, world, row.agent, rows)


def accepted_before(stream: tuple[Event, ...], room: int, recorded: int) -> tuple[Event, ...]:
    """What is in the stream of ``room`` and not written down speaks of a time before its announcement."""
    return tuple(
        one._replace(before=True) if one.room == room and one.id > recorded and not one.before else one
        for one in stream
    )


def _about_to_send(allocator: Allocator, room: int, agent: int) -> bool:
    task = allocator.tasks[room]
    return task is not None and task.agent == agent and task.stage in (TO_SEND, CHECKED)
