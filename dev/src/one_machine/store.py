"""What PostgreSQL and Valkey have in common here: one server process with a folder and a port."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from one_machine.ports import free_port
from one_machine.spawn import spawn

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.01
START_ATTEMPTS_MAX = 5


class StoreError(RuntimeError):
    """A store did not start or did not do what was asked; the message says where to look."""


class Store(ABC):
    """One server process: a folder of data, a port, a log file."""

    name: str
    death_signal: signal.Signals

    def __init__(self, data: Path, port: int | None, log: Path | None) -> None:
        self.data = data
        self.port = port or free_port()
        self.log = log or data.with_name(f"{data.name}.log")
        self._keep_port = port is not None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process; raises `StoreError` before the first start."""
        if self._process is None:
            message = f"{self.name} was never started."
            raise StoreError(message)
        return self._process

    @property
    def pid(self) -> int:
        """The number of the server's process."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether the server's process is alive (not whether it answers)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the server and return when it answers; a running one is left alone."""
        for attempt in range(START_ATTEMPTS_MAX):
            if self.is_running or self._launch():
                self._keep_port = True
                return self
            if not self._keep_port:
                self.port = free_port()
            time.sleep(0.1 * (attempt + 1))
        message = f"{self.name} does not start; the end of {self.log}:\n{self._log_end()}"
        raise StoreError(message)

    def stop(self) -> None:
        """Stop the server in good order; what it acknowledged is on disk."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL, with all the processes the server started."""
        if self._process is None or self._process.poll() is not None:
            return
        self._signal_all(signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)

    def pause(self) -> None:
        """SIGSTOP: the server is there and does not answer, until `resume`."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: the server goes on where it was paused; one that ended is left alone."""
        if self.is_running:
            self._signal_all(signal.SIGCONT)

    def restart(self) -> None:
        """Stop in good order and start again on the same port with the same data."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Kill the server and delete its data, wherever the folder leads."""
        self.kill()
        real = Path(os.path.realpath(self.data))
        shutil.rmtree(real, ignore_errors=True)
        if self.data.is_symlink():
            self.data.unlink()
            real.parent.rmdir()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _command(self) -> Sequence[str | Path]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    def _spawn(self) -> subprocess.Popen[bytes]:
        return spawn(self._command(), log=self.log, when_we_die=self.death_signal)

    def _launch(self) -> bool:
        self._process = self._spawn()
        until = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                return False
            if self._answers():
                return True
            time.sleep(POLL_S)
        self.kill()
        return False

    def _end(self, how: signal.Signals) -> None:
        if not self.is_running:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _signal_all(self, which: signal.Signals) -> None:
        """The parent first: once it stands still it starts no child that would be missed."""
        _signal(self.pid, which)
        for pid in _children_of(self.pid):
            _signal(pid, which)

    def _log_end(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-12:])


def _signal(pid: int, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)


def _children_of(pid: int) -> list[int]:
    """The processes that this one started (Linux; elsewhere they notice by themselves)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            after_name = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(after_name[1]) == pid:
                found.append(int(stat.parent.name))
    return found
