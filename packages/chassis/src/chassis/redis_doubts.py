"""Whether a Redis (or Valkey) keeps what it acknowledged, by what it says of its settings. Imports no client.

``CONFIG GET`` tells all of it. A hosted Redis that refuses it tells some in ``INFO``: whether there is an append-only
file, and what is evicted; not how the file is synced.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from chassis.durability import Doubt

Run = Callable[..., Awaitable[Any]]
"""Runs a command and returns its reply, a mapping; anything else: the server refuses it to us."""

_FILE, _SYNC, _REWRITE = "appendonly", "appendfsync", "no-appendfsync-on-rewrite"
_MEMORY, _POLICY = "maxmemory", "maxmemory-policy"
_ASKED = (_FILE, _SYNC, _REWRITE, _MEMORY, _POLICY)

HIDDEN = Doubt(
    reason="hidden",
    meaning="it does not say how it keeps what it acknowledges (CONFIG GET is refused), so it cannot be known "
    "what is lost when it or its machine fails",
    remedy="allow us CONFIG GET (in an ACL: +config|get)",
    is_known=False,
)
NO_FILE = Doubt(
    reason="appendonly",
    meaning="appendonly is not on, so all that it holds, or all since its last snapshot, is lost when it restarts",
    remedy="set appendonly to yes and appendfsync to always",
)
SYNCED_EACH_SECOND = Doubt(
    reason="appendfsync",
    meaning="appendfsync is everysec, so what came in the last second (two, when its disk is slow) is lost when its "
    "machine fails",
    remedy="set appendfsync to always",
)
NEVER_SYNCED = Doubt(
    reason="appendfsync",
    meaning="appendfsync is not always, so what its kernel had not written yet (often half a minute) is lost when its "
    "machine fails",
    remedy="set appendfsync to always",
)
NOT_SYNCED_MEANWHILE = Doubt(
    reason="no-appendfsync-on-rewrite",
    meaning="no-appendfsync-on-rewrite is yes, so what came while its file was rewritten may be lost",
    remedy="set no-appendfsync-on-rewrite to no",
)
EVICTS_ALL = Doubt(
    reason="eviction",
    meaning="maxmemory-policy lets it evict any key, so when its memory is full it drops the inbox of an app: all that "
    "was acknowledged and not recorded yet",
    remedy="set maxmemory-policy to noeviction",
)
EVICTS_LEASE = Doubt(
    reason="lease-eviction",
    meaning="maxmemory-policy lets it evict keys with a time to live, so when its memory is full it drops the lease of "
    "the leader again and again, and nobody is assigned meanwhile",
    remedy="set maxmemory-policy to noeviction",
    loses_events=False,
)


async def redis_doubts(run: Run) -> tuple[Doubt, ...]:
    """Ask a server by ``run`` and judge; whatever ``run`` raises comes out."""
    said = _texts(await run("CONFIG GET", *_ASKED))
    if not said.keys() >= {_FILE, _SYNC, _MEMORY, _POLICY}:
        said = _from_info(_texts(await run("INFO"))) | said
    return judge(said)


def judge(said: Mapping[str, str]) -> tuple[Doubt, ...]:
    """The doubts that settings give reason for. One that is missing is one that cannot be known."""
    return (*_of_file(said), *_of_eviction(said), *_of_silence(said))


def _of_file(said: Mapping[str, str]) -> Iterator[Doubt]:
    if said.get(_FILE, "yes") != "yes":
        yield NO_FILE
        return
    sync = said.get(_SYNC, "always")
    if sync != "always":
        yield SYNCED_EACH_SECOND if sync == "everysec" else NEVER_SYNCED
    elif said.get(_REWRITE) == "yes":
        yield NOT_SYNCED_MEANWHILE


def _of_eviction(said: Mapping[str, str]) -> Iterator[Doubt]:
    """Without a limit nothing is ever evicted."""
    policy = said.get(_POLICY, "noeviction")
    if said.get(_MEMORY, "0") != "0" and policy != "noeviction":
        yield EVICTS_LEASE if policy.startswith("volatile-") else EVICTS_ALL


def _of_silence(said: Mapping[str, str]) -> Iterator[Doubt]:
    """Of a server without a file it does not matter how the file would be synced."""
    needed = {_FILE, _MEMORY, _POLICY} if said.get(_FILE) == "no" else {_FILE, _SYNC, _MEMORY, _POLICY}
    if not said.keys() >= needed:
        yield HIDDEN


def _from_info(info: Mapping[str, str]) -> dict[str, str]:
    known = {
        _FILE: {"0": "no", "1": "yes"}.get(info.get("aof_enabled", "")),
        _MEMORY: info.get("maxmemory"),
        _POLICY: info.get("maxmemory_policy"),
    }
    return {name: value for name, value in known.items() if value is not None}


def _texts(reply: Any) -> dict[str, str]:
    found = reply.items() if isinstance(reply, Mapping) else ()
    return {_text(name): _text(value) for name, value in found}


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
