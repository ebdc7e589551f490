"""What is seen while it runs, and how it is judged at the end."""

import io

from rich.console import Console

from one_machine import summary
from one_machine.view import LiveView, PlainView, Scene, picture, plain_line, view_for
from one_machine.watch import Figures


def scene(*, leader="allocator-2", news=(), **changes):
    seen = {
        "leader": leader,
        "term": 7,
        "webhooks_per_s": 9.04,
        "waiting": 3,
        "longest_wait_s": 1.26,
        "slots_used": 21,
        "slots_total": 40,
        "assignments_per_s": 8.0,
        "reasons": {"no_agent_online": 1, "all_at_capacity": 2},
        "silent": (),
    }
    pids = {"gateway": 10, "allocator-1": None, "allocator-2": 12}
    return Scene(seconds=12.4, note="", figures=Figures(**{**seen, **changes}), pids=pids, news=tuple(news))


def shown(thing):
    console = Console(file=io.StringIO(), width=100)
    console.print(thing)
    return console.file.getvalue()


def test_the_plain_line_says_everything():
    assert plain_line(scene()) == (
        "  12 s | leader allocator-2 (pid 12), term 7 | webhooks 9.0/s | waiting 3, longest 1.3 s"
        " | slots 21 of 40 | assigned 8.0/s | why they wait 2 all_at_capacity, 1 no_agent_online"
    )


def test_who_waits_is_not_known_while_nobody_leads():
    line = plain_line(scene(leader=None, waiting=0, reasons={}))
    assert "leader nobody yet" in line
    assert "waiting not known until somebody leads" in line
    assert "slots" not in line


def test_nobody_waits_in_words():
    assert "nobody waits" in plain_line(scene(waiting=0, reasons={}))


def test_the_picture_names_the_leader_and_how_to_kill_it():
    text = shown(picture(scene()))
    assert "pid 12, leads" in text
    assert "try: kill -9 12 (the leader)" in text


def test_a_process_that_is_down_or_silent_is_seen():
    text = shown(picture(scene(silent=("gateway",))))
    assert "pid 10, does not answer" in text
    assert "allocator-1" in text
    assert "down" in text


def test_plain_news_are_told_once():
    console = Console(file=io.StringIO(), width=200)
    view = PlainView(console)
    for _ in range(2):
        view.show(scene(news=["gateway died"]))
    assert console.file.getvalue().count("gateway died") == 1
    assert console.file.getvalue().count("processes:") == 1


def test_a_terminal_gets_the_picture_and_a_pipe_gets_lines():
    assert isinstance(view_for(Console(file=io.StringIO())), PlainView)
    assert isinstance(view_for(Console(file=io.StringIO(), force_terminal=True)), LiveView)


def verdict(**changes):
    return {
        "arrived": 120,
        "acknowledged": 119,
        "assigned": 118,
        "resolved": 100,
        "waiting": 2,
        "waiting_why": {"all_at_capacity": 2, "free": 0},
        "lost": 0,
        "doubled": 0,
        "over": 0,
        "out_of_order": 0,
        "evenness": 0.987,
        "wait_p50_s": 0.05,
        "wait_p99_s": None,
        "assignments_per_s": 8.06,
        "stories": [],
        **changes,
    }


def test_the_table_says_everything():
    told = dict(summary.lines(verdict()))
    assert told["still waiting"] == "2 (2 all_at_capacity)"
    assert (told["wait, half of them"], told["wait, 99 of 100"]) == ("0.05 s", "-")
    assert told["assignments at the busiest"] == "8.1/s"
    assert (told["given in turn"], told["evenness over agents"]) == ("100.0 %", "98.7 %")


def test_fairness_is_told_in_shares_and_breaks_no_promise():
    told = dict(summary.lines(verdict(out_of_order=59, evenness=None)))
    assert (told["given in turn"], told["evenness over agents"]) == ("50.0 %", "-")
    assert dict(summary.lines(verdict(assigned=0)))["given in turn"] == "-"
    assert summary.broken(verdict(evenness=0.1)) == []


def conclusion(*, failures=(), **changes):
    console = Console(file=io.StringIO(), width=200)
    status = summary.conclude(console, verdict(**changes), failures)
    return status, console.file.getvalue()


def test_a_run_that_kept_its_promises_ends_with_0():
    assert conclusion() == (0, "Nobody lost, doubled, over capacity or out of order.\n")


def test_each_broken_promise_ends_with_1_and_is_named():
    for key, word in summary.MUST_BE_ZERO.items():
        assert conclusion(**{key: 3}) == (1, f"WRONG: 3 {word}\n")


def test_a_process_that_died_by_itself_ends_with_1():
    assert conclusion(failures=["gateway ended by itself"]) == (1, "WRONG: gateway ended by itself\n")


def test_a_story_begins_with_what_happened():
    story = {"what": "lost", "app": "sim-1", "room": "5", "text": "waits although agent 7 was free"}
    assert summary.story_text(story) == "lost: waits although agent 7 was free (app sim-1, room 5)"
