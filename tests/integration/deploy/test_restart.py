"""The entry point of the images' stage for development: a change of source starts the command again."""

import os
import signal
import subprocess
import sys
import time

import pytest

from support.programs import ROOT

COUNTING = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
with pathlib.Path(sys.argv[1]).open("a") as starts:
    starts.write("started\\n")
time.sleep(60)
"""


@pytest.fixture
def restarted(tmp_path):
    source, starts = tmp_path / "source", tmp_path / "starts"
    source.mkdir()
    (source / "module.py").write_text("one = 1\n")
    (tmp_path / "command.py").write_text(COUNTING)
    command = [sys.executable, ROOT / "deploy/dev/restart.py", sys.executable, tmp_path / "command.py", starts]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(source)})
    yield process, source / "module.py", starts
    process.kill()
    process.wait()


def wait_for_starts(path, number):
    give_up_at = time.monotonic() + 30
    while not path.exists() or path.read_text().count("started") < number:
        assert time.monotonic() < give_up_at, f"not started {number} times"
        time.sleep(0.05)


def test_a_change_starts_it_again_and_sigterm_ends_both(restarted):
    process, module, starts = restarted
    wait_for_starts(starts, 1)
    os.utime(module, (time.time() + 5, time.time() + 5))
    wait_for_starts(starts, 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 7
