"""Sets the whole system up, step by step with a word on each, and takes it down again."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import httpx

from one_machine import addresses, parts
from one_machine.keeper import Keeper, PartError
from one_machine.options import Options
from one_machine.parts import Part, Setting
from one_machine.real_platform import kept_tokens
from one_machine.stores import Postgres, Valkey

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A system that runs: what was agreed, the processes, and the parts that tell figures."""

    setting: Setting
    keeper: Keeper
    watched: tuple[Part, ...]
    is_simulated: bool

    def simulator(self, method: str, path: str, body: object = None, timeout_s: float = 30.0) -> dict[str, object]:
        """Call the simulator's control API. Raises `PartError` when it cannot be had."""
        address = addresses.url(self.setting.addresses.simulator, f"/simulator/{path}")
        try:
            answer = httpx.request(method, address, json=body, timeout=timeout_s, trust_env=False)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise PartError(f"the simulator does not answer {path}: {error}") from error
        return dict(answer.json())

    def set_traffic(self, customers_per_s: float) -> None:
        """Let customers come, or stop them with 0."""
        self.simulator("POST", "traffic", {"customers_per_s": customers_per_s})


@contextmanager
def running(options: Options, environ: dict[str, str], say: Say) -> Iterator[System]:
    """The system, up at the start of the block and gone after it. Raises `PartError`, `StoreError`."""
    logs = _empty_folder(options.data / "logs")
    with ExitStack() as stack:
        stack.enter_context(_alone(options.data))
        keeper = Keeper(logs)
        ports = addresses.choose()
        for sentence in addresses.moved(ports):
            say(sentence)
        database = Postgres(options.data / "postgres", port=ports.postgres, log=logs / "postgres.log")
        redis = Valkey(options.data / "valkey", port=ports.valkey, log=logs / "valkey.log")
        with _step(say, "PostgreSQL"):
            database_url = stack.enter_context(database).ensure_database(parts.DATABASE)
        with _step(say, "Valkey"):
            redis_url = stack.enter_context(redis).url
        for store in (database, redis):
            keeper.keep_store(store)
        setting = _agree(options, environ, ports, (database_url, redis_url))
        stack.callback(_take_down, keeper)
        yield _start(setting, keeper, say)


def _agree(options: Options, environ: dict[str, str], ports: addresses.Addresses, stores: tuple[str, str]) -> Setting:
    policy = options.data / "policy.yaml"
    policy.write_text(parts.policy_text(options.capacity))
    # Each run is an app of its own: what earlier simulated platforms left behind is not in its way.
    app_id = f"sim-{time.strftime('%Y%m%d-%H%M%S')}"
    return Setting(
        options=options,
        addresses=ports,
        platform=options.platform or parts.simulated(app_id, ports),
        database_url=stores[0],
        redis_url=stores[1],
        tokens=kept_tokens(options.data, environ.get("ANTRE_WEBHOOK_TOKENS")),
        policy_file=policy,
        environ=environ,
    )


def _start(setting: Setting, keeper: Keeper, say: Say) -> System:
    is_simulated = setting.options.platform is None
    with _step(say, "the schema"):
        keeper.run(parts.migration(setting))
    services = (parts.gateway(setting), *parts.allocators(setting))
    started = (parts.simulator(setting), *services) if is_simulated else services
    with _step(say, ", ".join(part.name for part in started)):
        for part in started:
            keeper.start(part)
        for part in started:
            keeper.wait_ready(part)
    return System(setting=setting, keeper=keeper, watched=services, is_simulated=is_simulated)


def _take_down(keeper: Keeper) -> None:
    # The platform last: what is on its way to it is finished first. The stores end after this.
    keeper.stop(["gateway", "allocator-1", "allocator-2"])
    keeper.stop(["simulator"])


@contextmanager
def _step(say: Say, what: str) -> Iterator[None]:
    began = time.monotonic()
    say(f"starting {what} …")
    yield
    say(f"         {what}: {time.monotonic() - began:.1f} s")


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Two runs over the same data would end each other; the second one is told so."""
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PartError(f"{data} is in use by process {_holder(lock)}; end that one first.") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _holder(lock: TextIO) -> str:
    lock.seek(0)
    return lock.read() or "unknown"


def _empty_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.log"):
        old.unlink()
    return folder
