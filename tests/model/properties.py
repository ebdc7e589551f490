"""What must never be, and the whole system of a variant in its world."""

from collections import Counter
from collections.abc import Iterable

from model import calls, faults, leading, rounds
from model.explore import System
from model.ledger import ends_transaction, may_write
from model.protocol import Protocol
from model.world import FOLLOWS, LEADS, WON, World

LOST = "customers lost"
DOUBLED = "double assignment"
OVER_CAPACITY = "over capacity"
PAST_LEADER = "a past leader can write"
OUT_OF_ORDER = "out of order"

OF_A_FOLLOWER = (leading.takes_lease,)
OF_A_WINNER = (leading.begins_term, leading.steps_down)
OF_A_LEADER = (
    leading.begins_own_term,
    leading.steps_down,
    rounds.pops,
    rounds.records,
    rounds.deletes,
    rounds.reads_ledger,
    rounds.gives_out_slots,
    rounds.ends_quarantine,
    rounds.sweeps,
    calls.hears_inbox_first,
    calls.sends,
    calls.settles,
    calls.looks,
    calls.settles_view,
)
STEPS = {FOLLOWS: OF_A_FOLLOWER, WON: OF_A_WINNER, LEADS: OF_A_LEADER}


def system(protocol: Protocol, world: World) -> System[World]:
    """All that may happen in ``world`` under ``protocol``."""
    return System(
        start=world,
        moves=lambda now: _moves(protocol, now),
        faults=lambda now: _faults(protocol, now),
        never={
            DOUBLED: is_doubled,
            OVER_CAPACITY: is_over_capacity,
            PAST_LEADER: lambda now: can_past_leader_write(protocol, now),
            OUT_OF_ORDER: lambda now: now.jumped,
        },
        at_rest={LOST: is_somebody_waiting},
    )


def is_doubled(world: World) -> bool:
    """Two agents are in a room: nobody but us put them there."""
    return any(len(room.agents) > 1 for room in world.rooms)


def is_over_capacity(world: World) -> bool:
    """An agent has more customers than they can carry."""
    load = Counter(agent for room in world.rooms for agent in room.agents)
    return any(count > world.capacity for count in load.values())


def can_past_leader_write(protocol: Protocol, world: World) -> bool:
    """The fence lets somebody pass who is not the one that began the term in force."""
    if not world.forgetful:
        return False  # numbers only grow
    return any(may_write(protocol, world, who) and world.ledger.leader != who for who in range(len(world.allocators)))


def is_somebody_waiting(world: World) -> bool:
    """Asked when nothing can happen any more: all agents are online, there are slots for all, and a customer has
    nobody.
    """
    return any(not room.agents and not room.resolved for room in world.rooms)


def _moves(protocol: Protocol, world: World) -> Iterable[tuple[str, World]]:
    """What goes on without anything going wrong."""
    powerless = leading.powerless(protocol, world)
    if powerless is not None:  # whatever else may happen now may as well happen after
        yield from leading.steps_down(protocol, world, powerless)
        return
    for who, allocator in enumerate(world.allocators):
        for step in STEPS[allocator.role]:
            yield from step(protocol, world, who)
    yield from ends_transaction(protocol, world)
    yield from faults.lands(protocol, world)
    yield from faults.is_lost(world)
    yield from faults.comes_online(world)


def _faults(protocol: Protocol, world: World) -> Iterable[tuple[str, World]]:
    """What may happen, or not."""
    if leading.powerless(protocol, world) is not None:
        return
    yield from faults.times_out(world)
    yield from faults.crashes(world)
    yield from faults.expires(world)
    yield from faults.goes_offline(world)
    yield from faults.is_resolved(world)
    yield from faults.comes_back(world)
    yield from faults.standby_falls_behind(world)
    yield from faults.fails_over(protocol, world)
