"""Child processes that never outlive us, whatever ends us.

On Linux the kernel is asked to signal each child when the thread that started it ends
(`PR_SET_PDEATHSIG`). So that this means "when the process ends", one thread that lives as long as
the interpreter starts them all. Elsewhere (macOS) children are stopped only by an orderly end.
Each child leads a process group of its own: a Ctrl-C in the terminal reaches us alone.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawn")


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: pwd.struct_passwd | None = None,
    when_we_die: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start the command with its output appended to the log file.

    `account` runs it as that user (root only); `when_we_die` is the signal it gets when this
    process ends for any reason. Raises `OSError` when the command cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                process_group=0,
                # Safe beside threads: it makes two system calls through what is loaded already.
                preexec_fn=partial(_die_with_parent, os.getpid(), when_we_die),  # noqa: PLW1509
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )

    return _STARTER.submit(start).result()


def _die_with_parent(parent: int, how: signal.Signals) -> None:
    # Runs in the child between fork and exec, after the change of user (which would clear it).
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)
    if os.getppid() != parent:  # it ended before we could ask
        os._exit(1)
