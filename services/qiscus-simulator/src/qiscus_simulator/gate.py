"""Decides what goes wrong with a REST call. Pure but for its draws; the server carries it out.

At most one thing goes wrong with a call: the first of the list whose turn it is.
"""

from enum import StrEnum
from random import Random
from typing import Final

from qiscus_simulator.chance import happens
from qiscus_simulator.faults import Faults

ASSIGN: Final = "assign_agent"


class Trouble(StrEnum):
    """What goes wrong; the value is the fault's name."""

    NONE = ""
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden_traceid"
    REDIRECT = "redirect"
    READS_DOWN = "reads_down"
    ASSIGN_DOWN = "assign_down"
    TOO_MANY = "too_many"
    ERROR_5XX = "error_5xx"
    TIMEOUT_NO_EFFECT = "timeout_no_effect"
    EFFECT_THEN_TIMEOUT = "effect_then_timeout"
    LATE_EFFECT = "late_effect"
    REFUSE_AGENT = "refuse_agent"
    REFUSE_OFFLINE = "refuse_offline"
    HTML = "html_answer"
    HALF_JSON = "half_json"
    OTHER_SHAPE = "other_shape"


READS_ONLY: Final = frozenset({Trouble.READS_DOWN})
ASSIGN_ONLY: Final = frozenset(
    {
        Trouble.ASSIGN_DOWN,
        Trouble.TIMEOUT_NO_EFFECT,
        Trouble.EFFECT_THEN_TIMEOUT,
        Trouble.LATE_EFFECT,
        Trouble.REFUSE_AGENT,
        Trouble.REFUSE_OFFLINE,
    }
)
UNANSWERED: Final = frozenset({Trouble.TIMEOUT_NO_EFFECT, Trouble.EFFECT_THEN_TIMEOUT, Trouble.LATE_EFFECT})
BEFORE_EFFECT: Final = frozenset(
    {
        Trouble.UNAUTHORIZED,
        Trouble.FORBIDDEN,
        Trouble.REDIRECT,
        Trouble.READS_DOWN,
        Trouble.ASSIGN_DOWN,
        Trouble.TOO_MANY,
        Trouble.ERROR_5XX,
        Trouble.TIMEOUT_NO_EFFECT,
        Trouble.LATE_EFFECT,
    }
)
"""The call has no effect, or not now."""
REFUSALS: Final = frozenset({Trouble.REFUSE_AGENT, Trouble.REFUSE_OFFLINE})


def decide(faults: Faults, random: Random, name: str, *, reads: bool) -> Trouble:
    """Draw what goes wrong with a call of this name; ``reads``: it changes nothing."""
    for trouble in Trouble:
        if trouble is Trouble.NONE or (trouble in READS_ONLY and not reads):
            continue
        if trouble in ASSIGN_ONLY and name != ASSIGN:
            continue
        if happens(random, getattr(faults, trouble.value)):
            return trouble
    return Trouble.NONE
