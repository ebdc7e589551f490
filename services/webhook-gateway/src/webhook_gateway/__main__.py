"""The command ``webhook-gateway``: settings, parts, server."""

import argparse
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar

from chassis import logs, ops
from chassis.cli import refuse, version_of
from contract import Keys
from webhook_gateway.access import AccessLog
from webhook_gateway.app import Gateway, create_app
from webhook_gateway.authenticate import Gate
from webhook_gateway.exchange import patience
from webhook_gateway.inbox import RedisInbox
from webhook_gateway.metrics import Metrics
from webhook_gateway.publisher import Limits, Publisher, Watch
from webhook_gateway.server import listen, serve, tidy_memory
from webhook_gateway.settings import Settings, read

PROGRAM = "webhook-gateway"


def main() -> int:
    """Serve until told to stop. Exit status: 0 told to stop, 2 wrong settings."""
    _arguments().parse_args()
    return refuse(PROGRAM, _run)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Takes the platform's webhooks in and answers when they are durable. Set up by the environment.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version_of('antre-webhook-gateway')}")
    return parser


def _run() -> int:
    settings, apps = read(os.environ)
    logs.configure(settings.log_format, settings.log_level)
    gate = Gate(apps)
    inbox = RedisInbox(settings.redis_url, Keys(settings.redis_prefix), settings.publish_timeout_s)
    gateway = _gateway(settings, gate, inbox)
    listener = listen(settings.http_host, settings.http_port)
    stop_ops = ops.serve(settings.metrics_host, settings.metrics_port, gateway.metrics.registry, {})
    app = create_app(gateway, [_lifespan(gateway, inbox)])
    try:
        logs.logger("webhook_gateway").info("listening", port=settings.http_port)
        serve(app, listener)
    finally:
        stop_ops()
    return 0


def _gateway(settings: Settings, gate: Gate, inbox: RedisInbox) -> Gateway:
    watch = Watch()
    limits = Limits(
        batch_max=settings.batch_max, pending_max=settings.pending_max, timeout_s=settings.publish_timeout_s
    )
    publisher = Publisher(inbox, limits, watch)
    metrics = Metrics(version_of("antre-webhook-gateway"), lambda: publisher.pending)
    watch.committed, watch.failed = metrics.committed, metrics.failed
    return Gateway(
        gate=gate,
        publisher=publisher,
        inbox=inbox,
        metrics=metrics,
        access=AccessLog(logs.logger("webhook_gateway.access"), verbose=settings.log_level == "debug"),
        patience=patience(settings.body_timeout_s),
    )


def _lifespan(gateway: Gateway, inbox: RedisInbox) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    log = logs.logger("webhook_gateway")

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        if gateway.gate.is_open:
            log.warning(
                "no_webhook_token",
                meaning="anybody who finds the bare paths can send webhooks",
                remedy="set ANTRE_WEBHOOK_TOKENS",
            )
        if doubt := await inbox.doubts():
            log.warning("not_durable", meaning=doubt)
        tidy_memory()
        yield
        await gateway.publisher.drain()
        await inbox.close()

    return lifespan


if __name__ == "__main__":
    sys.exit(main())
