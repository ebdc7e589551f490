"""Wires the operator's parts together, and runs them; beside it, figures and health."""

import asyncio
import contextlib

from allocator.adapters.clock import SystemClock
from allocator.adapters.kubernetes import KubernetesObjects
from allocator.adapters.operator_metrics import OperatorMetrics
from allocator.adapters.postgres_policies import PostgresPolicies
from allocator.operator import SELDOM_S, Operator
from allocator.ports import Clock, Unavailable
from allocator.settings import OperatorSettings
from chassis import ops
from chassis.logs import logger
from chassis.settings import SettingError

_log = logger(__name__)

BEAT_MAX_S = 2 * SELDOM_S + 60.0


async def operate(settings: OperatorSettings) -> None:
    """Run the operator until a signal ends it. Raises :class:`~chassis.settings.SettingError`."""
    clock, metrics = SystemClock(), OperatorMetrics()
    async with contextlib.AsyncExitStack() as stack:
        objects = _objects(settings)
        store = PostgresPolicies(settings.database_url, settings.database_timeout_s)
        for one in (objects, store):
            stack.push_async_callback(one.close)
        operator = Operator(objects, store, clock, metrics)
        checks = {"/livez": lambda: _alive(operator, clock), "/readyz": lambda: operator.failing}
        stack.callback(ops.serve(settings.metrics_host, settings.metrics_port, metrics.registry, checks))
        _log.info("operating", namespace=objects.namespace)
        await _run(operator, objects, clock)


def _objects(settings: OperatorSettings) -> KubernetesObjects:
    try:
        return KubernetesObjects(settings.watch_namespace)
    except Unavailable as error:
        raise SettingError(f"allocator operate: {error}") from None


def _alive(operator: Operator, clock: Clock) -> str | None:
    return "the loop stands still" if clock.now() - operator.beat_at > BEAT_MAX_S else None


async def _run(operator: Operator, objects: KubernetesObjects, clock: Clock) -> None:
    """Until kopf, which hears the signals, ends."""
    stop = asyncio.Event()
    working = asyncio.create_task(operator.run())
    watching = asyncio.create_task(_watch_once_known(operator, objects, clock, stop))
    try:
        done, _ = await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        stop.set()
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _watch_once_known(operator: Operator, objects: KubernetesObjects, clock: Clock, stop: asyncio.Event) -> None:
    """The kind is looked for once, when kopf starts: it must be there."""
    while True:
        try:
            await objects.all()
            break
        except Unavailable:  # told by the operator's own look
            await clock.sleep(1.0)
    await objects.watch(operator.wake, stop)
