"""Wires the parts together, and runs them: campaign, lead, leave; beside it, figures and health."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Mapping

from allocator.adapters.clock import SystemClock
from allocator.adapters.metrics import Metrics
from allocator.adapters.policy_file import PolicyFile
from allocator.adapters.policy_yaml import Refused, read_policy
from allocator.adapters.postgres import PostgresLedger
from allocator.adapters.qiscus import QiscusPlatform, new_client
from allocator.adapters.redis import RedisInbox, RedisLease
from allocator.adapters.redis_board import RedisBoard
from allocator.core.ids import Lane
from allocator.core.lifecycle import Timing
from allocator.core.reasons import WaitReason
from allocator.election import Elector, Leadership, LeaseTiming
from allocator.ports import Standing, StopLeading, Unavailable
from allocator.rounds.leader import READ_WAIT_S, Leader
from allocator.rounds.showing import showing
from allocator.rounds.tuning import Surroundings, Tuning
from allocator.settings import LEASE_MARGIN_S, SEND_MARGIN_S, Settings, apps_of, owner_of
from chassis import ops
from chassis.cli import version_of
from chassis.durability import Ask, Durability, first_look, objection, watching
from chassis.logs import logger
from chassis.settings import SettingError
from chassis.traces import Tracer, tracing
from chassis.vitals import LoopLag
from contract import Keys

_log = logger(__name__)

FIGURES_S = 1.0
FIGURES_SHARE = 20
"""Figures take at most one part in so many of the database's time."""
BEAT_MAX_S = 20.0
"""A loop that has not come round for so long stands still."""
OUT_OF_TOUCH_S = 10.0
SIT_OUT_S = 2.0
"""Who left because Postgres could not be had lets others try first."""
DAY_S = 86_400.0


