"""What the log says of customers."""

from structlog.testing import capture_logs
from unit.allocator.making import AGENT, APP, NOON, TIMING, after, reserved, waiting

from allocator.core import outcomes as o
from allocator.core.lifecycle import ended, on_outcome
from allocator.core.session import State
from allocator.rounds.telling import tell


def test_each_customer_who_came_to_an_agent_is_one_line_with_room_agent_and_wait():
    given = reserved(waiting(1))
    came = on_outcome(given, o.Done(), after(90), TIMING)
    waited_s = (after(90) - given.waiting_since).total_seconds()
    with capture_logs() as lines:
        tell([given, came])
    assert lines == [
        {"event": "assigned", "log_level": "info", "app": APP, "room": given.room, "agent": AGENT, "waited_s": waited_s}
    ]


def test_who_never_will_is_a_warning_that_quotes_nothing_of_the_platforms():
    with capture_logs() as lines:
        tell([ended(waiting(1), State.PARKED, NOON, "canary of the platform")])
    assert [(line["event"], line["log_level"]) for line in lines] == [("parked", "warning")]
    assert "canary" not in str(lines)
