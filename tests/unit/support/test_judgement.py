"""The judge of the scenarios finds what it is there to find."""

import pytest

from support.judgement import at_rest, discreet, fenced, served
from support.ledger import Ledger
from support.platform import stays

APP, ROOM, AGENT = "sim-app1", "300000001", 164_801


def ledger(*rows, slots=(), epochs=(), epoch=3, newest=3):
    return Ledger(epoch=epoch, open=rows, ended={}, slots=slots, epochs=epochs, newest_epoch_of_a_session=newest)


def row(state="assigned", agent=AGENT, slot=1):
    return {"id": "one", "app": APP, "room": ROOM, "state": state, "agent": agent, "slot": slot}


SLOT = {"app": APP, "agent": AGENT, "number": 1, "session": "one"}


def entries(*kinds):
    return [{"app": APP, "room": ROOM, "session": 1, **kind} for kind in ({"kind": "arrived"}, *kinds)]


def seated(agent=AGENT, what="api", **more):
    return {"kind": "assigned", "agent": agent, "what": what, **more}


ACKNOWLEDGED = {"kind": "webhook_answered", "what": "allocate", "status": 200}


def test_ledger_and_platform_agree():
    assert at_rest(ledger(row(), slots=[SLOT]), entries(seated())) == []


def test_a_resolved_room_is_nowhere():
    assert at_rest(ledger(), entries(seated(), {"kind": "resolved", "agent": AGENT, "what": "served"})) == []


def test_rooms_served_by_people_may_be_unknown_or_adopted():
    by_hand = entries(seated(what="hand"))
    assert at_rest(ledger(), by_hand) == []
    assert at_rest(ledger(row(agent=None, slot=None)), by_hand) == []


def test_the_ledger_need_not_name_who_came_by_a_past_leaders_request():
    rows = ledger(row(agent=None, slot=None))
    assert at_rest(rows, entries(seated()), strays=[ROOM]) == []
    assert at_rest(rows, entries(seated()), strays=["300000002"])
    assert at_rest(ledger(), entries(seated()), strays=[ROOM])
    assert at_rest(ledger(row(), slots=[SLOT]), entries(seated(agent=7)), strays=[ROOM])


@pytest.mark.parametrize(
    ("what", "record", "rows", "slots"),
    [
        ("open in the ledger only", entries({"kind": "resolved"}), [row()], [SLOT]),
        ("waits on the platform", entries(), [row()], [SLOT]),
        ("not open in the ledger", entries(seated()), [], []),
        ("by somebody else", entries(seated()), [row(agent=None, slot=None)], []),
        ("the ledger has", entries(seated(agent=7)), [row()], [SLOT]),
        ("the ledger has", entries(seated(), seated(agent=7, other=AGENT)), [row()], [SLOT]),
        ("is doubt in the ledger", entries(seated()), [row(state="doubt")], [SLOT]),
        ("held by nobody", entries(seated()), [row(slot=None)], [SLOT]),
        ("claimed and not held", entries(seated()), [row()], []),
    ],
)
def test_a_difference_is_named(what, record, rows, slots):
    (complaint,) = at_rest(ledger(*rows, slots=slots), record)
    assert what in complaint


def test_whoever_was_acknowledged_and_never_assigned_is_named():
    assert len(served(entries(ACKNOWLEDGED, {"kind": "resolved", "what": "served"}))) == 1
    assert served(entries(ACKNOWLEDGED, seated())) == []
    assert served(entries(ACKNOWLEDGED, {"kind": "resolved", "what": "hand"})) == []


def test_a_person_who_takes_an_agent_out_takes_the_seat():
    (stay,) = stays(entries(seated(), {"kind": "removed", "agent": AGENT, "what": "hand"})).values()
    assert (stay.seats, stay.by_hand) == ({}, True)


def test_writes_of_a_past_leader_are_named():
    terms = [{"epoch": 1, "first": 1.0, "last": 5.0}, {"epoch": 2, "first": 4.0, "last": 6.0}]
    assert len(fenced(ledger(epochs=terms))) == 1
    assert len(fenced(ledger(newest=4))) == 1
    assert fenced(ledger(epochs=[{**terms[0], "last": 3.0}, terms[1]])) == []


@pytest.mark.parametrize(
    "line", ["customer12@example.com", "6281123456789", "Siti Rahayu 3", "Traceback (most", "s3cret"]
)
def test_a_log_that_tells_too_much_is_named(line):
    assert discreet("a log", f'{{"event": "{line}"}}', ["s3cret"])


def test_rooms_agents_and_apps_may_be_told():
    assert discreet("a log", f"room {ROOM} agent {AGENT} app {APP} 01a204b8e8cd7f32863dd0e92e8c763d", ["s3cret"]) == []
