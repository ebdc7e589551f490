"""The HTTP side of the platform: reads calls, lets go wrong what must, answers, and writes both down."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from random import Random
from typing import Any, Final

from aiohttp import web

from qiscus_simulator import forms
from qiscus_simulator.calls import ROUTES, Answer, Call, Route, is_online, refused_agent
from qiscus_simulator.chance import happens
from qiscus_simulator.faults import Faults
from qiscus_simulator.gate import ASSIGN, BEFORE_EFFECT, REFUSALS, UNANSWERED, Trouble, decide
from qiscus_simulator.values import Json
from qiscus_simulator.world import World

LOOK_EVERY_S: Final = 0.05
BODY_MAX: Final = 1 << 20
HTML: Final = "<!DOCTYPE html><html><head><title>Just a moment</title></head><body><h1>Please wait</h1></body></html>"
BROKEN_STATUSES: Final = (500, 502, 503)
HALF: Final = 0.5

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves the REST calls for all apps."""

    def __init__(self, worlds: Mapping[str, World], clock: Callable[[], float], random: Random) -> None:
        """Serve these apps, by app id. ``random`` is the stream for what goes wrong."""
        self._worlds, self._clock, self._random = worlds, clock, random
        self._numbers = count(1)
        self._stopping = False

    def add_routes(self, app: web.Application) -> None:
        """Add every call of the API."""
        for route in ROUTES:
            app.router.add_route(route.method, route.path, self._handle(route))

    def stop(self) -> None:
        """Let calls that hang go."""
        self._stopping = True

    def _handle(self, route: Route) -> Handle:
        async def handle(request: web.Request) -> web.StreamResponse:
            at = self._clock()
            world = self._known(request)
            if world is None:
                return web.json_response(forms.unauthorized(), status=401)
            params = await _params(request)
            if params is None:
                return web.json_response({"errors": "body is invalid"}, status=400)
            return await self._take(request, route, world, params, at)

        return handle

    async def _take(
        self, request: web.Request, route: Route, world: World, params: Json, at: float
    ) -> web.StreamResponse:
        trouble = decide(world.faults, self._random, route.name, reads=route.reads)
        call = Call(number=next(self._numbers), at=at, params=params, other_shape=trouble is Trouble.OTHER_SHAPE)
        if trouble is Trouble.REFUSE_OFFLINE and is_online(world, call):
            trouble = Trouble.NONE
        room_id = call.text("room_id")
        room = world.platform.rooms.get(room_id)
        session = room.session.id if room is not None and not room.is_resolved else 0
        agent = call.integer("agent_id", 0)
        world.note("call", number=call.number, what=route.name, room=room_id, session=session, agent=agent)
        response = await self._go_wrong_or_answer(request, route, world, call, trouble)
        took_s = round(self._clock() - at, 6)
        status = 0 if trouble in UNANSWERED else response.status
        world.note("answer", number=call.number, what=route.name, status=status, value=took_s, note=trouble.value)
        return response

    async def _go_wrong_or_answer(
        self, request: web.Request, route: Route, world: World, call: Call, trouble: Trouble
    ) -> web.StreamResponse:
        faults = world.faults
        half_latency_s = self._random.uniform(*faults.latency_s) / 2 if faults.latency_s[1] > 0 else 0.0
        if half_latency_s:
            await asyncio.sleep(half_latency_s)
        answer = self._effect(route, world, call, trouble)
        if half_latency_s:
            await asyncio.sleep(half_latency_s)
        if trouble in UNANSWERED:
            await self._hang(request, faults.hang_s)
        return _rendered(answer, trouble, faults, self._random)

    def _effect(self, route: Route, world: World, call: Call, trouble: Trouble) -> Answer | None:
        if trouble in REFUSALS:
            return refused_agent(world, call, trouble.value)
        if trouble is Trouble.LATE_EFFECT:
            world.later(world.faults.late_effect_s, lambda: route.handler(world, call))
            return None
        if trouble in BEFORE_EFFECT:
            return None
        if trouble is Trouble.HTML and route.name == ASSIGN and happens(self._random, HALF):
            return None
        return route.handler(world, call)

    async def _hang(self, request: web.Request, hang_s: float) -> None:
        """Say nothing until the caller leaves, then cut the connection."""
        give_up_at = asyncio.get_running_loop().time() + hang_s
        while request.transport is not None and not request.transport.is_closing() and not self._stopping:
            if asyncio.get_running_loop().time() >= give_up_at:
                break
            await asyncio.sleep(LOOK_EVERY_S)
        if request.transport is not None:
            request.transport.abort()

    def _known(self, request: web.Request) -> World | None:
        world = self._worlds.get(request.headers.get("Qiscus-App-Id", ""))
        # The user token some calls want instead of the secret is, here, the secret itself: our guess saves a log-in.
        given = request.headers.get("Qiscus-Secret-Key") or request.headers.get("Authorization") or ""
        same = world is not None and hmac.compare_digest(_octets(given), _octets(world.secret))
        return world if same else None


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _rendered(answer: Answer | None, trouble: Trouble, faults: Faults, random: Random) -> web.Response:
    if trouble in UNANSWERED:
        return web.Response(status=504)  # never leaves: the connection is cut
    if trouble is Trouble.HTML:
        return web.Response(text=HTML, content_type="text/html")
    if trouble is Trouble.HALF_JSON and answer is not None:
        whole = json.dumps(answer.body)
        return web.Response(text=whole[: len(whole) // 2], status=answer.status, content_type="application/json")
    if answer is not None:
        return web.json_response(answer.body, status=answer.status)
    return _broken(trouble, faults, random)


def _broken(trouble: Trouble, faults: Faults, random: Random) -> web.Response:
    if trouble is Trouble.UNAUTHORIZED:
        return web.json_response(forms.unauthorized(), status=401)
    if trouble is Trouble.FORBIDDEN:
        return web.json_response(forms.forbidden(), status=403)
    if trouble is Trouble.REDIRECT:
        return web.Response(status=302, headers={"Location": "https://example.com/login"})
    if trouble is Trouble.TOO_MANY:
        seconds = {"Retry-After": f"{faults.retry_after_s:.0f}"}
        return web.json_response({"errors": "Too Many Attempts."}, status=429, headers=seconds)
    status = random.choice(BROKEN_STATUSES) if trouble is Trouble.ERROR_5XX else 503
    return web.Response(status=status, text=HTML, content_type="text/html")


async def _params(request: web.Request) -> dict[str, Any] | None:
    """Return path, query and body as one mapping, or None for a body that cannot be read."""
    query: dict[str, Any] = dict(request.query)
    if "ids[]" in request.query:
        query["ids[]"] = request.query.getall("ids[]")
    body: object = {}
    if request.can_read_body:
        try:
            body = await _json(request) if "json" in request.content_type else dict(await request.post())
        except (ValueError, RecursionError):
            return None
    return {**query, **body, **request.match_info} if isinstance(body, dict) else None


async def _json(request: web.Request) -> object:
    raw = await request.read()
    return json.loads(raw) if raw else {}
