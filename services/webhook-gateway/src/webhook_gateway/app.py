"""The gateway over HTTP: paths, status codes, answers.

    receive → authenticate → translate → publish → answer

The two webhooks are raw ASGI in front of the framework, which has everything else: its handlers cost three times as
much as all the rest of the way together, and its routing alone a sixth of the calls of functions (`make bench-quick`).
What it would have done (method, size, errors) is done here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter, time_ns
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from chassis.logs import logger
from chassis.traces import Tracer
from contract import AppId, RoomWaiting, new_event_id
from contract.addresses import ALLOCATION, RESOLVE
from webhook_gateway.access import AccessLog
from webhook_gateway.authenticate import Gate
from webhook_gateway.deadlines import Deadlines
from webhook_gateway.exchange import (
    Answer,
    Gone,
    TooLarge,
    TooSlow,
    answer,
    read_body,
    send_and_linger,
    send_answer,
)
from webhook_gateway.metrics import Metrics
from webhook_gateway.ports import Inbox, Unavailable
from webhook_gateway.publisher import Publisher
from webhook_gateway.traced import publish_traced
from webhook_gateway.translate import Fact, Fault, Ignored, Rejected, Stamp, Translate, allocation, resolve

BODY_MAX = 65_536
_KINDS = {ALLOCATION: "allocation", RESOLVE: "resolve"}

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_CLOSE = {"connection": "close"}
_log = logger(__name__)

_Webhook = Callable[[str, Scope, Receive, Send], Awaitable[None]]
"""Serves a webhook; the text is what follows its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """All that a webhook meets on its way. ``patience``: how long a body may take; ``tracer`` None: no traces."""

    gate: Gate
    publisher: Publisher
    inbox: Inbox
    metrics: Metrics
    access: AccessLog
    patience: Deadlines[asyncio.Task[Any]]
    tracer: Tracer | None = None


def create_app(
    gateway: Gateway, lifespan: Sequence[Callable[[Litestar], AbstractAsyncContextManager[None]]] = ()
) -> ASGIApp:
    """The ASGI application around ``gateway``: the webhooks, and the framework behind them for the rest."""
    framework = Litestar(
        list(_health(gateway.inbox)),
        exception_handlers={HTTPException: _refusal, Exception: _fault},
        lifespan=list(lifespan),
        logging_config=None,
        openapi_config=None,
    )
    webhooks = [_webhook(gateway, ALLOCATION, allocation), _webhook(gateway, RESOLVE, resolve)]

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            path = scope["path"]
            for prefix, webhook in webhooks:
                if path.startswith(prefix):
                    await webhook(path[len(prefix) :], scope, receive, send)
                    return
        await framework(scope, receive, send)

    return front


def _webhook(gateway: Gateway, path: str, translate: Translate) -> tuple[str, _Webhook]:
    """A webhook on its bare path and behind a token: what follows the path is read here."""
    kind = _KINDS[path]
    bare = _Route(kind=kind, template=path, translate=translate)
    secret = _Route(kind=kind, template=path + "/{token}", translate=translate)

    async def webhook(rest: str, scope: Scope, receive: Receive, send: Send) -> None:
        if rest in {"", "/"}:
            route, token = bare, None
        else:
            route, token = secret, rest[1:].removesuffix("/") if rest[0] == "/" else ""
        try:
            await _serve(gateway, route, token, scope, receive, send)
        except Exception as error:  # noqa: BLE001 - a bug must cost one webhook, and its text must not be shown
            _tell_of(error)
            await send_answer(send, FAULT)

    return path, webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """``kind``: what metrics call it; ``template``: the path as logs may show it."""

    kind: str
    template: str
    translate: Translate


async def _serve(  # noqa: PLR0917 - what ASGI gives, and three things of ours
    gateway: Gateway, route: _Route, token: str | None, scope: Scope, receive: Receive, send: Send
) -> None:
    started = perf_counter()
    reply = await _answer(gateway, route, token, scope, receive)
    if reply in _BODY_UNREAD:
        await send_and_linger(receive, send, reply)
    elif reply is not GONE:
        await send_answer(send, reply)
    gateway.metrics.answered(route.kind, reply.reason, reply.status)
    if reply is ACCEPTED:
        gateway.metrics.durable(route.kind, perf_counter() - started)
    tell = gateway.access.accepted if reply in _WELCOME else gateway.access.refused
    tell(route.template, reply.status, reply.reason)


async def _answer(gateway: Gateway, route: _Route, token: str | None, scope: Scope, receive: Receive) -> Answer:
    """What becomes of one webhook. Whether the path is right is told before anything else is."""
    app = gateway.gate.app_of(token)
    if app is None:
        return NOT_FOUND
    if scope.get("method") != "POST":
        return NOT_ALLOWED
    began_ns = 0 if gateway.tracer is None else time_ns()
    try:
        body = await read_body(scope, receive, BODY_MAX, gateway.patience)
        fact = route.translate(body, _stamp(app))
        if gateway.tracer is not None and isinstance(fact, RoomWaiting):
            await publish_traced(gateway.tracer, gateway.publisher.publish, fact, scope["headers"], began_ns)
            return ACCEPTED
        return await _take_in(gateway, fact)
    except (TooLarge, TooSlow, Gone) as error:
        return _UNREADABLE[type(error)]
    except Unavailable as error:
        return _unavailable(error)


