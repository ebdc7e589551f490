"""The allocator's commands that ask, as a person runs them beside a leader at work."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


async def ask(urls, *words, **env):
    """Run ``allocator WORDS`` with the stores in ``urls`` (database, redis)."""
    stores = {"DATABASE_URL": urls[0], "REDIS_URL": urls[1], "TZ": "Asia/Jakarta", "COLUMNS": "100"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "allocator",
        *words,
        env={"PATH": os.environ["PATH"], **stores, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Said(process.returncode, out.decode(), err.decode())
