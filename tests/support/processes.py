"""Our commands as real processes: started, watched, hurt, and always cleaned up."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from one_machine.spawn import spawn
from support.shape import PATIENCE

BIN = Path(sys.executable).parent
POLL_S = 0.02
HTTP_TIMEOUT_S = 2.0
SIGNAL_TIMEOUT_S = 10.0 * PATIENCE


class Running:
    """One process of ours. All methods block; in an async test call them by `asyncio.to_thread`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self.process.pid

    @property
    def status(self) -> int | None:
        """The exit status (negative: the signal that ended it), `None` while it runs."""
        return self.process.poll()

    @property
    def output(self) -> str:
        """Everything it has printed so far, both streams."""
        return self.log.read_text(errors="replace")

    def wait_ready(self, url: str, *, timeout_s: float = 20.0) -> Self:
        """Wait until the address answers 200; fails with the log when the process ends before."""
        until = time.monotonic() + timeout_s
        while not _answers_200(url):
            assert self.status is None, f"{self.name} ended with {self.status}:\n{self.output}"
            assert time.monotonic() < until, f"{url} is not ready in {timeout_s} s:\n{self.output}"
            time.sleep(POLL_S)
        return self

    def wait_output(self, text: str, *, timeout_s: float = 20.0) -> Self:
        """Wait until it has printed the text."""
        until = time.monotonic() + timeout_s
        while text not in self.output:
            assert self.status is None, f"{self.name} ended with {self.status}:\n{self.output}"
            assert time.monotonic() < until, f"no {text!r} in {timeout_s} s:\n{self.output}"
            time.sleep(POLL_S)
        return self

    def wait(self, *, timeout_s: float = SIGNAL_TIMEOUT_S) -> int:
        """Wait for its end and return the exit status."""
        return self.process.wait(timeout_s)

    def terminate(self, *, timeout_s: float = SIGNAL_TIMEOUT_S) -> int:
        """SIGTERM, wait for its end and return the exit status."""
        self.process.terminate()
        return self.wait(timeout_s=timeout_s)

    def kill(self) -> int:
        """SIGKILL and wait for its end."""
        self.process.kill()
        return self.wait()

    def pause(self) -> None:
        """SIGSTOP: it stands still, its connections stay open."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: it goes on as if nothing had been."""
        self.process.send_signal(signal.SIGCONT)


class Processes:
    """Starts our commands out of this environment and ends what is left of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Running] = []

    def start(self, *command: str, env: Mapping[str, str] | None = None, name: str | None = None) -> Running:
        """Start `webhook-gateway`, `allocator`, … with this environment and nothing else of ours.

        Only PATH, HOME and the language are inherited. The output goes to a file in the folder.
        """
        label = name or f"{command[0]}-{len(self.started)}"
        log = self.folder / f"{label}.log"
        process = spawn([BIN / command[0], *command[1:]], env={**_basics(), **(env or {})}, log=log)
        running = Running(label, process, log)
        self.started.append(running)
        return running

    def run(self, *command: str, env: Mapping[str, str] | None = None, timeout_s: float = 60.0) -> Running:
        """Start a command that ends by itself, and wait for that; look at `status` and `output`."""
        running = self.start(*command, env=env)
        running.wait(timeout_s=timeout_s)
        return running

    def end_all(self) -> None:
        """SIGKILL whatever still runs (a paused process too)."""
        for running in self.started:
            with contextlib.suppress(ProcessLookupError):
                running.process.kill()
            running.process.wait(SIGNAL_TIMEOUT_S)


def _basics() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _answers_200(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=HTTP_TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
