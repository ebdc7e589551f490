"""The control API under ``/simulator/``: what people and tests use to look in, to steer and to get the verdict.

JSON in and out, no credentials (the simulator listens on loopback unless told otherwise). Every call takes an
``app_id`` in the query or the body; without one it means the first app. A wrong name or value is a 400 with a sentence.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from qiscus_simulator import checker, faults, record, steering
from qiscus_simulator.steering import Wrong
from qiscus_simulator.values import Json
from qiscus_simulator.world import World

RECORD_PAGE: Final = 10_000

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]
Act = Callable[[World, Json], object]


class Control:
    """The control API over all apps."""

    def __init__(self, worlds: Mapping[str, World], the_record: record.Record, clock: Callable[[], float]) -> None:
        """Steer these apps; the first one is meant when a call names none."""
        self._worlds, self._record, self._clock = worlds, the_record, clock

    def add_routes(self, app: web.Application) -> None:
        """Add every call of the control API."""
        router = app.router
        for path, act in (
            ("state", steering.state),
            ("faults", lambda world, _: faults.as_json(world.faults)),
        ):
            router.add_get(f"/simulator/{path}", self._handle(act))
        for path, act in (
            ("traffic", steering.set_traffic),
            ("faults", steering.set_faults),
            ("agents/{id}", steering.set_agent),
            ("rooms/{room_id}", steering.set_room),
            ("customers", steering.add_customers),
            ("people", steering.act_by_hand),
            ("service", steering.set_service),
            ("webhooks", steering.set_webhooks),
        ):
            router.add_post(f"/simulator/{path}", self._handle(act))
        router.add_get("/simulator/record", self._record_after)
        router.add_get("/simulator/verdict", self._verdict)

    def _handle(self, act: Act) -> Handle:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                asked = await _asked(request)
                return web.json_response(act(self._world(asked), asked))
            except Wrong as wrong:
                return web.json_response({"error": str(wrong)}, status=wrong.status)
            except ValueError as wrong:
                return web.json_response({"error": str(wrong)}, status=400)

        return handle

    def _world(self, asked: Json) -> World:
        app_id = str(asked.get("app_id") or next(iter(self._worlds)))
        if app_id not in self._worlds:
            raise Wrong(f"there is no app '{app_id}'; the apps are {', '.join(self._worlds)}", 404)
        return self._worlds[app_id]

    async def _record_after(self, request: web.Request) -> web.StreamResponse:
        try:
            after = int(request.query.get("after", "0"))
            limit = int(request.query.get("limit", str(RECORD_PAGE)))
        except ValueError:
            return web.json_response({"error": "after and limit are whole numbers"}, status=400)
        entries = self._record.after(max(0, after), max(1, min(limit, RECORD_PAGE)))
        return web.json_response([record.as_json(entry) for entry in entries])

    async def _verdict(self, request: web.Request) -> web.StreamResponse:
        try:
            grace_s = float(request.query.get("grace_s", checker.GRACE_S))
            tolerance_s = float(request.query.get("tolerance_s", checker.TOLERANCE_S))
        except ValueError:
            return web.json_response({"error": "grace_s and tolerance_s are seconds"}, status=400)
        app_id, now = request.query.get("app_id", ""), self._clock()
        if app_id and app_id not in self._worlds:
            return web.json_response({"error": f"there is no app '{app_id}'"}, status=404)
        entries = [entry for entry in self._record.entries if not app_id or entry.app == app_id]
        # In a thread: a long record takes seconds, and calls must go on meanwhile.
        verdict = await asyncio.to_thread(checker.judge, entries, now, grace_s=grace_s, tolerance_s=tolerance_s)
        return web.json_response(checker.as_json(verdict))


async def _asked(request: web.Request) -> Json:
    asked: Json = dict(request.query)
    raw = await request.read()
    if raw:
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            raise Wrong("the body is not JSON") from None
        if not isinstance(body, dict):
            raise Wrong("the body is not a JSON object")
        asked |= body
    return {**asked, **request.match_info}
