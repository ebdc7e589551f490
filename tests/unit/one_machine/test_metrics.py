"""Reading the Prometheus text format, and what two readings tell."""

import pytest

from one_machine.metrics import Sample, by_label, largest, parse, total
from one_machine.watch import Reading, figures

PAGE = """# HELP antre_waiting People who wait
# TYPE antre_waiting gauge
antre_waiting{app="a",reason="all_at_capacity"} 3.0
antre_waiting{app="b",reason="all_at_capacity"} 1
antre_waiting{app="a",reason="paused"} 0
antre_oldest_wait_seconds{app="a"} 2.5
antre_oldest_wait_seconds{app="b"} 1e1
antre_term 7 1700000000000
odd{text="a \\"quoted\\", b=\\"c\\" }"} 1
half a line
"""


def test_samples_have_names_labels_and_values():
    assert parse(PAGE)[0] == Sample(name="antre_waiting", labels={"app": "a", "reason": "all_at_capacity"}, value=3.0)


def test_sums_and_largest_go_over_all_apps():
    samples = parse(PAGE)
    assert total(samples, "antre_waiting") == 4
    assert largest(samples, "antre_oldest_wait_seconds") == 10
    assert largest(samples, "antre_term") == 7
    assert by_label(samples, "antre_waiting", "reason") == {"all_at_capacity": 4}


def test_quotes_inside_a_label_do_not_end_it():
    assert [sample.labels["text"] for sample in parse(PAGE) if sample.name == "odd"] == ['a \\"quoted\\", b=\\"c\\" }']


@pytest.mark.parametrize("text", ["", "no", "{}", "a b", "antre_term{ 1"])
def test_what_is_no_sample_is_passed_over(text):
    assert parse(text) == []


def allocator(*, leads, term, assigned, waiting=0):
    return parse(
        f"antre_leader {int(leads)}\nantre_term {term}\n"
        f'antre_assignments_total{{app="a"}} {assigned}\n'
        f'antre_waiting{{app="a",reason="paused"}} {waiting}\n'
    )


def test_rates_are_per_second_between_the_readings():
    before = Reading(at=10, pages={"one": allocator(leads=True, term=1, assigned=5)})
    now = Reading(at=12, pages={"one": allocator(leads=True, term=1, assigned=25)})
    assert figures(now, before).assignments_per_s == 10


def test_a_process_that_was_started_anew_does_not_count_backwards():
    before = Reading(at=10, pages={"one": allocator(leads=True, term=1, assigned=500)})
    now = Reading(at=12, pages={"one": allocator(leads=True, term=1, assigned=4)})
    assert figures(now, before).assignments_per_s == 0


def test_the_first_reading_has_no_rates():
    now = Reading(at=12, pages={"one": allocator(leads=True, term=1, assigned=4)})
    assert figures(now, now).assignments_per_s == 0


def test_of_two_who_say_that_they_lead_the_higher_term_does():
    pages = {
        "old": allocator(leads=True, term=1, assigned=0, waiting=9),
        "new": allocator(leads=True, term=2, assigned=0, waiting=3),
    }
    seen = figures(Reading(at=1, pages=pages), Reading(at=0, pages=pages))
    assert (seen.leader, seen.term, seen.waiting, seen.reasons) == ("new", 2, 3, {"paused": 3})


def test_who_does_not_answer_is_named_and_nobody_leads():
    seen = figures(Reading(at=1, pages={"one": None, "two": []}), Reading(at=0, pages={}))
    assert (seen.leader, seen.term, seen.silent) == (None, 0, ("one",))