class Allocator:
    """One process: follower most of its life, leader at times."""

    def __init__(self, around: Surroundings, elector: Elector, name: str, policies: PolicyFile) -> None:
        self._around = around
        self._elector = elector
        self._name = name
        self._policies = policies
        self._stop = asyncio.Event()
        self._leader: Leader | None = None
        self._trust: Leadership | None = None
        self._ledger_seen_at = around.clock.now()

    async def run(self) -> None:
        """Until :meth:`stop`."""
        beside = [asyncio.create_task(work) for work in (self._figures(), self._queues(), self._touch_ledger())]
        try:
            while not self._stop.is_set():
                await self._term()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    def stop(self) -> None:
        """Leave in good order."""
        self._stop.set()
        if self._leader is not None:
            self._leader.stop()

    @property
    def leader(self) -> Leader | None:
        """While we lead."""
        return self._leader

    def trust_left(self) -> float:
        """Seconds for which it is sure that we lead."""
        trust = self._trust
        return 0.0 if trust is None else trust.left()

    def alive(self) -> str | None:
        """For ``/livez``: None, or what is wrong that only a restart mends."""
        leader, trust = self._leader, self._trust
        if leader is None or trust is None:
            return None
        if trust.left() < -BEAT_MAX_S:
            return "leads without a lease that could be renewed"
        return "the loop stands still" if self._around.clock.now() - leader.beat_at > BEAT_MAX_S else None

    def ready(self) -> str | None:
        """For ``/readyz``: None, or which store is out of touch. Not to lead is no fault; nor is the platform's."""
        now = self._around.clock.now()
        if now - self._elector.in_touch_at > OUT_OF_TOUCH_S:
            return "Redis does not answer"
        return "Postgres does not answer" if now - self._ledger_seen_at > OUT_OF_TOUCH_S else None

    async def _term(self) -> None:
        """Campaign, and lead for as long as it may be."""
        trust = await self._won()
        if trust is None:
            return
        self._policies.again()
        leader = Leader(self._name, trust, self._around)
        self._leader, self._trust = leader, trust
        if self._stop.is_set():  # while the lease was being won
            leader.stop()
        _log.info("leading", owner=self._name)
        gave_up = False
        try:
            gave_up = await self._lead(leader, trust)
        finally:
            self._leader = self._trust = None
            await leader.close()
            await self._elector.resign(trust)
        if gave_up and not self._stop.is_set():  # only now: until we had resigned, nobody else could lead
            await self._around.clock.sleep(SIT_OUT_S)

    async def _won(self) -> Leadership | None:
        """The lease; None: we are to stop."""
        campaign = asyncio.create_task(self._elector.win())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait((campaign, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if campaign.done():
            return campaign.result()
        campaign.cancel()
        await asyncio.gather(campaign, return_exceptions=True)
        await self._elector.withdraw()
        return None

    async def _lead(self, leader: Leader, trust: Leadership) -> bool:
        """Until it must not be any more. Whether we gave up although nobody took the lead from us."""
        keeping = asyncio.create_task(self._elector.keep(trust))
        leading = asyncio.create_task(leader.run())
        try:
            done, _ = await asyncio.wait((keeping, leading), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await leader.leave()
            _log.info("left_the_lead")
        except StopLeading as error:
            _log.warning("lead_lost", why=str(error))
        except Unavailable as error:
            _log.warning("lead_given_up", why=str(error))
            return True
        finally:
            for task in (keeping, leading):
                task.cancel()
            await asyncio.gather(keeping, leading, return_exceptions=True)
        return False

    async def _figures(self) -> None:
        """While we lead: the gauges."""
        clock = self._around.clock
        while True:
            started = clock.now()
            if self._leader is not None:
                await publish_figures(self._leader, self._around)
            await clock.sleep(max(FIGURES_S, FIGURES_SHARE * (clock.now() - started)))

    async def _queues(self) -> None:
        """While we have the lease: what waits in the inbox. Whether Postgres is there does not matter."""
        while True:
            if self._leader is not None:
                await publish_queues(self._around)
            await self._around.clock.sleep(FIGURES_S)

    async def _touch_ledger(self) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                await self._around.ledger.ping()
                self._ledger_seen_at = self._around.clock.now()
            await self._around.clock.sleep(OUT_OF_TOUCH_S / 4)


async def publish_queues(around: Surroundings) -> None:
    """Tell the watch what waits in the inbox, if that can be had."""
    with contextlib.suppress(Unavailable):
        for app, queue in (await around.inbox.queues()).items():
            around.watch.queue(app, queue, around.clock.wall())


async def publish_figures(leader: Leader, around: Surroundings) -> None:
    """Tell the watch where each app stands, if that can be had."""
    with contextlib.suppress(Unavailable):
        for app, desk in leader.desks.items():
            standing = await around.ledger.standing(app)
            outlook = desk.outlook(around.clock.now(), leader.calls.in_flight(app))
            reasons = reasons_of(standing, desk.reasons)
            around.watch.stands(app, standing, reasons, outlook, around.clock.wall())
            around.watch.fair(app, *desk.fairness())


def reasons_of(standing: Standing, by_lane: Mapping[Lane, WaitReason]) -> dict[str, int]:
    """How many wait for which reason. Those behind the head of a lane wait for the same one."""
    reasons: Counter[str] = Counter()
    for lane, (count, _) in standing.waiting.items():
        reasons[by_lane.get(lane, WaitReason.ASKING)] += count
    if standing.not_in_turn:
        reasons[WaitReason.VERIFYING] += standing.not_in_turn
    return dict(reasons)


async def allocate(settings: Settings) -> None:
    """Run an allocator until a signal ends it. Raises :class:`~chassis.settings.SettingError`."""
    apps = apps_of(settings)
    check_policy(settings)
    keys, clock, metrics = Keys(settings.redis_prefix), SystemClock(), Metrics(version_of("antre-allocator"))
    policies = PolicyFile(settings.policy_file)
    metrics.policy_refused.set_function(lambda: float(policies.refused))
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(new_client())
        ledger = PostgresLedger(settings.database_url, settings.database_timeout_s)
        inbox = RedisInbox(settings.redis_url, keys, [app.id for app in apps], READ_WAIT_S)
        lease = RedisLease(settings.redis_url, keys)
        board = RedisBoard(settings.redis_url, keys)
        for store in (ledger, inbox, lease, board):
            stack.push_async_callback(store.close)
        platforms = {
            app.id: QiscusPlatform(
                client,
                base_url=app.base_url or settings.base_url,
                app_id=app.id,
                secret_key=app.secret_key or "",
                timeout_s=settings.platform_timeout_s,
            )
            for app in apps
        }
        around = Surroundings(
            inbox=inbox,
            ledger=ledger,
            platforms=platforms,
            clock=clock,
            watch=metrics,
            policies=policies,
            tuning=tuning_of(settings),
            tracer=stack.enter_context(_tracing(settings, metrics)),
        )
        owner = owner_of(settings)
        allocator = Allocator(around, Elector(lease, clock, owner, lease_timing_of(settings)), owner, policies)
        metrics.expect(app.id for app in apps)
        metrics.trust_left, metrics.statements = allocator.trust_left, lambda: ledger.statements
        stores: dict[Durability, Ask] = {
            Durability("Redis", metrics.registry, required=settings.require_durable_redis): inbox.doubts,
            Durability("Postgres", metrics.registry, required=settings.require_durable_postgres): ledger.doubts,
        }
        await first_look(stores)
        checks = {"/livez": allocator.alive, "/readyz": lambda: allocator.ready() or objection(stores)}
        stack.callback(ops.serve(settings.metrics_host, settings.metrics_port, metrics.registry, checks))
        _log.info("started", owner=owner, apps=len(apps))
        _on_signals(allocator)
        await stack.enter_async_context(watching(stores))
        await stack.enter_async_context(LoopLag(metrics.registry).measured())
        await stack.enter_async_context(showing(lambda: allocator.leader, owner, board, clock))
        await allocator.run()


def _tracing(settings: Settings, metrics: Metrics) -> contextlib.AbstractContextManager[Tracer | None]:
    version = version_of("antre-allocator")
    return tracing(settings.otlp_endpoint, settings.otlp_headers, "allocator", version, metrics.registry)


def check_policy(settings: Settings) -> None:
    """A policy that is broken from the start is refused; one that breaks later leaves the old one in force."""
    if settings.policy_file is None:
        return
    try:
        read_policy(settings.policy_file.read_bytes())
    except OSError as error:
        raise SettingError(f"ANTRE_POLICY_FILE is {str(settings.policy_file)!r}, {error.strerror}") from None
    except Refused as refused:
        raise SettingError(f"ANTRE_POLICY_FILE {settings.policy_file}, {refused}") from None


def tuning_of(settings: Settings) -> Tuning:
    """How a leader goes about its work, with ``settings``."""
    timing = Timing(
        platform_timeout_s=settings.platform_timeout_s,
        quarantine_s=settings.quarantine_s,
        first_look_s=0.5,
        longest_look_s=30.0,
        lag_s=settings.platform_lag_s,
        refusals_max=8,
    )
    return Tuning(
        timing=timing,
        sweep_s=settings.sweep_s,
        events_retained_s=DAY_S,
        sessions_retained_s=settings.retention_days * DAY_S,
        send_margin_s=SEND_MARGIN_S,
        calls_max=settings.calls_max,
    )


def lease_timing_of(settings: Settings) -> LeaseTiming:
    """The durations of the lease."""
    return LeaseTiming(ttl_s=settings.lease_ttl_s, renew_s=settings.lease_renew_s, margin_s=LEASE_MARGIN_S, watch_s=0.5)


def _on_signals(allocator: Allocator) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, allocator.stop)
