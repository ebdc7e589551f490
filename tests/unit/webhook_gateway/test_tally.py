"""Our own counting says what the client library's would."""

import random

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from webhook_gateway.tally import Count, Spread

BOUNDS = (0.01, 0.1, 1.0)


def page(*collectors):
    registry = CollectorRegistry()
    for one in collectors:
        registry.register(one)
    return generate_latest(registry)


def test_a_counter_is_that_of_the_library():
    disable_created_metrics()
    ours, theirs = Count("things", "Things.", ["kind"]), Counter("things", "Things.", ["kind"], registry=None)
    for kind in "abba":
        ours.add((kind,))
        theirs.labels(kind).inc()
    assert page(ours) == page(theirs)
    assert page(Count("things", "Things.", [])) == page(Counter("things", "Things.", registry=None))


def test_a_histogram_is_that_of_the_library():
    disable_created_metrics()
    dice = random.Random(1)
    ours = Spread("taken", "Taken.", BOUNDS, "kind")
    theirs = Histogram("taken", "Taken.", ["kind"], buckets=BOUNDS, registry=None)
    for value in (*BOUNDS, *(dice.uniform(0, 2) for _ in range(100))):
        ours.add(value, "a")
        theirs.labels("a").observe(value)
    assert page(ours) == page(theirs)


def test_a_histogram_without_labels_is_there_before_anything_is_counted():
    disable_created_metrics()
    ours, theirs = Spread("taken", "Taken.", BOUNDS), Histogram("taken", "Taken.", buckets=BOUNDS, registry=None)
    assert page(ours) == page(theirs)
