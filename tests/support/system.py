"""The whole system as real processes, to be hurt and then judged.

One :class:`System` is a simulator (the platform, with the record of truth), gateways, allocators and two stores,
all on free ports, with short durations. A test lets customers come, hurts something, waits for what must happen
next, and ends with :meth:`System.must_come_to_rest`.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from contract import AppId, Keys
from one_machine import metrics
from one_machine.ports import HOST
from one_machine.stores import Postgres, Valkey
from support import hooked, judgement, story
from support.assembly import Assembly
from support.ledger import read_ledger
from support.platform import Simulator
from support.processes import Processes, Running
from support.shape import LAG_S, PATIENCE, QUARANTINE_S, SLACK_S, SWEEP_S, TTL_S, Part, Shape, policy

__all__ = ["LAG_S", "QUARANTINE_S", "SLACK_S", "SWEEP_S", "TTL_S", "Part", "Shape", "System", "policy"]

FIRST_AGENT = 164_801
SHORT_S = "0.05:0.2"
POLL_S = 0.1
PAGE_TIMEOUT_S = 1.0


class System:
    """Everything that runs. Methods block; those named ``must_…`` fail with what was seen instead."""

    def __init__(
        self, shape: Shape, *, folder: Path, processes: Processes, postgres: Postgres, redis: Valkey, database_url: str
    ) -> None:
        self.shape, self.folder = shape, folder
        self.postgres, self.redis, self.database_url = postgres, redis, database_url
        self.assembly = Assembly(shape, folder=folder, postgres=postgres, redis=redis, database_url=database_url)
        self.apps, self.tokens = self.assembly.apps, self.assembly.tokens
        self.parts: dict[str, Part] = self.assembly.parts
        self.policy_file = self.assembly.policy_file
        self.allowed_s: float | None = None
        """T, if the case has one."""
        self.measured: dict[str, float] = {}
        self.verdict: dict[str, Any] = {}
        self.complaints: list[str] = []
        self.running: dict[str, Running] = {}
        self.keys = Keys()
        self.platform = Simulator(f"http://{HOST}:{self.assembly.simulator_port}", self.apps)
        self._processes = processes

    # --- setting up and taking down

    def start(self) -> None:
        """Start everything; returns when somebody leads and webhooks can come."""
        for proxy in self.assembly.proxies:
            proxy.start()
        words = self.assembly.simulator_words()
        self.running["simulator"] = self._processes.start("qiscus-simulator", *words, name="simulator")
        for name in self.parts:
            self.begin(name)
        self.running["simulator"].wait_ready(f"{self.platform.url}/simulator/state", timeout_s=20 * PATIENCE)
        for name in self.parts:
            self.until_ready(name)
        for app in self.apps:
            allocate, resolve = self.webhook(app, "allocate-agent"), self.webhook(app, "mark-as-solved")
            self.platform.post("webhooks", app_id=app, allocate_url=allocate, resolve_url=resolve)
        self.leader()

    def stop(self) -> None:
        """Take down what is not a process (the test's fixtures end those)."""
        self.platform.close()
        for proxy in self.assembly.proxies:
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
        return self.running[name].wait_ready(f"http://{HOST}:{port}/readyz", timeout_s=30 * PATIENCE)

    def webhook(self, app: str, kind: str, *, gateway: str = "") -> str:
        """Where webhooks of a kind go: by the common door, or to one gateway."""
        port = self.parts[gateway].port if gateway else self.assembly.door
        return f"http://{HOST}:{port}/{kind}/webhook/{self.tokens[app]}"

    # --- who is who

    @property
    def gateways(self) -> list[str]:
        """The names of the gateways."""
        return [name for name in self.parts if name.startswith("gateway")]

    @property
    def allocators(self) -> list[str]:
        """The names of the allocators."""
        return [name for name in self.parts if name.startswith("allocator")]

    @property
    def agents(self) -> range:
        """The numbers of the first app's agents."""
        return range(FIRST_AGENT, FIRST_AGENT + self.shape.agents)

    def leader(self, *, other_than: str = "", within_s: float = 20.0) -> str:
        """The name of the allocator that leads, as it says itself."""

        def leads(name: str) -> bool:
            return name != other_than and metrics.total(self.figures(name), "antre_leader") == 1.0

        until = time.monotonic() + within_s * PATIENCE
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

    def set_trap(self, name: str, trap: str, text: str = "") -> Path:
        """Let a hooked allocator do what the trap says, once, as soon as it comes by; see `support.hooked`."""
        return hooked.set_trap(self.assembly.hooks_of(name), trap, text)

    def until_stopped(self, name: str, trap: Path, *, within_s: float = 15.0) -> float:
        """Wait until a hooked allocator went into the trap and stands still; when."""
        self.must(f"{name} went into {trap.name}", lambda: not trap.exists(), within_s=within_s)
        os.waitid(os.P_PID, self.running[name].pid, os.WSTOPPED | os.WNOWAIT)
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
            assert took_s < within_s * PATIENCE, f"not within {within_s} s: {what}"
            self._must_be_alive()
            time.sleep(POLL_S)
        return time.monotonic() - began

    def must_serve(self, count: int, *, since: float | None = None, within_s: float = 15.0) -> float:
        """Wait until so many are assigned later than ``since`` (now, if not given); when the first was."""
        since = time.time() if since is None else since
        self.must(f"{count} customers assigned", lambda: len(self.platform.assigned(since)) >= count, within_s=within_s)
        return float(self.platform.assigned(since)[0]["at"])

    def must_progress(self, since: float, *, within_s: float | None = None, repaired_at: float | None = None) -> float:
        """Somebody is assigned later than ``since``, within T and a busy machine's slack if nothing else is said.

        What is measured is the time to it, from ``repaired_at`` if that was before.
        """
        within_s = self.bound_s if within_s is None else within_s
        took_s = self.must_serve(1, since=since, within_s=within_s + 10) - (repaired_at or since)
        self.measure("T", took_s)
        assert took_s < within_s, f"the next assignment came after {took_s:.2f} s, allowed are {within_s} s"
        return took_s

    @property
    def bound_s(self) -> float:
        """T, and what a busy machine may add."""
        return (self.allowed_s or 0.0) + SLACK_S

    def measure(self, name: str, value: float) -> None:
        """Keep the largest value for the table."""
        self.measured[name] = max(value, self.measured.get(name, value))

    def must_come_to_rest(
        self, *, within_s: float = 30.0, tolerance_s: float = 1.0, strays: Collection[str] = ()
    ) -> dict[str, Any]:
        """No more arrivals, no more faults: all are served, the three records agree, and nothing went wrong.
        Conversations are left open half way, to have something to agree upon. ``strays``: see `judgement.at_rest`.
        """
        self.platform.each("traffic", customers_per_s=0)
        self.platform.calm()
        self._let_conversations_last(self.shape.service_s)
        self.must("nobody waits", lambda: self.platform.waiting() == 0, within_s=within_s)
        self.platform.each("service", service_s=None)
        self._must_agree(within_s, strays)
        self._let_conversations_last(SHORT_S)
        self.must("all conversations end", lambda: self._open_sessions() == 0, within_s=within_s)
        self._must_agree(within_s, strays)
        self._judge(tolerance_s * PATIENCE)
        return self.verdict

    # --- what is shown of it

    def story(self) -> str:
        """For a failing test: the verdict with its stories, the ledger, and the ends of the logs."""
        return story.told(self)

    def row(self) -> dict[str, object]:
        """For the table of scenarios."""
        words = ("acknowledged", "assigned", "lost", "doubled", "over", "out_of_order", "past_leader", "wait_p99_s")
        return {**{word: self.verdict.get(word) for word in words}, **self.measured}

    # --- inside

    def _judge(self, tolerance_s: float) -> None:
        entries, past = self.platform.record(), judgement.fenced(read_ledger(self.database_url))
        self.verdict = {**self.platform.verdict(tolerance_s=tolerance_s), "past_leader": len(past)}
        wrongs = {word: self.verdict[word] for word in ("lost", "doubled", "over", "out_of_order", "waiting")}
        self.complaints = [
            *(f"{count} {word}" for word, count in wrongs.items() if count),
            *judgement.served(entries),
            *past,
            *self._indiscretions(),
        ]
        assert not self.complaints, "\n".join(["it came to rest, but", *self.complaints[: judgement.COMPLAINTS_MAX]])

    def _indiscretions(self) -> Iterator[str]:
        secrets = [*self.apps.values(), *self.tokens.values()]
        for name in self.parts:
            yield from judgement.discreet(f"the log of {name}", self.running[name].output, secrets)

    def _must_agree(self, within_s: float, strays: Collection[str]) -> None:
        def agrees() -> bool:
            before = len(self.platform.record())
            self.complaints = judgement.at_rest(read_ledger(self.database_url), self.platform.record()[:before], strays)
            return not self.complaints

        try:
            self.must("ledger and platform agree", agrees, within_s=within_s)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.complaints[: judgement.COMPLAINTS_MAX]])) from None

    def _let_conversations_last(self, span: str) -> None:
        low, _, high = span.partition(":")
        self.platform.each("service", service_s=[float(low), float(high or low)])

    def _open_sessions(self) -> int:
        states = (self.platform.get("state", app_id=app) for app in self.apps)
        return sum(state["waiting"] + state["served"] for state in states)

    def _must_be_alive(self) -> None:
        simulator = self.running["simulator"]
        assert simulator.status is None, f"the simulator ended with {simulator.status}:\n{simulator.output}"
