"""A Valkey whose disk is slow: strace holds up each sync, and nothing else.

The server is started under strace (`--seccomp-bpf` works in no other way), so that the kernel stops it for syncs only:
attached to a running process, strace would be woken by each system call, and who makes more of them would pay for it.
"""

import shutil
from pathlib import Path

from one_machine.valkey import valkey_program

STRACE = shutil.which("strace")
SYNC = "fsync,fdatasync"


def slow_disk(folder: Path, sync_s: float) -> Path:
    """A program to be started in Valkey's place; each of its syncs takes ``sync_s`` longer."""
    if STRACE is None:
        raise RuntimeError("strace is missing, which makes the disk slow")
    words = f"-D -f -qq --seccomp-bpf -o /dev/null -e trace={SYNC} -e inject={SYNC}:delay_enter={int(sync_s * 1e6)}"
    script = folder / "valkey-on-a-slow-disk"
    script.write_text(f'#!/bin/sh\nexec {STRACE} {words} {valkey_program()} "$@"\n')
    script.chmod(0o755)
    return script
