"""What happens in a run: short beats, whose order the seed chooses, that together visit every kind of step.

Nearly every beat waits for what it brings about, so that the steps of a run come in nearly the same order every time.
The agents resolve nobody by themselves: the story's people do.
"""

from collections.abc import Callable, Sequence
from random import Random

from allocator.core.requests import Kind

from .stage import Stage

Beat = Callable[[Stage], None]


def customers_come(stage: Stage) -> None:
    """Two come and are assigned, one of them is resolved."""
    rooms = stage.customers(2)
    stage.until_assigned(*rooms)
    stage.by_hand("resolve", rooms[0])


def one_comes_back(stage: Stage) -> None:
    """Resolved, and back at once, so that both webhooks are on their way together."""
    (room,) = stage.customers()
    stage.until_assigned(room)
    stage.by_hand("resolve", room)
    since = len(stage.platform.record())
    stage.customers(room_id=room)
    stage.until_assigned(room, since=since)


def one_times_out(stage: Stage) -> None:
    """The platform takes an assignment and never says so."""
    stage.platform.faults(effect_then_timeout=1)
    (room,) = stage.customers()
    stage.until_assigned(room)
    stage.platform.faults(effect_then_timeout=0)


def one_is_refused(stage: Stage) -> None:
    """The agent went offline a moment ago, says the platform: another is found."""
    stage.platform.faults(refuse_agent=1)
    (room,) = stage.customers()
    stage.until("it is refused", lambda: any(one["room"] == room for one in stage.platform.of_kind("refused")))
    stage.platform.faults(refuse_agent=0)
    stage.until_assigned(room)


def one_leaves_while_waiting(stage: Stage) -> None:
    """Nobody is assigned for a while, by policy; of two who wait, one goes."""
    stage.quiet = True
    known = stage.ask("SELECT count(*) FROM policy")
    stage.set_policy(paused=True)
    stage.until("the pause is in force", lambda: stage.ask("SELECT count(*) FROM policy") > known)
    leaver, stayer = stage.customers(2)
    wanted = f"SELECT count(DISTINCT room) FROM event WHERE room IN ('{leaver}', '{stayer}')"
    stage.until("both wait in the ledger", lambda: stage.ask(wanted) == len((leaver, stayer)))
    stage.by_hand("resolve", leaver)
    stage.set_policy(paused=False)
    stage.quiet = False
    stage.until_assigned(stayer)


def a_person_asks(stage: Stage) -> None:
    """Nobody is assigned for a while, by hand; of two who wait, one is withdrawn, and helped without an agent."""
    stage.quiet = True
    stage.asks(Kind.PAUSE)
    leaver, stayer = stage.customers(2)
    wanted = f"SELECT count(DISTINCT room) FROM event WHERE room IN ('{leaver}', '{stayer}')"
    stage.until("both wait in the ledger", lambda: stage.ask(wanted) == len((leaver, stayer)))
    stage.asks(Kind.WITHDRAW, leaver)
    stage.by_hand("resolve", leaver)
    stage.asks(Kind.RESUME)
    stage.quiet = False
    stage.until_assigned(stayer)


def nobody_tells_of_one(stage: Stage) -> None:
    """A webhook is lost; the sweep finds the customer, while other things happen."""
    stage.customers(send=False)


def an_entry_cannot_be_read(stage: Stage) -> None:
    """Something is in the inbox that is no event."""
    stage.append_nonsense()


def the_leader_leaves(stage: Stage) -> None:
    """In good order, while a customer comes."""
    (room,) = stage.customers()
    stage.hand_over()
    stage.until_assigned(room)


BEATS: tuple[Beat, ...] = (
    customers_come,
    one_times_out,
    nobody_tells_of_one,
    one_is_refused,
    an_entry_cannot_be_read,
    one_comes_back,
    one_leaves_while_waiting,
    a_person_asks,
)
OF_THE_SWEEP = frozenset({nobody_tells_of_one})


def story_of(seed: int, *, sweeps: bool = True) -> list[Beat]:
    """The beats in the order of ``seed``; 1 is the order above. The hand-over is the last."""
    beats = [beat for beat in BEATS if sweeps or beat not in OF_THE_SWEEP]
    if seed != 1:
        Random(seed).shuffle(beats)
    return [*beats, the_leader_leaves]


GATEWAY_BEATS: tuple[Beat, ...] = (customers_come, one_comes_back)


def tell(stage: Stage, beats: Sequence[Beat]) -> None:
    """Let all of it happen."""
    for beat in beats:
        beat(stage)
