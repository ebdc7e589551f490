"""What one writes with FastAPI: a handler with a model, and one call of Redis for each webhook."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel
from redis.asyncio import Redis


class Webhook(BaseModel):
    """The fields that are needed; others are ignored."""

    app_id: str
    room_id: str
    source: str | None = None


class Event(BaseModel):
    """What is written down."""

    id: str
    room: str
    source: str | None
    received_ms: int


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncIterator[None]:
    app.state.redis = Redis.from_url(os.environ["REDIS_URL"])
    yield
    await app.state.redis.aclose()


app = FastAPI(lifespan=_connected)


@app.post("/allocate-agent/webhook")
async def allocate(data: Webhook, request: Request) -> dict[str, str]:
    """Write it down, and say so."""
    if data.app_id != os.environ["QISCUS_APP_ID"]:
        raise HTTPException(403)
    event = Event(id=uuid4().hex, room=data.room_id, source=data.source, received_ms=time.time_ns() // 1_000_000)
    await request.app.state.redis.xadd("inbox", {"event": event.model_dump_json()})
    return {"status": "accepted"}


@app.get("/readyz")
async def ready(request: Request) -> dict[str, str]:
    """Whether Redis is there."""
    await request.app.state.redis.ping()
    return {"status": "ok"}
