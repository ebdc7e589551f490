"""The whole system as real processes, to be hurt and then judged.

One :class:`System` is a simulator (the platform, with the record of truth), gateways, allocators and two stores,
all on free ports, with short durations. A test lets customers come, hurts something, waits for what must happen
next, and ends with :meth:`System.must_come_to_rest`.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from contract import AppId, Keys
from one_machine import metrics
from one_machine.ports import HOST, free_port
from one_machine.stores import Postgres, Valkey
from support import judgement, timeline
from support.ledger import read_ledger
from support.network import Proxy
from support.platform import Simulator
from support.processes import Processes, Running

TTL_S = 4.0
SWEEP_S = 3.0
LAG_S = 1.5
SHORT_S = "0.05:0.2"
POLL_S = 0.1
PAGE_TIMEOUT_S = 1.0
TIMELINES_MAX = 4
ROOM = re.compile(r"room '?(\d+)")
DURATIONS = {
    "ANTRE_LEASE_TTL_S": str(TTL_S),
    "ANTRE_LEASE_RENEW_S": "0.5",
    "ANTRE_PLATFORM_TIMEOUT_S": "1",
    "ANTRE_PLATFORM_LAG_S": str(LAG_S),
    "ANTRE_QUARANTINE_S": "5",
    "ANTRE_SWEEP_S": str(SWEEP_S),
    "ANTRE_DATABASE_TIMEOUT_S": "2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a system is made of, and how its customers and agents are."""

    seed: int = 1
    apps: int = 1
    gateways: int = 1
    allocators: int = 2
    agents: int = 8
    capacity: int = 2
    service_s: str = "0.3:1"
    strategy: str = "[leastLoaded, longestIdle]"
    proxied: bool = False
    """Each allocator reaches Redis, Postgres and the platform through proxies of its own."""
    simulator: Mapping[str, object] = field(default_factory=dict)
    """Further options of the simulator, as ``returning_share=0``."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Further environment of gateways and allocators."""

    @property
    def policy(self) -> str:
        """The policy file's text."""
        return policy(self.capacity, self.strategy)


def policy(capacity: int, strategy: str = "[leastLoaded, longestIdle]") -> str:
    """A policy file's text."""
    return f"capacity: {{default: {capacity}}}\nstrategy: {strategy}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A gateway or an allocator: how it is started, and where it tells of itself."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    port: int
    metrics_port: int
    proxies: Mapping[str, Proxy] = field(default_factory=dict)


