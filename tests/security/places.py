"""Everywhere that something may be written down by a system, as bytes to be searched."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import redis

from one_machine.stores import Postgres, Valkey
from support import Processes
from support.ledger import rows, value
from support.system import System

Finding = tuple[str, str, str]
"""A place, where exactly, and the word that was found there."""
Look = Callable[[], Iterable[tuple[str, bytes]]]
"""Looks at a place: where exactly, and what is there."""

PATHS = ("/metrics", "/livez", "/readyz", "/alive", "/", "/nowhere", "/allocate-agent/webhook")
_TABLES = """
SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


def forms(word: str) -> set[bytes]:
    """How ``word`` may look where it was written down: in any case, in hexadecimal, in base64 at any place."""
    data = word.encode()
    shifted = (base64.b64encode(b"x" * shift + data)[4 if shift else 0 : -4] for shift in range(3))
    return {data.lower(), data.hex().encode(), *(form.lower() for form in shifted)}


def found(places: Mapping[str, Look], words: Iterable[str]) -> list[Finding]:
    """Every word of ``words`` that is anywhere in ``places``."""
    needles = [(form, word) for word in words for form in forms(word)]
    return [
        (place, where, word)
        for place, look in places.items()
        for where, content in look()
        for content in (content.lower(),)
        for word in {word for form, word in needles if form in content}
    ]


def of_logs(processes: Processes, but: str) -> Iterator[tuple[str, bytes]]:
    """What the processes printed."""
    yield from ((one.name, one.log.read_bytes()) for one in processes.started if one.name != but)


def of_pages(system: System) -> Iterator[tuple[str, bytes]]:
    """What may be asked for without credentials: metrics, health, and paths that there are not."""
    ports = [port for part in system.parts.values() for port in (part.port, part.metrics_port) if port]
    for address in (f"http://127.0.0.1:{port}{path}" for port in ports for path in PATHS):
        with suppress(httpx.HTTPError):
            answer = httpx.get(address, timeout=5.0, trust_env=False)
            yield address, str(answer.headers).encode() + answer.content


def of_command_lines(but: int) -> Iterator[tuple[str, bytes]]:
    """The command lines and titles of all processes."""
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "comm", "status"):
            with suppress(OSError):
                if int(folder.name) != but:
                    yield f"{folder}/{name}", (folder / name).read_bytes()


def of_redis(server: Valkey) -> Iterator[tuple[str, bytes]]:
    """All keys with all they hold, and what the server tells of its clients and their commands."""
    with redis.Redis.from_url(server.url) as client:
        for key in client.scan_iter():
            yield f"key {key!r}", key + repr(_content(client, key)).encode()
        for command in (("CLIENT", "LIST"), ("SLOWLOG", "GET", "-1"), ("INFO", "everything")):
            yield " ".join(command), repr(client.execute_command(*command)).encode()


def _content(client: redis.Redis, key: bytes) -> Any:
    readers: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: client.get(key),
        b"stream": lambda: client.xrange(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"hash": lambda: client.hgetall(key),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
    }
    kind: Any = client.type(key)
    return None if kind == b"none" else readers[kind]()  # gone meanwhile


def of_tables(url: str) -> Iterator[tuple[str, bytes]]:
    """All rows of all tables of ours, and what the server shows of its sessions."""
    for table in [row["name"] for row in rows(url, _TABLES)]:
        yield table, str(value(url, f"SELECT json_agg(t)::text FROM {table} t")).encode()
    yield "pg_stat_activity", json.dumps(rows(url, "SELECT * FROM pg_stat_activity"), default=str).encode()


def of_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files in a folder."""
    for path in sorted(folder.resolve().rglob("*")):
        with suppress(OSError):
            if path.is_file():
                yield str(path.relative_to(folder.resolve())), path.read_bytes()


def of_servers_log(server: Postgres | Valkey) -> Iterator[tuple[str, bytes]]:
    """What a store's server printed."""
    yield server.log.name, server.log.read_bytes()
