"""How much of a file was synced, by what strace saw its writer do.

When a machine fails, what was written and not synced may be gone. No program can cut the power, but it can watch the
system calls: what was written to the file before a sync *began* is on disk when the sync *ends*.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

STRACE = shutil.which("strace")
ATTACH_S = 10.0
CALLS = "write,writev,pwrite64,fsync,fdatasync"
_LINE = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(.*)$")
_RESULT = re.compile(r"\) += (-?\d+)")


class Traced:
    """Watches what a process does to the file at ``path``, until it is closed."""

    def __init__(self, pid: int, path: Path, log: Path) -> None:
        self._pid, self._path, self._log = pid, path, log
        self._before = path.stat().st_size  # synced: nobody has written since the server said that it is ready

    def __enter__(self) -> Self:
        command = [STRACE or "strace", "-f", "-y", "-s", "0", "-e", f"trace={CALLS}", "-P", str(self._path)]
        self._process = subprocess.Popen(
            [*command, "-o", str(self._log), "-p", str(self._pid)], stderr=subprocess.DEVNULL
        )
        give_up_at = time.monotonic() + ATTACH_S
        while not self._is_attached():
            if time.monotonic() > give_up_at or self._process.poll() is not None:
                raise RuntimeError("strace cannot attach to the server; may this account trace processes?")
            time.sleep(0.05)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()

    def synced(self) -> int:
        """How long the file would be had the machine failed. To be asked when the process has ended."""
        self._process.wait()
        return self._before + synced_bytes(self._log.read_text(errors="replace").splitlines())

    def _is_attached(self) -> bool:
        return all(
            "TracerPid:\t0\n" not in status.read_text() for status in Path(f"/proc/{self._pid}/task").glob("*/status")
        )


def synced_bytes(lines: Iterable[str]) -> int:
    """Of the bytes that calls in ``lines`` wrote, how many are sure to be on disk."""
    written = synced = 0
    began: dict[str, int] = {}  # by thread: what was written when its sync began
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        thread, call, rest = match.groups()
        is_sync = call in {"fsync", "fdatasync"}
        if is_sync and "resumed>" not in rest:
            began[thread] = written
        result = _RESULT.search(rest)
        if result is None or int(result[1]) < 0:
            continue
        if is_sync:
            synced = max(synced, began.pop(thread, 0))
        else:
            written += int(result[1])
    return synced
