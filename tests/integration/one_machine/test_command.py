"""The command behind `make run`, whole: it serves customers, survives the leader's death, and is judged."""

import os
import re
import signal
import time

import pytest

from support import Processes


@pytest.fixture
def words(store_folder, free_name):
    """A quick run over data of its own."""
    return ["--data", str(store_folder / free_name), "--customers-per-s", "8", "--seed", "3"]


@pytest.fixture
def free_name(request):
    return re.sub(r"\W+", "-", request.node.name)


def counts(output):
    """The summary's table as words and numbers."""
    rows = re.findall(r"│ ([a-z, 0-9]+?) +│ +(\d+)", output)
    return {word: int(number) for word, number in rows}


def judged_well(running):
    told = counts(running.output)
    assert running.status == 0, running.output
    assert [told[word] for word in ("lost", "doubled", "over capacity", "out of order")] == [0, 0, 0, 0]
    return told


def test_a_run_serves_everybody_and_ends_by_itself(processes: Processes, words):
    done = processes.run("one-machine", *words, "--for", "6", timeout_s=90)
    told = judged_well(done)
    assert told["arrived"] > 30
    assert told["assigned"] == told["arrived"]


def test_killing_the_leader_changes_the_leader_and_nothing_in_the_last_four_counters(processes: Processes, words):
    running = processes.start("one-machine", *words).wait_output("term", timeout_s=60)
    time.sleep(3)
    os.kill(leader_pid(running.output), signal.SIGKILL)
    first = leader_name(running.output)
    running.wait_output(f"{first} was started again", timeout_s=20)
    wait_for_another_leader(running, leader_pid(running.output))
    assert running.terminate(timeout_s=60) == 0, running.output
    told = judged_well(running)
    assert told["assigned"] == told["arrived"]


def test_a_wrong_choice_is_refused_before_anything_starts(processes: Processes, words):
    done = processes.run("one-machine", *words, "--agents", "none")
    assert (done.status, done.output) == (
        2,
        "one-machine: AGENTS is 'none'; allowed is a whole number from 1 to 5000.\n",
    )


def leader_pid(output):
    return int(re.findall(r"leader allocator-\d \(pid (\d+)\)", output)[-1])


def leader_name(output):
    return re.findall(r"leader (allocator-\d) \(pid \d+\)", output)[-1]


def wait_for_another_leader(running, old_pid, timeout_s=40):
    until = time.monotonic() + timeout_s
    while leader_pid(running.output) == old_pid:
        assert time.monotonic() < until, running.output
        time.sleep(0.2)
