"""Breadth-first search through everything that a system may do. It knows nothing of ours.

A system is a first state, its *moves* (steps that it takes by itself), its *faults* (what may happen to it, or not)
and what must not be: ``never`` in any state, ``at_rest`` in a state without a move, when nothing more goes wrong.
States are immutable and hashable. Because the search is breadth first, the story of a violation is as short as any.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")
Step = tuple[str, State]
Steps = Callable[[State], Iterable[Step[State]]]


class TooMany(Exception):
    """The bound on states was reached: nothing can be said of those that were not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System(Generic[State]):
    """What is searched."""

    start: State
    moves: Steps[State]
    faults: Steps[State]
    never: Mapping[str, Callable[[State], bool]]
    """By what is wrong: whether it is, in this state."""
    at_rest: Mapping[str, Callable[[State], bool]]
    """The same, asked only where no move is left."""


@dataclass(frozen=True, slots=True)
class Found:
    """How many states were seen, and for each thing that can go wrong the shortest story to it. ``all_seen``:
    nothing else can.
    """

    states: int
    stories: Mapping[str, tuple[str, ...]]
    all_seen: bool


def explore(system: System[State], states_max: int, enough: int | None = None) -> Found:
    """See every state that can be reached, or stop when ``enough`` different things went wrong.

    Raises :class:`TooMany` rather than stop half-way in silence.
    """
    before: dict[State, Step[State] | None] = {system.start: None}
    stories: dict[str, tuple[str, ...]] = {}
    ahead = deque([system.start])
    while ahead:
        state = ahead.popleft()
        moves = list(system.moves(state))
        for wrong in _wrong(system, state, at_rest=not moves):
            if wrong not in stories:
                stories[wrong] = _story(before, state)
        if enough is not None and len(stories) >= enough:
            return Found(len(before), stories, all_seen=False)
        for label, after in (*moves, *system.faults(state)):
            if after not in before:
                before[after] = (label, state)
                ahead.append(after)
        if len(before) > states_max:
            raise TooMany(f"more than {states_max} states")
    return Found(len(before), stories, all_seen=True)


def _wrong(system: System[State], state: State, *, at_rest: bool) -> Iterable[str]:
    """What is wrong with ``state``."""
    for name, holds in system.never.items():
        if holds(state):
            yield name
    if at_rest:
        for name, holds in system.at_rest.items():
            if holds(state):
                yield name


def _story(before: Mapping[State, Step[State] | None], state: State) -> tuple[str, ...]:
    """The labels on the way from the start to ``state``."""
    labels: list[str] = []
    step = before[state]
    while step is not None:
        labels.append(step[0])
        step = before[step[1]]
    return tuple(reversed(labels))
