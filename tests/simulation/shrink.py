"""A failing script, made as short as it can be while it still fails in the same way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from simulation.run import Outcome, play
from simulation.script import Script, without

TRIES_MAX = 600

_Play = Callable[[Script], Outcome]


def shrunk(outcome: Outcome, play: _Play = play, tries_max: int = TRIES_MAX) -> Outcome:
    """The shortest failing outcome found within ``tries_max`` runs. ``outcome`` must be one that fails."""
    assert outcome.wrongs
    tries = 0
    progress = True
    while progress and tries < tries_max:
        progress = False
        for candidate in _shorter(outcome.script):
            tries += 1
            found = play(candidate)
            if found.kinds & outcome.kinds:
                outcome, progress = found, True
                break
            if tries >= tries_max:
                break
    return outcome


def _shorter(script: Script) -> Iterator[Script]:
    """Large pieces are left out first, then single happenings, then what is left is made simpler."""
    length = len(script.happenings)
    size = length // 2
    while size >= 1:
        for start in range(0, length, size):
            yield without(script, frozenset(range(start, min(start + size, length))))
        size //= 2
    yield from _simpler(script)


def _simpler(script: Script) -> Iterator[Script]:
    for name in ("allocators", "gateways", "agents", "capacity"):
        if getattr(script, name) > 1:
            for fewer in (1, getattr(script, name) - 1):
                changes: dict[str, Any] = {name: fewer}
                yield replace(script, **changes)
