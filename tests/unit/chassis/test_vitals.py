"""What every process tells of itself."""

import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest

from chassis.vitals import EVERY_S, LoopLag, introduce


class Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def lag(clock):
    return LoopLag(CollectorRegistry(), clock)


def test_a_loop_that_is_in_time_is_not_late(lag, clock):
    lag.due_in(1)
    clock.now += 1
    lag.came()
    assert lag.worst() == 0


def test_the_worst_of_a_while_is_told_and_then_forgotten(lag, clock):
    for late in (0.5, 0.1):
        lag.due_in(1)
        clock.now += 1 + late
        lag.came()
    assert lag.worst() == pytest.approx(0.5)
    clock.now += 20
    assert lag.worst() == 0


def test_while_it_stands_still_it_is_later_and_later(lag, clock):
    lag.due_in(1)
    clock.now += 8
    assert lag.worst() == pytest.approx(7)


async def test_a_loop_that_is_held_up_shows():
    lag = LoopLag(CollectorRegistry())
    async with lag.measured():
        await asyncio.sleep(0.01)
        time.sleep(EVERY_S + 0.2)  # noqa: ASYNC251 - the fault
        await asyncio.sleep(0.01)
    assert lag.worst() > 0.15


def test_what_runs_is_told_and_when_a_counter_began_is_not():
    registry = CollectorRegistry()
    introduce(registry, "a-service", "1.2.3")
    Counter("things", "…", registry=registry).inc()
    page = generate_latest(registry).decode()
    assert 'service="a-service",version="1.2.3"} 1.0' in page
    assert "process_resident_memory_bytes" in page
    assert "things_total 1.0" in page
    assert "_created" not in page
