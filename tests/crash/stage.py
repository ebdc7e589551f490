"""One run's system: a platform, a gateway, allocators, on stores that other runs share. Whoever died is started again.

Everything that waits looks after the processes meanwhile, as the supervisor of a cluster would: so a story goes on
whatever dies in it, and what it waits for is brought about by those who came after.
"""

import asyncio
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from allocator.adapters.postgres_requests import PostgresRequests
from allocator.core.requests import Kind, RequestId
from contract import AppId, Keys, RoomId
from one_machine.ports import HOST, free_port
from support.ledger import value
from support.platform import Entry, Simulator

from .bench import Bench
from .launch import Child, Order
from .steps import AFTER, Death

APP = "sim-crash"
SECRET, TOKEN = "secret-of-the-crash-sweep", "token-of-the-crash-sweep"
POLL_S = 0.05
PATIENCE_S = 40.0
TTL_S = 3.0
AGENTS, CAPACITY = 6, 2
DURATIONS = {
    "ANTRE_LEASE_TTL_S": str(TTL_S),
    "ANTRE_LEASE_RENEW_S": "0.4",
    "ANTRE_PLATFORM_TIMEOUT_S": "0.6",
    "ANTRE_PLATFORM_LAG_S": "0.4",
    "ANTRE_QUARANTINE_S": "3",
    "ANTRE_SWEEP_S": "1",
    "ANTRE_DATABASE_TIMEOUT_S": "2",
}
GATEWAY, FIRST, SECOND = "gateway", "allocator-1", "allocator-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is: who dies where, and what the story's chance comes from."""

    seed: int = 1
    victim: str = FIRST
    death: Death = field(default_factory=Death)
    again: Death = field(default_factory=Death)
    """Where the one who comes after the victim dies."""
    stands_by: bool = False
    """A second allocator stands by; otherwise the one who died comes back and waits for its own lease to end."""
    wrong: str = ""
    patience_s: float = PATIENCE_S


class Stuck(AssertionError):
    """What had to happen did not."""


