"""Whole systems with fresh seeds in every run of the tests; and the simulation itself: it repeats, it shortens."""

import hashlib
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from allocator.core.policy import compile_spec
from simulation.guards import caught
from simulation.run import play
from simulation.script import TROUBLES, script_of
from simulation.shrink import shrunk
from simulation.story import told
from simulation.wrong import GUARDS

BATCHES, RUNS = 8, 40
BY_NAME = {guard.name: guard for guard in GUARDS}
TESTS = Path(__file__).parents[1]
FINGERPRINT = """
from simulation.run import play
from simulation.script import script_of
print([play(script_of(seed)).story for seed in range(6)])
"""


@pytest.mark.parametrize("batch", range(BATCHES))
def test_nothing_is_wrong_in_runs_with_fresh_seeds(batch, record_property):
    first = secrets.randbelow(2**32)
    record_property("seeds", f"{first} to {first + RUNS - 1}")
    for seed in range(first, first + RUNS):
        outcome = play(script_of(seed))
        assert not outcome.wrongs, "\n".join([f"again: make simulate SEED={seed}", *told(shrunk(outcome))])


@pytest.mark.parametrize("trouble", TROUBLES)
def test_nothing_is_wrong_where_one_thing_goes_wrong_often(trouble):
    first = secrets.randbelow(2**32)
    for seed in range(first, first + 5):
        outcome = play(script_of(seed, [trouble]))
        again = f"again: make simulate SEED={seed} ARGS='--only {trouble!r}'"
        assert not outcome.wrongs, "\n".join([again, *told(shrunk(outcome))])


def test_in_every_other_run_the_policy_uses_every_field():
    policies = [compile_spec(script_of(seed).policy(3), 1) for seed in range(20)]
    rich = [one for one in policies if one.eligibility]
    assert 5 <= len(rich) <= 10
    assert all(one.sticky and one.hours and one.channel_caps and one.total for one in rich)


def test_the_same_seed_tells_the_same_story_in_every_process():
    """Also where sets and dictionaries are in another order."""
    told_by = set()
    for chaos in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={"PYTHONPATH": str(TESTS), "PYTHONHASHSEED": chaos},
            capture_output=True,
            check=True,
            timeout=60,
        )
        told_by.add(hashlib.sha256(done.stdout).hexdigest())
    assert len(told_by) == 1


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_an_allocator_without_this_guard_is_caught(guard):
    outcome = caught(guard, [guard.seed, *range(400)])
    assert outcome is not None, f"nobody misses the guard: {guard.name}"


def test_a_failing_run_is_shortened_to_what_matters():
    guard = BY_NAME["delete after commit"]
    with guard.off():
        long = play(script_of(guard.seed, guard.troubles))
        short = shrunk(long)
    assert len(short.script.happenings) <= 4 < len(long.script.happenings)
    assert short.kinds & long.kinds
    assert any("is killed" in line for line in told(short))
