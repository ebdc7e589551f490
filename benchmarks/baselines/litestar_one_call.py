"""What one writes with Litestar: a handler with a struct, and one call of Redis for each webhook."""

import os
import time
from uuid import uuid4

import msgspec
from litestar import Litestar, Response, get, post
from litestar.datastructures import State
from redis.asyncio import Redis


class Webhook(msgspec.Struct):
    """The fields that are needed; others are ignored."""

    app_id: str
    room_id: str
    source: str | None = None


@post("/allocate-agent/webhook", status_code=200)
async def allocate(data: Webhook, state: State) -> Response[dict[str, str]]:
    """Write it down, and say so."""
    if data.app_id != os.environ["QISCUS_APP_ID"]:
        return Response({"status": "forbidden"}, status_code=403)
    event = {"id": uuid4().hex, "room": data.room_id, "source": data.source, "received_ms": time.time_ns() // 1_000_000}
    await state.redis.xadd("inbox", {"event": msgspec.json.encode(event)})
    return Response({"status": "accepted"})


@get("/readyz")
async def ready(state: State) -> dict[str, str]:
    """Whether Redis is there."""
    await state.redis.ping()
    return {"status": "ok"}


async def _connect(app: Litestar) -> None:
    app.state.redis = Redis.from_url(os.environ["REDIS_URL"])


app = Litestar([allocate, ready], on_startup=[_connect], openapi_config=None)
