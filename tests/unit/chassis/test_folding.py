"""A flood of the same warning."""

import logging

from chassis.folding import FIRST, WINDOW_S, Folding


class Times:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def record(event="round_failed", level=logging.WARNING, **fields):
    return logging.LogRecord("a", level, "", 0, {"event": event, **fields}, None, None)


def test_a_flood_is_folded_and_the_next_line_counts_it():
    times = Times()
    folding = Folding(times)
    assert sum(folding.filter(record()) for _ in range(100)) == FIRST
    times.now = WINDOW_S
    after = record()
    assert folding.filter(after)
    assert after.msg["folded"] == 100 - FIRST


def test_others_are_written_meanwhile():
    folding = Folding(Times())
    for _ in range(100):
        folding.filter(record())
    assert folding.filter(record("lead_lost"))
    assert folding.filter(record(app="another"))
    assert folding.filter(record(level=logging.ERROR))


def test_what_is_no_warning_is_never_folded():
    folding = Folding(Times())
    assert all(folding.filter(record("assigned", logging.INFO)) for _ in range(100))


def test_a_librarys_lines_are_the_same_by_their_template():
    folding = Folding(Times())
    lines = [logging.LogRecord("lib", logging.ERROR, "", 0, "no %s", (n,), None) for n in range(100)]
    assert sum(map(folding.filter, lines)) == FIRST
