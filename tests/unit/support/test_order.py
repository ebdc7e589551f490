"""Whoever is passed after a fault is found, and nobody else."""

import pytest

from support.order import passed

APP, AGENT = "sim-app1", 164_801
LINE = {"online": True, "channels": ["line"], "capacity": 9, "deleted": False}


def session(number, *, came, tried, channel="line"):
    """A customer's way to the agent, with the times that matter."""
    of = {"app": APP, "room": f"30{number}", "session": number}
    return [
        {"at": came, "kind": "arrived", "what": channel, **of},
        {"at": came, "kind": "webhook_sent", "what": "allocate", **of},
        {"at": came + 0.01, "kind": "webhook_answered", "what": "allocate", "status": 200, **of},
        {"at": tried, "kind": "call", "what": "assign_agent", "agent": AGENT, **of},
        {"at": tried, "kind": "assigned", "what": "api", "agent": AGENT, **of},
    ]


def record(*sessions):
    agent = {"at": 0.5, "kind": "agent", "app": APP, "agent": AGENT, "what": "agent", "state": LINE}
    entries = sorted([agent, *(entry for one in sessions for entry in one)], key=lambda entry: entry["at"])
    return [{"seq": seq, **entry} for seq, entry in enumerate(entries, 1)]


def test_whoever_is_passed_after_the_fault_is_named():
    (complaint,) = passed(record(session(1, came=1, tried=15), session(2, came=2, tried=11)), since=10)
    assert "session 1: session 2 (room 302) came later and was tried 4.000 s before it" in complaint


@pytest.mark.parametrize(
    "two",
    [
        [session(1, came=1, tried=11), session(2, came=2, tried=12)],
        [session(1, came=1, tried=11.5), session(2, came=2, tried=11)],
        [session(1, came=1, tried=15), session(2, came=2, tried=9)],
        [session(1, came=1, tried=15, channel="fb"), session(2, came=2, tried=11)],
    ],
    ids=["in order", "nearly so", "it was during the fault", "the agent could not take them"],
)
def test_nobody_else_is(two):
    assert passed(record(*two), since=10) == []
