"""Runs a command and starts it again when its source has changed: the entry point of the images' `dev` stage.

    python restart.py allocator allocate

It watches the folders of PYTHONPATH. SIGTERM and SIGINT are handed on, and end it with the command's own exit status.
Does not promise: anything in production, where images hold no source that could change.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LOOK_EVERY_S = 0.5
STOP_WITHIN_S = 20.0


def newest(folders: list[Path]) -> float:
    """When the newest Python file below the folders was changed, in seconds since 1970."""
    return max((file.stat().st_mtime for folder in folders for file in folder.rglob("*.py")), default=0.0)


def main() -> int:
    """Run until the command ends by being told to, and return its exit status."""
    folders = [Path(folder) for folder in os.environ.get("PYTHONPATH", "").split(":") if folder]
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: told.append(got))
    while True:
        seen = newest(folders)
        child = subprocess.Popen(sys.argv[1:])
        while not told and newest(folders) == seen:
            time.sleep(LOOK_EVERY_S)
        status = _stop(child, told[0] if told else signal.SIGTERM)
        if told:
            return status
        print("restart: the source changed", flush=True)


def _stop(child: subprocess.Popen[bytes], number: int) -> int:
    child.send_signal(number)
    try:
        return child.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


if __name__ == "__main__":
    sys.exit(main())