async def _take_in(gateway: Gateway, fact: Fact) -> Answer:
    if isinstance(fact, Rejected):
        return REJECTED[fact.fault]
    if isinstance(fact, Ignored):
        return IGNORED
    await gateway.publisher.publish(fact)
    return ACCEPTED


def _stamp(app: AppId) -> Stamp:
    return Stamp(app=app, id=new_event_id(), received_ms=time_ns() // 1_000_000)


def _health(inbox: Inbox) -> tuple[BaseRouteHandler, ...]:
    @get(["/livez", "/alive"], sync_to_thread=False)
    def alive() -> dict[str, str]:
        return {"status": "ok"}

    @get("/readyz")
    async def ready() -> Response[Any]:
        try:
            await inbox.ping()
        except Unavailable as error:
            return _as_response(_unavailable(error))
        return Response({"status": "ok"})

    return alive, ready


def _problem(status: HTTPStatus, kind: str, detail: str, headers: dict[str, str] | None = None) -> Answer:
    """An error as RFC 9457 has it. ``detail`` is a sentence of ours: nothing of the request is in it."""
    content = {"type": f"urn:antre:problem:{kind}", "title": status.phrase, "status": status.value, "detail": detail}
    return answer(status.value, kind, content, _PROBLEM, {"cache-control": "no-store"} | (headers or {}))


def _unavailable(error: Unavailable) -> Answer:
    reason = f"Not accepted: {error.reason}. Send it again later."
    headers = {"retry-after": str(error.retry_after_s)}
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", reason, headers)


ACCEPTED = answer(HTTPStatus.OK.value, "accepted", {"status": "accepted"}, _JSON, {})
IGNORED = answer(HTTPStatus.OK.value, "ignored", {"status": "ignored"}, _JSON, {})
NOT_FOUND = _problem(HTTPStatus.NOT_FOUND, "not-found", "There is nothing at this path.", _CLOSE)
NOT_ALLOWED = _problem(
    HTTPStatus.METHOD_NOT_ALLOWED, "not-allowed", "Webhooks come by POST.", {"allow": "POST"} | _CLOSE
)
TOO_LARGE = _problem(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"A webhook's body is at most {BODY_MAX} bytes.", _CLOSE
)
TOO_SLOW = _problem(HTTPStatus.REQUEST_TIMEOUT, "too-slow", "The body did not come in time.", _CLOSE)
FAULT = _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "fault", "A fault of ours. It is in our log.")
GONE = answer(499, "gone", None, _JSON, {})
"""Never sent: the caller has left. 499 is what others, too, count such a request under."""

_DETAILS = {
    Fault.NOT_JSON: "The body is not JSON in UTF-8, or nests too deeply.",
    Fault.WRONG_SHAPE: "The body is not the object that this webhook sends: a field has the wrong type.",
    Fault.NO_ROOM_ID: "The body names no room.",
    Fault.BAD_ROOM_ID: "The room's id is not one: allowed are letters, digits, '-', '_' and '.', at most 64.",
    Fault.WRONG_APP: "The body is of another app than the one this path belongs to.",
    Fault.ANOTHER_WEBHOOK: "The body is of another kind of webhook than the one this path is for.",
}
REJECTED = {
    fault: _problem(HTTPStatus.FORBIDDEN if fault is Fault.WRONG_APP else HTTPStatus.BAD_REQUEST, fault.value, detail)
    for fault, detail in _DETAILS.items()
}
_UNREADABLE = {TooLarge: TOO_LARGE, TooSlow: TOO_SLOW, Gone: GONE}
_WELCOME = (ACCEPTED, IGNORED)
_BODY_UNREAD = (NOT_FOUND, NOT_ALLOWED, TOO_LARGE)


def _refusal(_request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework refuses by itself: paths and methods that there are not."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _as_response(NOT_FOUND)
    status = HTTPStatus(error.status_code)
    return _as_response(_problem(status, "refused", status.description or status.phrase, dict(error.headers or {})))


def _fault(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A bug of ours."""
    _tell_of(error)
    return _as_response(FAULT)


def _tell_of(error: Exception) -> None:
    """Where a bug is, in the log; not what it says, which may quote a customer."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{place.tb_lineno}" if place else "?"
    _log.error("fault", error=type(error).__name__, where=where)


def _as_response(reply: Answer) -> Response[bytes]:
    headers = {name.decode(): value.decode() for name, value in reply.start["headers"]}
    media_type = headers.pop("content-type")
    headers.pop("content-length")
    return Response(reply.body["body"], status_code=reply.status, headers=headers, media_type=media_type)
