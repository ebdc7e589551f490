"""Disks that are slow, broken or full, under a server that runs.

`strace` holds up or spoils the system calls of the server's process; a full disk is a small file system in memory
and a file that fills it. Where one of these cannot be had, the test is skipped and says what was missing.
"""

import contextlib
import errno
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cases import tool

ATTACH_S = 10.0
POLL_S = 0.02
PIECE = 65_536
SYNC = "fdatasync,fsync"


@contextmanager
def slow_sync(pid: int, delay_s: float) -> Iterator[None]:
    """Every sync of the process to its disk takes so much longer; what it wrote before is with the kernel already."""
    with _injected(pid, SYNC, f"delay_enter={int(delay_s * 1_000_000)}"):
        yield


@contextmanager
def failing_sync(pid: int) -> Iterator[None]:
    """Every sync of the process fails as on a broken disk."""
    with _injected(pid, SYNC, "error=EIO"):
        yield


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """``folder`` is a file system of its own, of this size; gone afterwards, with all that is in it."""
    folder.mkdir()
    command = [tool("mount"), "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("missing tool: mount (it is refused here)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk to its last byte; removing the file that is returned makes room again."""
    ballast = folder / "ballast"
    piece = PIECE
    with ballast.open("wb", buffering=0) as file:
        while piece:
            try:
                piece = file.write(bytes(piece))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                piece //= 2
    return ballast


@contextmanager
def _injected(pid: int, calls: str, what: str) -> Iterator[None]:
    filters = ["-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]
    command = [tool("strace"), "-f", "-qq", "-o", "/dev/null", *filters, "-p", str(pid)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as strace:
        _until_attached(strace, pid)
        try:
            yield
        finally:
            strace.terminate()  # it lets go of the process before it ends


def _until_attached(strace: subprocess.Popen[bytes], pid: int) -> None:
    """Or until it is all over: what is injected may end the process before we look."""
    until = time.monotonic() + ATTACH_S
    while not _traced(pid, strace.pid) and strace.poll() != 0:
        if strace.returncode:
            pytest.skip("missing tool: strace (it may not trace here)")
        assert time.monotonic() < until, f"strace does not get hold of process {pid}"
        time.sleep(POLL_S)


def _traced(pid: int, by: int) -> bool:
    """Whether all threads of the process are in the hands of the tracer."""
    tracers = set()
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        with contextlib.suppress(OSError):  # a thread that has ended
            lines = status.read_text().splitlines()
            tracers |= {line.split()[1] for line in lines if line.startswith("TracerPid:")}
    return tracers == {str(by)}
