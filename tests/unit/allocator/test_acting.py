"""How requests are asked and told of."""

import pytest
from unit.allocator.making import APP, after, waiting

from allocator.commands.acting import name_of
from allocator.commands.why import asked_in
from allocator.core.answers import Asked, Life, Lived
from allocator.core.requests import Kind
from allocator.core.session import State
from chassis.settings import SettingError


def lived(number, began, *, assigned=None, ended=None):
    one = waiting(number)
    return Lived(
        id=one.id,
        lane=one.lane,
        state=State.RESOLVED,
        since=after(began),
        agent=None,
        assigned_at=None if assigned is None else after(assigned),
        ended_at=None if ended is None else after(ended),
        ending=None,
        verify=False,
        due_at=None,
        steps=(),
    )


def asked(kind, at, outcome="done"):
    says = None if outcome is None else "so it is"
    return Asked(kind=kind, by="budi", at=after(at), done_at=None, outcome=outcome, says=says)


FIRST, SECOND = lived(1, 0, assigned=20, ended=50), lived(2, 100)


def told(session, *requests):
    life = Life(app=APP, room="100", sessions=(SECOND, FIRST), before=0, before_in_lane=0, asked=requests)
    return [(line.at, line.text) for line in asked_in(life, session)]


@pytest.mark.parametrize(
    ("kind", "at", "session"),
    [
        (Kind.WITHDRAW, 10, FIRST),
        (Kind.REQUEUE, 60, FIRST),  # after its end: that is when people ask for it back
        (Kind.REQUEUE, 100, SECOND),
        (Kind.PAUSE, 10, FIRST),
        (Kind.RESUME, 150, SECOND),
    ],
)
def test_each_request_is_told_in_the_life_of_the_session_that_it_was_about(kind, at, session):
    other = FIRST if session is SECOND else SECOND
    assert [moment for moment, _ in told(session, asked(kind, at))] == [after(at)]
    assert told(other, asked(kind, at)) == []


def test_a_pause_is_nothing_to_whoever_is_served():
    assert told(FIRST, asked(Kind.PAUSE, 30)) == []


def test_what_became_of_it_is_told_too():
    requests = asked(Kind.WITHDRAW, 1, "refused"), asked(Kind.WITHDRAW, 2, None), asked(Kind.PAUSE, 3)
    assert [text for _, text in told(FIRST, *requests)] == [
        "by budi to withdraw it: refused, so it is",
        "by budi to withdraw it: not carried out yet",
        "by budi to pause the app: done, so it is",
    ]


def test_whoever_is_logged_in_asks_and_in_a_container_it_is_a_number(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "siti")
    assert (name_of(None), name_of(" budi ")) == ("siti", "budi")

    def nobody():
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert name_of(None).startswith("uid ")


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "\x1b[31mred"])
def test_a_name_that_could_spoil_a_screen_is_refused(name):
    with pytest.raises(SettingError, match="printable"):
        name_of(name)
