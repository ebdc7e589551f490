"""A few of the steps, chosen anew each time; all of them: `python -m crash`. And what must be found is found."""

import random

import pytest

from support.cases import SEED, seed_of

from .bench import bench_on
from .seams import calls_of
from .stage import FIRST, GATEWAY, Plan
from .steps import Death
from .story import customers_come
from .sweep import run, side_by_side, stands_by
from .words import line_of, told_of

STEPS, STEPS_LONG = 4, 40
AT_A_TIME = 8
WORDS = ("acknowledged", "assigned", "lost", "doubled", "over", "out_of_order")
NOT_IN_THE_STORY = {
    "ledger.renew_term",  # after a round that failed, and only then
    "lease.wait_for_release",  # who calls it follows, and follows only
    "platform.suggestion",  # a strategy of its own
    "transaction.last_agents",  # where the policy is sticky
    "transaction.served_by",  # where the platform counts fewer than we do: the story's delays decide
}
IMPATIENT_S = 8.0
"""After a death, for what will never come: longer than any lease lasts."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory, postgres_server, redis_server):
    for server in (postgres_server, redis_server):
        server.resume()
        server.start()
    with bench_on(tmp_path_factory.mktemp("crash"), postgres_server, redis_server) as made:
        yield made


@pytest.fixture(scope="module")
def seed(pytestconfig):
    """The one that was wished, or a new one."""
    wished = seed_of(pytestconfig)
    return wished if wished != SEED else random.SystemRandom().randrange(2, 10**6)


@pytest.fixture(scope="module")
def undisturbed(bench, seed):
    """The same story without a death."""
    return run(bench, Plan(seed=seed))


def steps_to_try(seed, length, *, is_long):
    return random.Random(seed).sample(range(1, length + 1), STEPS_LONG if is_long else STEPS)


def in_batches(bench, plans):
    return [
        done
        for first in range(0, len(plans), AT_A_TIME)
        for done in side_by_side(bench, plans[first : first + AT_A_TIME])
    ]


def must_be_right(runs, record_property):
    times = [one.recovery_s for one in runs if one.plan.victim == FIRST and one.recovery_s is not None]
    row = {word: sum(one.sentence.verdict.get(word, 0) for one in runs) for word in WORDS}
    record_property("scenario", {**row, **({"T": max(times)} if times else {})})
    record_property("seed of the crash sweep", runs[0].plan.seed)
    wrong = [one for one in runs if one.sentence.complaints]
    assert not wrong, "\n\n".join(f"{line_of(one)}\n{told_of(one)}" for one in wrong)


@pytest.mark.timeout(300)
def test_a_story_without_a_death_visits_every_call_of_every_port(undisturbed):
    from allocator import ports  # noqa: PLC0415 - here alone

    of_ports = [("inbox", ports.Inbox), ("lease", ports.Lease), ("ledger", ports.Ledger)]
    of_ports += [("transaction", ports.Transaction), ("platform", ports.Platform)]
    calls = {f"{word}.{call}" for word, port in of_ports for call in calls_of(port)}
    assert not undisturbed.died
    assert undisturbed.sentence.complaints == []
    assert calls - NOT_IN_THE_STORY <= {step.name for step in undisturbed.steps}


@pytest.mark.case(9, t_s=5.0)
@pytest.mark.timeout(900)
def test_whatever_step_a_leader_dies_at_nobody_is_lost(bench, seed, undisturbed, is_long, record_property):
    numbers = steps_to_try(seed, len(undisturbed.steps), is_long=is_long)
    plans = [Plan(seed=seed, death=Death(number=number), stands_by=stands_by(number)) for number in numbers]
    runs = in_batches(bench, plans)
    assert any(one.died for one in runs), "nobody died"
    must_be_right(runs, record_property)


@pytest.mark.case(1, 2)
@pytest.mark.timeout(900)
def test_whatever_step_a_gateway_dies_at_nobody_is_lost_and_nobody_doubled(bench, seed, is_long, record_property):
    places = ["before inbox.append", "during inbox.append", "after inbox.append", "before http.answer"]
    deaths = [Death.at(f"{place} {nth}") for place in places for nth in ((1, 2, 3, 4) if is_long else (1 + seed % 4,))]
    runs = in_batches(bench, [Plan(seed=seed, victim=GATEWAY, death=death) for death in deaths])
    assert all(one.died for one in runs), "not all died"
    must_be_right(runs, record_property)


def died_of(wrong, *places, twin="", victim=FIRST):
    """Plans of parts that are wrong, and of their twins that are not, else the same."""
    deaths = [Death.at(place) for place in places]
    bad = [Plan(victim=victim, death=death, wrong=wrong, patience_s=IMPATIENT_S) for death in deaths]
    return bad, [Plan(victim=victim, death=death, wrong=twin) for death in deaths]


@pytest.fixture(scope="module")
def told(bench):
    """What was said of parts that are wrong on purpose, and of those like them that are right."""
    reads = ("after inbox.read 1", "after inbox.read 2")  # the first may find nobody yet
    plans = {
        "pop-first": died_of("pop-first", *reads, twin="no-sweep"),
        "answer-first": died_of("answer-first", "before inbox.append 1", twin="no-sweep", victim=GATEWAY),
        "forget": died_of("forget", "before platform.assign 1"),
    }
    everyone = [plan for bad, good in plans.values() for plan in (*bad, *good)]
    runs = dict(zip(everyone, side_by_side(bench, everyone, [customers_come]), strict=True))
    return {
        wrong: tuple("\n".join(text for plan in some for text in runs[plan].sentence.complaints) for some in both)
        for wrong, both in plans.items()
    }


@pytest.mark.timeout(300)
def test_an_allocator_that_pops_first_is_caught(told):
    said_of_it, said_of_its_twin = told["pop-first"]
    assert "waits on the platform, the ledger has None" in said_of_it
    assert said_of_its_twin == ""


@pytest.mark.timeout(300)
def test_a_gateway_that_answers_first_is_caught(told):
    said_of_it, said_of_its_twin = told["answer-first"]
    assert "acknowledged and never assigned" in said_of_it
    assert said_of_its_twin == ""


@pytest.mark.timeout(300)
def test_an_allocator_whose_recovery_forgets_is_caught(told):
    said_of_it, said_of_its_twin = told["forget"]
    assert "is reserved in the ledger" in said_of_it
    assert said_of_its_twin == ""