class Stage:
    """The processes of a run."""

    def __init__(self, bench: Bench, plan: Plan, folder: Path, database_url: str) -> None:
        self.plan, self.database_url = plan, database_url
        self.children: dict[str, Child] = {}
        self.ended: list[Child] = []
        self.died_at: float | None = None
        self.witness = ""
        """A customer who came right after the death."""
        self.quiet = False
        """Nobody is to be assigned just now, so no witness is sent."""
        self.unreadable = 0
        """Entries in the inbox that are no events."""
        self.keys = Keys(f"crash-{uuid.uuid4().hex}")
        self._bench, self._folder = bench, folder
        self._ports = {name: free_port() for name in ("simulator", GATEWAY)}
        self.platform = Simulator(f"http://{HOST}:{self._ports['simulator']}", [APP])

    # --- setting up and taking down

    def start(self) -> None:
        """Start everything; the victim leads before another stands by."""
        self._spawn("simulator")
        self._until_listening("simulator")
        self._spawn(GATEWAY, self._death_of(GATEWAY))
        self._spawn(FIRST, self._death_of(FIRST))
        self._until_listening(GATEWAY)
        if self.plan.stands_by:
            self.until("the first has the lease", self._first_leads)
            self._spawn(SECOND, self.plan.again)

    def end(self) -> None:
        """Kill all that runs."""
        self.platform.close()
        for child in self.children.values():
            child.end()

    # --- what is done

    def customers(self, count: int = 1, **how: object) -> list[str]:
        """Let customers come; their rooms."""
        return list(self.platform.post("customers", count=count, **how)["room_ids"])

    def by_hand(self, deed: str, room: str) -> None:
        """What a person does in a room; that there is nothing to do is no fault."""
        with suppress(AssertionError):
            self.platform.post("people", do=deed, room_id=room)

    def asks(self, kind: Kind, room: str | None = None) -> None:
        """A person asks the leader for something, and gets an answer."""
        about = None if room is None else RoomId(room)
        asyncio.run(_ask(self.database_url, RequestId(uuid.uuid4().hex), kind, about))
        self.until(f"{kind} is answered", lambda: not self.ask("SELECT count(*) FROM request WHERE done_at IS NULL"))

    def set_policy(self, *, paused: bool) -> None:
        """Replace the policy file in one step."""
        path = self._folder / "policy.yaml"
        new = path.with_suffix(".new")
        new.write_text(f"capacity: {{default: {CAPACITY}}}\npaused: {str(paused).lower()}\n")
        new.replace(path)

    def hand_over(self) -> None:
        """Tell the first allocator to leave; it comes back as somebody new."""
        leaver = self.children[FIRST]
        leaver.terminate()
        self.until("the first allocator left", lambda: leaver.status is not None)

    # --- what must happen

    def until(self, what: str, check: Callable[[], object]) -> None:
        """Wait for something, and look after the processes. Raises :class:`Stuck`. Patience begins anew when
        somebody had to be started again.
        """
        began = time.monotonic()
        while not check():
            if time.monotonic() > began + self.plan.patience_s:
                raise Stuck(f"not within {self.plan.patience_s:g} s: {what}")
            time.sleep(POLL_S)
            began = time.monotonic() if self._mend() else began

    def until_assigned(self, *rooms: str, since: int = 0) -> None:
        """Wait until each room was given an agent, later than entry ``since`` of the record."""
        self.until(f"rooms {rooms} assigned", lambda: set(rooms) <= {entry["room"] for entry in self.seated(since)})

    def seated(self, since: int = 0) -> list[Entry]:
        """Who was given an agent by us."""
        entries = self.platform.record()[since:]
        return [entry for entry in entries if entry["kind"] == "assigned" and entry["what"] == "api"]

    def ask(self, statement: str) -> int:
        """A number out of Postgres."""
        return int(value(self.database_url, statement))

    def length(self, stream: str) -> int:
        """How many entries a stream has."""
        return int(self._bench.redis.execute("XLEN", stream).strip(b":\r\n"))

    def append_nonsense(self) -> None:
        """Put an entry into the inbox that is no event."""
        self._bench.redis.execute("XADD", self.keys.inbox(AppId(APP)), "*", "event", "no event")
        self.unreadable += 1

    @property
    def all_children(self) -> list[Child]:
        """Those who run and those who ended."""
        return [*self.ended, *self.children.values()]

    # --- inside

    def _mend(self) -> bool:
        """Start again whoever ended; whether somebody had."""
        gone = [(name, child) for name, child in self.children.items() if child.status is not None]
        for name, child in gone:
            if name == "simulator":
                raise Stuck(f"the simulator ended with {child.status}:\n{child.output}")
            self.ended.append(child)
            self._spawn(name, self._next_death(name, child.status or 0))
            if child.status != 0 and self.died_at is None:
                self._bear_witness()
        return bool(gone)

    def _bear_witness(self) -> None:
        self.died_at = time.time()
        if not self.quiet:
            self.witness = self.customers()[0]

    def _next_death(self, name: str, status: int) -> Death:
        """The victim's successor may have to die as well, once."""
        is_first = status != 0 and self.died_at is None and not self.plan.stands_by
        return self.plan.again if is_first and name == FIRST else Death()

    def _death_of(self, name: str) -> Death:
        return self.plan.death if self.plan.victim == name else Death()

    def _first_leads(self) -> bool:
        return self.children[FIRST].order.death == Death() or any(
            step.when == AFTER and step.name == "lease.acquire" for step in self.children[FIRST].steps
        )

    def _until_listening(self, name: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not _answers(self._ports[name]):
            if time.monotonic() > until:
                raise Stuck(f"{name} does not listen:\n{self.children[name].output}")
            time.sleep(POLL_S / 2)

    def _spawn(self, name: str, death: Death | None = None) -> None:
        number = len([child for child in self.ended if child.order.log.stem.startswith(name)]) + 1
        log = self._folder / f"{name}.{number}.log"
        self.children[name] = self._bench.nursery.start(self._order(name, log, death or Death()))

    def _order(self, name: str, log: Path, death: Death) -> Order:
        if name == "simulator":
            return Order(command="qiscus-simulator", words=self._simulator_words(), log=log)
        env = {
            "ANTRE_METRICS_HOST": HOST,
            "ANTRE_METRICS_PORT": str(free_port()),
            "ANTRE_REDIS_PREFIX": self.keys.prefix,
            "REDIS_URL": self._bench.redis.url,
            "QISCUS_APP_ID": APP,
        }
        if name == GATEWAY:
            env |= {"ANTRE_HTTP_HOST": HOST, "ANTRE_HTTP_PORT": str(self._ports[GATEWAY])}
            env |= {"ANTRE_WEBHOOK_TOKENS": TOKEN}
            return Order(command="webhook-gateway", env=env, log=log, death=death, wrong=self.plan.wrong)
        env |= {**DURATIONS, "DATABASE_URL": self.database_url, "QISCUS_SECRET_KEY": SECRET, "ANTRE_INSTANCE": name}
        env |= {"ANTRE_POLICY_FILE": str(self._folder / "policy.yaml"), "QISCUS_BASE_URL": self.platform.url}
        words = ("allocate",)
        return Order(command="allocator", words=words, env=env, log=log, death=death, wrong=self.plan.wrong)

    def _simulator_words(self) -> list[str]:
        door = f"http://{HOST}:{self._ports[GATEWAY]}"
        options = {
            "port": self._ports["simulator"],
            "app": f"{APP}:{SECRET}",
            "seed": self.plan.seed,
            "agents": AGENTS,
            "capacity": CAPACITY,
            "allocate-url": f"{door}/allocate-agent/webhook/{TOKEN}",
            "resolve-url": f"{door}/mark-as-solved/webhook/{TOKEN}",
            "doubled-share": 0,
            "chatter-s": 0,
            "webhook-retries": 10,
            "log-level": "warning",
        }
        faults = {"latency_s": 0.03, "list_lag_s": 0.3, "counter_lag_s": 0.3, "hang_s": 5}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return [*words, *(word for name, value in faults.items() for word in ("--fault", f"{name}={value}"))]


@contextmanager
def staged(bench: Bench, plan: Plan) -> Iterator[Stage]:
    """A run's system, up; all of it is gone afterwards."""
    folder = bench.folder / f"run-{uuid.uuid4().hex[:12]}"
    folder.mkdir()
    with bench.database() as database_url:
        stage = Stage(bench, plan, folder, database_url)
        stage.set_policy(paused=False)
        try:
            stage.start()
            stage.platform.post("service", service_s=None)
            yield stage
        finally:
            stage.end()


async def _ask(url: str, identity: RequestId, kind: Kind, room: RoomId | None) -> None:
    requests = PostgresRequests(url, PATIENCE_S)
    await requests.ask(identity, AppId(APP), kind, room, "somebody")
    await requests.close()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False
