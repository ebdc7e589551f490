"""The command ``webhook-gateway``: settings, parts, server."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager

from litestar import Litestar
from prometheus_client import CollectorRegistry

from chassis import logs, ops
from chassis.cli import refuse, version_of
from chassis.durability import FIRST_LOOK_S, Durability, first_look, watching
from chassis.traces import Tracer, tracing
from chassis.vitals import LoopLag
from contract import Keys
from webhook_gateway.access import AccessLog
from webhook_gateway.app import Gateway, create_app
from webhook_gateway.authenticate import Gate
from webhook_gateway.exchange import patience
from webhook_gateway.inbox import RedisInbox
from webhook_gateway.metrics import Metrics
from webhook_gateway.ports import Inbox
from webhook_gateway.publisher import Limits, Publisher, Watch
from webhook_gateway.server import listen, serve, tidy_memory
from webhook_gateway.settings import Settings, read
from webhook_gateway.vetted import VettedInbox

PROGRAM = "webhook-gateway"
_DISTRIBUTION = "antre-webhook-gateway"


def main() -> int:
    """Serve until told to stop. Exit status: 0 told to stop, 2 wrong settings."""
    _arguments().parse_args()
    return refuse(PROGRAM, _run)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Takes the platform's webhooks in and answers when they are durable. Set up by the environment.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version_of(_DISTRIBUTION)}")
    return parser


def _run() -> int:
    settings, apps = read(os.environ)
    logs.configure(settings.log_format, settings.log_level)
    gate = Gate(apps)
    registry = CollectorRegistry()
    durability = Durability("Redis", registry, required=settings.require_durable_redis)
    asyncio.run(_first_look(settings, durability))
    inbox = _inbox(settings, settings.publish_timeout_s)
    trusted = VettedInbox(inbox, durability) if settings.require_durable_redis else inbox
    with ExitStack() as stack:
        tracer = stack.enter_context(
            tracing(settings.otlp_endpoint, settings.otlp_headers, PROGRAM, version_of(_DISTRIBUTION), registry)
        )
        gateway = _gateway(settings, gate, trusted, registry, tracer)
        listener = listen(settings.http_host, settings.http_port)
        stack.callback(ops.serve(settings.metrics_host, settings.metrics_port, gateway.metrics.registry, {}))
        app = create_app(gateway, [_lifespan(gateway, inbox, durability)])
        logs.logger("webhook_gateway").info("listening", port=settings.http_port)
        serve(app, listener, settings.keep_alive_s)
    return 0


def _inbox(settings: Settings, timeout_s: float) -> RedisInbox:
    return RedisInbox(settings.redis_url, Keys(settings.redis_prefix), timeout_s)


async def _first_look(settings: Settings, durability: Durability) -> None:
    """On connections of its own: the others belong to the server's loop, and nothing is listened on before this."""
    inbox = _inbox(settings, FIRST_LOOK_S)
    try:
        await first_look({durability: inbox.doubts})
    finally:
        await inbox.close()


def _gateway(
    settings: Settings, gate: Gate, inbox: Inbox, registry: CollectorRegistry, tracer: Tracer | None
) -> Gateway:
    watch = Watch()
    limits = Limits(
        batch_max=settings.batch_max, pending_max=settings.pending_max, timeout_s=settings.publish_timeout_s
    )
    publisher = Publisher(inbox, limits, watch)
    metrics = Metrics(registry, version_of(_DISTRIBUTION), lambda: publisher.pending)
    watch.committed, watch.failed = metrics.committed, metrics.failed
    return Gateway(
        gate=gate,
        publisher=publisher,
        inbox=inbox,
        metrics=metrics,
        access=AccessLog(logs.logger("webhook_gateway.access"), verbose=settings.log_level == "debug"),
        patience=patience(settings.body_timeout_s),
        tracer=tracer,
    )


def _lifespan(
    gateway: Gateway, inbox: RedisInbox, durability: Durability
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    log = logs.logger("webhook_gateway")
    lag = LoopLag(gateway.metrics.registry)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        if gateway.gate.is_open:
            log.warning(
                "no_webhook_token",
                meaning="anybody who finds the bare paths can send webhooks",
                remedy="set ANTRE_WEBHOOK_TOKENS",
            )
        tidy_memory()
        async with lag.measured(), watching({durability: inbox.doubts}):
            yield
            await gateway.publisher.drain()
        await inbox.close()

    return lifespan


if __name__ == "__main__":
    sys.exit(main())