class System:
    """Everything that runs. Methods block; those named ``must_…`` fail with what was seen instead."""

    def __init__(
        self, shape: Shape, *, folder: Path, processes: Processes, postgres: Postgres, redis: Valkey, database_url: str
    ) -> None:
        self.shape, self.folder = shape, folder
        self.postgres, self.redis, self.database_url = postgres, redis, database_url
        self.apps = {f"sim-app{number}": f"secret-{shape.seed}-of-app{number}" for number in range(1, shape.apps + 1)}
        self.tokens = {app: f"token-{shape.seed}-of-{app}" for app in self.apps}
        self.measured: dict[str, float] = {}
        self.verdict: dict[str, Any] = {}
        self.complaints: list[str] = []
        self.running: dict[str, Running] = {}
        self.parts: dict[str, Part] = {}
        self.policy_file = folder / "policy.yaml"
        self.policy_file.write_text(shape.policy)
        self.keys = Keys()
        self._processes = processes
        self._proxies: list[Proxy] = []
        self._simulator_port = free_port()
        self.platform = Simulator(f"http://{HOST}:{self._simulator_port}", self.apps)
        self._door = self._describe()

    # --- setting up and taking down

    def start(self) -> None:
        """Start everything; returns when somebody leads and webhooks can come."""
        for proxy in self._proxies:
            proxy.start()
        self._start_simulator()
        for name in self.parts:
            self.begin(name)
        self.running["simulator"].wait_ready(f"{self.platform.url}/simulator/state")
        for name in self.parts:
            self.until_ready(name)
        for app, token in self.tokens.items():
            door = f"http://{HOST}:{self._door}"
            allocate, resolve = f"{door}/allocate-agent/webhook/{token}", f"{door}/mark-as-solved/webhook/{token}"
            self.platform.post("webhooks", app_id=app, allocate_url=allocate, resolve_url=resolve)
        self.leader()

    def stop(self) -> None:
        """Take down what is not a process (the test's fixtures end those)."""
        self.platform.close()
        for proxy in self._proxies:
            proxy.stop()

    def begin(self, name: str, **env: str) -> Running:
        """Start a part (again), with changes to its environment."""
        part = self.parts[name]
        self.running[name] = self._processes.start(*part.command, env={**part.env, **env}, name=name)
        return self.running[name]

    def until_ready(self, name: str) -> Running:
        """Wait until a part serves."""
        part = self.parts[name]
        port = part.port or part.metrics_port
        return self.running[name].wait_ready(f"http://{HOST}:{port}/readyz", timeout_s=30)

    # --- who is who

    @property
    def gateways(self) -> list[str]:
        """The names of the gateways."""
        return [name for name in self.parts if name.startswith("gateway")]

    @property
    def allocators(self) -> list[str]:
        """The names of the allocators."""
        return [name for name in self.parts if name.startswith("allocator")]

    def leader(self, *, other_than: str = "", within_s: float = 20.0) -> str:
        """The name of the allocator that leads, as it says itself."""

        def leads(name: str) -> bool:
            return name != other_than and metrics.total(self.figures(name), "antre_leader") == 1.0

        until = time.monotonic() + within_s
        while time.monotonic() < until:
            for name in filter(leads, self.allocators):
                return name
            time.sleep(POLL_S / 2)
        raise AssertionError(f"nobody{f' other than {other_than}' if other_than else ''} leads within {within_s} s")

    def figures(self, name: str) -> list[metrics.Sample]:
        """What a part tells of itself; nothing when it cannot be reached."""
        with suppress(httpx.HTTPError):
            page = httpx.get(
                f"http://{HOST}:{self.parts[name].metrics_port}/metrics", timeout=PAGE_TIMEOUT_S, trust_env=False
            )
            return metrics.parse(page.text)
        return []

    def total(self, figure: str) -> float:
        """A figure of the leader's, over all its labels."""
        return metrics.total(self.figures(self.leader()), figure)

    def term(self) -> int:
        """The newest term."""
        return read_ledger(self.database_url).epoch

    def inbox_length(self) -> int:
        """How many events of the first app Postgres has not recorded."""
        return self.stream_length(self.keys.inbox(AppId(next(iter(self.apps)))))

    def stream_length(self, key: str) -> int:
        """How many entries a stream in Redis has."""
        return int(self.redis.execute("XLEN", key).strip(b":\r\n"))

    def waiting_why(self) -> dict[str, float]:
        """How many wait for which reason, as the leader says."""
        return metrics.by_label(self.figures(self.leader()), "antre_waiting", "reason")

    # --- what is done to it

    def traffic(self, per_s: float) -> None:
        """Let customers come, in every app."""
        self.platform.each("traffic", customers_per_s=per_s)

    def customers(self, count: int, **how: object) -> list[str]:
        """Let customers come at once, in the first app; their rooms."""
        return list(self.platform.post("customers", count=count, **how)["room_ids"])

    def faults(self, **faults: object) -> None:
        """Set faults of the platform, in every app; the others stay."""
        self.platform.faults(**faults)

    def kill(self, name: str) -> float:
        """SIGKILL a part; when (Unix time)."""
        self.running[name].kill()
        return time.time()

    def set_policy(self, text: str) -> None:
        """Replace the policy file in one step."""
        new = self.policy_file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.policy_file)

    # --- what must happen next

    def must(self, what: str, check: Callable[[], object], *, within_s: float = 15.0) -> float:
        """Wait until ``check`` is true; how long that took."""
        began = time.monotonic()
        while not check():
            took_s = time.monotonic() - began
            assert took_s < within_s, f"not within {within_s} s: {what}"
            self._must_be_alive()
            time.sleep(POLL_S)
        return time.monotonic() - began

    def must_serve(self, count: int, *, since: float | None = None, within_s: float = 15.0) -> float:
        """Wait until so many are assigned later than ``since`` (now, if not given); when the first was."""
        since = time.time() if since is None else since
        self.must(f"{count} customers assigned", lambda: len(self.platform.assigned(since)) >= count, within_s=within_s)
        return float(self.platform.assigned(since)[0]["at"])

    def must_progress(self, since: float, *, within_s: float, repaired_at: float | None = None) -> float:
        """Somebody is assigned later than ``since``; T is the time to it, from ``repaired_at`` if that was before."""
        took_s = self.must_serve(1, since=since, within_s=within_s + 10) - (repaired_at or since)
        self.measured["T"] = max(took_s, self.measured.get("T", 0.0))
        assert took_s < within_s, f"the next assignment came after {took_s:.2f} s, allowed are {within_s} s"
        return took_s

    def must_come_to_rest(self, *, within_s: float = 30.0, tolerance_s: float = 1.0) -> dict[str, Any]:
        """No more arrivals, no more faults: all are served, the three records agree, and nothing went wrong.

        Conversations are left open half way, so that there is something to agree upon; then they end as well.
        """
        self.platform.each("traffic", customers_per_s=0)
        self.platform.calm()
        self._let_conversations_last(self.shape.service_s)
        self.must("nobody waits", lambda: self.platform.waiting() == 0, within_s=within_s)
        self.platform.each("service", service_s=None)
        self._must_agree(within_s)
        self._let_conversations_last(SHORT_S)
        self.must("all conversations end", lambda: self._open_sessions() == 0, within_s=within_s)
        self._must_agree(within_s)
        self._judge(tolerance_s)
        return self.verdict

    # --- what is shown of it

    def story(self) -> str:
        """For a failing test: the verdict with its stories, the ledger, and the ends of the logs."""
        looks: dict[str, Callable[[], object]] = {
            "verdict": self._now_verdict,
            "ledger": lambda: read_ledger(self.database_url),
            "rooms": lambda: "\n".join(self._timelines()),
        }
        parts = [f"{name}: {_tried(look)}" for name, look in looks.items()]
        for name, running in self.running.items():
            tail = "\n".join(running.output.splitlines()[-25:])
            parts.append(f"--- {name} (status {running.status}), the end of its log:\n{tail}")
        return "\n".join(parts)

    def row(self) -> dict[str, object]:
        """For the table of scenarios."""
        words = ("acknowledged", "assigned", "lost", "doubled", "over", "out_of_order", "wait_p99_s")
        return {**{word: self.verdict.get(word) for word in words}, **self.measured}

    # --- inside

    def _judge(self, tolerance_s: float) -> None:
        entries = self.platform.record()
        self.verdict = self.platform.verdict(tolerance_s=tolerance_s)
        wrongs = {word: self.verdict[word] for word in ("lost", "doubled", "over", "out_of_order", "waiting")}
        self.complaints = [
            *(f"{count} {word}" for word, count in wrongs.items() if count),
            *judgement.served(entries),
            *judgement.fenced(read_ledger(self.database_url)),
            *self._indiscretions(),
        ]
        assert not self.complaints, "\n".join(["it came to rest, but", *self.complaints[: judgement.COMPLAINTS_MAX]])

    def _indiscretions(self) -> Iterator[str]:
        secrets = [*self.apps.values(), *self.tokens.values()]
        for name in self.parts:
            yield from judgement.discreet(f"the log of {name}", self.running[name].output, secrets)

    def _must_agree(self, within_s: float) -> None:
        def agrees() -> bool:
            before = len(self.platform.record())
            self.complaints = judgement.at_rest(read_ledger(self.database_url), self.platform.record()[:before])
            return not self.complaints

        try:
            self.must("ledger and platform agree", agrees, within_s=within_s)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.complaints[: judgement.COMPLAINTS_MAX]])) from None

    def _let_conversations_last(self, span: str) -> None:
        low, _, high = span.partition(":")
        self.platform.each("service", service_s=[float(low), float(high or low)])

    def _open_sessions(self) -> int:
        states = [self.platform.get("state", app_id=app) for app in self.apps]
        return sum(state["waiting"] + state["served"] for state in states)

    def _must_be_alive(self) -> None:
        simulator = self.running["simulator"]
        assert simulator.status is None, f"the simulator ended with {simulator.status}:\n{simulator.output}"

    def _now_verdict(self) -> str:
        return "\n  ".join(str(line) for line in _lines(self.verdict or self.platform.verdict()))

    def _timelines(self) -> Iterator[str]:
        """What both records say of the first rooms of which something is said."""
        record = self.platform.record()
        told = ROOM.findall("\n".join(self.complaints))
        for story in self.verdict.get("stories", ()):
            told += [story["room"], *timeline.beside(story, record)]
        for room in list(dict.fromkeys(told))[:TIMELINES_MAX]:
            yield f"--- room {room}"
            yield from timeline.of_room(room, record, self.database_url)

    def _start_simulator(self) -> None:
        shape = self.shape
        options: dict[str, object] = {
            "port": self._simulator_port,
            "app": ",".join(f"{app}:{secret}" for app, secret in self.apps.items()),
            "seed": shape.seed,
            "agents": shape.agents,
            "capacity": shape.capacity,
            "service_s": shape.service_s,
            **shape.simulator,
        }
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        self.running["simulator"] = self._processes.start("qiscus-simulator", *words, name="simulator")

    def _describe(self) -> int:
        """Fill ``parts``; the port that webhooks come in by."""
        for number in range(1, self.shape.gateways + 1):
            self._add(f"gateway-{number}", ("webhook-gateway",), {"REDIS_URL": self.redis.url}, serves=True)
        for number in range(1, self.shape.allocators + 1):
            name = f"allocator-{number}"
            proxies = self._proxies_of() if self.shape.proxied else {}
            self._add(name, ("allocator", "allocate"), self._allocator_env(proxies), proxies=proxies)
        ports = [self.parts[name].port for name in self.gateways]
        return ports[0] if len(ports) == 1 else self._proxy(*ports).port

    def _add(
        self,
        name: str,
        command: tuple[str, ...],
        env: Mapping[str, str],
        *,
        serves: bool = False,
        proxies: Mapping[str, Proxy] | None = None,
    ) -> None:
        port, metrics_port = free_port() if serves else 0, free_port()
        common = {"ANTRE_METRICS_HOST": HOST, "ANTRE_METRICS_PORT": str(metrics_port), **self._app_env()}
        door = {"ANTRE_HTTP_HOST": HOST, "ANTRE_HTTP_PORT": str(port)} if serves else {}
        if serves and self.shape.apps == 1:
            door["ANTRE_WEBHOOK_TOKENS"] = ",".join(self.tokens.values())
        self.parts[name] = Part(
            name=name,
            command=command,
            env={**common, **door, **env, **self.shape.env},
            port=port,
            metrics_port=metrics_port,
            proxies=proxies or {},
        )

    def _app_env(self) -> dict[str, str]:
        if self.shape.apps == 1:
            ((app, secret),) = self.apps.items()
            return {"QISCUS_APP_ID": app, "QISCUS_SECRET_KEY": secret}
        file = self.folder / "apps.toml"
        file.write_text(
            "".join(
                f'[[app]]\nid = "{app}"\nsecret_key = "{secret}"\nwebhook_tokens = ["{self.tokens[app]}"]\n'
                for app, secret in self.apps.items()
            )
        )
        return {"ANTRE_APPS_FILE": str(file)}

    def _allocator_env(self, proxies: Mapping[str, Proxy]) -> dict[str, str]:
        ports = {"redis": self.redis.port, "postgres": self.postgres.port, "platform": self._simulator_port}
        ports |= {name: proxy.port for name, proxy in proxies.items()}
        return {
            **DURATIONS,
            "ANTRE_POLICY_FILE": str(self.policy_file),
            "DATABASE_URL": self.database_url.replace(f":{self.postgres.port}/", f":{ports['postgres']}/"),
            "QISCUS_BASE_URL": f"http://{HOST}:{ports['platform']}",
            "REDIS_URL": f"redis://{HOST}:{ports['redis']}",
        }

    def _proxies_of(self) -> dict[str, Proxy]:
        ports = {"redis": self.redis.port, "postgres": self.postgres.port, "platform": self._simulator_port}
        return {name: self._proxy(port) for name, port in ports.items()}

    def _proxy(self, *ports: int) -> Proxy:
        self._proxies.append(Proxy(ports))
        return self._proxies[-1]


def _tried(look: Callable[[], object]) -> object:
    """What a look shows, or why it cannot: what is broken may be what is looked at."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - a story must not hide the failure it tells of
        return f"cannot be had: {error!r}"


def _lines(verdict: Mapping[str, Any]) -> Iterator[object]:
    yield {name: value for name, value in verdict.items() if name != "stories"}
    yield from verdict.get("stories", ())
