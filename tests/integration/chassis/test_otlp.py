"""Traces on their way out: what becomes of them when the endpoint is there, slow, or away."""

import time
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from chassis import otlp
from chassis.traces import Place, Role, Span
from one_machine.ports import HOST, free_port
from support.collector import Collector


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.stop()


@pytest.fixture
def sends(monkeypatch):
    """Makes what sends to an endpoint, and ends it."""
    monkeypatch.setattr(otlp, "EVERY_S", 0.05)
    made = []

    def to(endpoint):
        registry = CollectorRegistry()
        made.append(otlp.Otlp(endpoint, {"authorization": "Bearer canary"}, {"service.name": "antre-test"}, registry))
        return made[-1], lambda outcome: registry.get_sample_value("antre_trace_spans_total", {"outcome": outcome})

    yield to
    for one in made:
        one.close()


def span(number=1):
    place = Place.first()
    times = {"began_ns": number, "ended_ns": number + 1}
    return Span(name="webhook", role=Role.SERVER, place=place, parent=None, app="a", room=str(number), **times)


def until(fits, within_s=10.0):
    give_up_at = time.monotonic() + within_s
    while not fits():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_a_span_comes_as_it_was_told(collector, sends):
    tracer, count = sends(collector.endpoint)
    told = span(7)
    tracer.tell(told)
    (seen,) = collector.must_see(len)
    assert (seen.service, seen.name, seen.parent) == ("antre-test", "webhook", "")
    assert (int(seen.trace, 16), int(seen.span, 16)) == (told.place.trace, told.place.span)
    assert (seen.began_ns, seen.ended_ns, seen.said) == (7, 8, {"antre.app": "a", "antre.room": "7"})
    until(lambda: count("sent") == 1)
    (headers,) = collector.headers
    assert headers["authorization"] == "Bearer canary"


def test_the_end_sends_what_is_left(collector, sends, monkeypatch):
    monkeypatch.setattr(otlp, "EVERY_S", 60.0)
    tracer, _ = sends(collector.endpoint)
    for number in range(otlp.BATCH_MAX + 1):
        tracer.tell(span(number))
    tracer.close()
    assert len(collector.spans()) == otlp.BATCH_MAX + 1
    assert len(collector.bodies) == 2


def test_an_endpoint_may_hang_up_between_batches(collector, sends):
    collector.hangs_up = True
    tracer, count = sends(collector.endpoint)
    for number in range(1, 4):
        tracer.tell(span(number))
        until(lambda: count("sent") == number)  # noqa: B023 - called at once
    assert count("failed") == 0


def test_what_does_not_fit_is_counted_and_nobody_waits(collector, sends, monkeypatch):
    monkeypatch.setattr(otlp, "QUEUE_MAX", 10)
    monkeypatch.setattr(otlp, "EVERY_S", 60.0)
    tracer, count = sends(collector.endpoint)
    for number in range(25):
        tracer.tell(span(number))
    assert count("dropped") == 15
    tracer.close()
    assert [int(one.said["antre.room"]) for one in collector.spans()] == list(range(10))


def test_an_endpoint_that_refuses_is_told_of_once_and_again_when_it_takes_them(collector, sends, monkeypatch):
    lines = []
    said = SimpleNamespace(warning=lambda event, **_: lines.append(event), info=lambda event, **_: lines.append(event))
    monkeypatch.setattr(otlp, "_log", said)
    collector.status = 400
    tracer, count = sends(collector.endpoint)
    for number in range(1, 4):
        tracer.tell(span(number))
        until(lambda: count("failed") == number)  # noqa: B023 - called at once
    collector.status = 200
    tracer.tell(span())
    until(lambda: count("sent") == 1)
    assert lines == ["traces_not_sent", "traces_sent_again"]


@pytest.mark.parametrize("how", ["away", "stalls"])
def test_the_end_waits_no_longer_than_it_says(collector, sends, how):
    collector.stalls = True
    tracer, _ = sends(collector.endpoint if how == "stalls" else f"http://{HOST}:{free_port()}")
    tracer.tell(span())
    time.sleep(0.3)
    began = time.monotonic()
    tracer.close()
    assert time.monotonic() - began < otlp.CLOSE_S + 1
