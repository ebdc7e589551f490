"""Redis's clock jumps, and nobody else's: the server runs under libfaketime."""

import time
from pathlib import Path

import pytest

from one_machine.stores import Valkey
from one_machine.valkey import valkey_program
from support.cases import MISSING, tool
from support.system import TTL_S

LIBRARY = "libfaketimeMT.so.1"
HOUR_S = 3600


class Clock:
    """The clock of a server that is started by :meth:`program`."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "offset"
        self._program = folder / "valkey-with-a-clock-of-its-own"
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """Let the clock be so much ahead of everybody else's from now on."""
        new = self._offset.with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.replace(self._offset)

    def program(self) -> Path:
        """What starts the server. Durations stay true: only the time of day is false."""
        words = f"LD_PRELOAD={_library()} FAKETIME_TIMESTAMP_FILE={self._offset} FAKETIME_NO_CACHE=1"
        words += " FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1"
        self._program.write_text(f'#!/bin/sh\nexec env {words} {valkey_program()} "$@"\n')
        self._program.chmod(0o755)
        return self._program


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture
def redis_server(clock, tmp_path):
    server = Valkey(tmp_path / "redis", program=clock.program())
    yield server.start()
    server.remove()


@pytest.mark.case(18, t_s=TTL_S)
def test_the_clock_jumps_a_minute_ahead(antre, clock):
    antre.traffic(10)
    antre.must_serve(5)
    term = antre.term()
    clock.jump(60)
    jumped_at = time.time()
    assert abs(_time_of(antre.redis) - jumped_at - 60) < 5, "the clock of Redis is as it was"
    antre.must("a new term begins", lambda: antre.term() > term)
    antre.must_progress(time.time(), repaired_at=jumped_at)
    antre.must_serve(20)
    antre.must_come_to_rest()


@pytest.mark.case(19, t_s=2 * TTL_S + 1)
@pytest.mark.parametrize("is_alive", [False, True], ids=["its holder is dead", "its holder lives"])
def test_the_clock_jumps_an_hour_back(antre, clock, is_alive):
    antre.traffic(5)
    antre.must_serve(5)
    leader = antre.leader()
    if not is_alive:
        antre.kill(leader)
    clock.jump(-HOUR_S)
    jumped_at = time.time()
    assert _time_of(antre.redis) < jumped_at - HOUR_S / 2, "the clock of Redis is as it was"
    antre.must_progress(jumped_at + 0.2, repaired_at=jumped_at)
    antre.must_serve(20)
    antre.must_come_to_rest()


def _time_of(redis):
    return int(redis.execute("TIME").split(b"\r\n")[2])


def _library():
    tool("faketime")
    for found in Path("/usr/lib").glob(f"**/faketime/{LIBRARY}"):
        return found
    pytest.skip(f"{MISSING}{LIBRARY}")
