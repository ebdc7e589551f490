"""Qiscus Omnichannel's REST API. The only module that sends HTTP requests.

Every call is sent once, follows no redirect, carries no cookie and is over within ``timeout_s``, come what may; an
answer is read up to ``BODY_MAX`` bytes. Does not promise that a request whose answer did not come had no effect:
that is ``Unknown``.
"""

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from httpx_aiohttp import AiohttpTransport

from allocator.adapters import qiscus_forms as forms
from allocator.adapters.qiscus_requests import Requests
from allocator.core import outcomes as o
from allocator.core.ids import AgentId, Lane, RoomId, parts_of
from allocator.core.roster import Roster, Seen
from allocator.ports import Failure, Unserved

BODY_MAX = 2 * 1024 * 1024
PAGES_MAX = 200
AGENTS_A_PAGE = 100
ROOMS_A_PAGE = 50
CONNECTIONS_MAX = 512
KEPT_IDLE_S = 5.0

_ASSIGN = "/api/v1/admin/service/assign_agent"
_ALLOCATE = "/api/v1/admin/service/allocate_agent"
_AVAILABLE = "/api/v2/admin/service/available_agents"
_OTHERS = "/api/v2/admin/service/other_agents"
_WEBHOOKS = "/api/v2/admin/webhook_config"
_ROOMS = "/api/v2/customer_rooms"


Client = httpx.AsyncBaseTransport
"""What the platforms of one process share: connections."""


def new_client() -> Client:
    """A client for all apps' platforms. httpx's own transport slows down as calls overlap; aiohttp's does not."""
    verify = ssl.create_default_context()
    client: Client = AiohttpTransport(verify=verify, client=lambda: _session(verify))
    return client


def _session(verify: ssl.SSLContext) -> ClientSession:
    """Keeps no cookies: what one app's answers set would go with another's calls."""
    connector = TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEPT_IDLE_S, ssl=verify)
    return ClientSession(connector=connector, cookie_jar=DummyCookieJar())


class QiscusPlatform:
    """The :class:`~allocator.ports.Platform` of one app."""

    def __init__(self, client: Client, *, base_url: str, app_id: str, secret_key: str, timeout_s: float) -> None:
        self._client = client
        self._requests = Requests(base_url, app_id, secret_key)
        self._timeout_s = timeout_s

    async def assign(self, room: RoomId, agent: AgentId) -> o.Outcome:
        """See the port. ``max_agent=1`` makes it a compare-and-set on the room."""
        form = {"room_id": room, "agent_id": str(agent), "max_agent": "1"}
        answer = await self._call(self._requests.form, _ASSIGN, form)
        return answer if isinstance(answer, o.Unknown) else forms.assign_outcome(*answer, agent)

    async def view(self, room: RoomId, agent: AgentId | None) -> o.View:
        """See the port. The platform does not say who is in a room, but it lists who is not."""
        answer = await self._call(self._requests.get, f"{_ROOMS}/{quote(room, safe='')}")
        if isinstance(answer, o.Unknown):
            return o.NotSeen(answer)
        view = forms.room_view(*answer)
        if not isinstance(view, o.Served) or agent is None:
            return view
        return await self._served_by(room, agent)

    async def roster(self, room: RoomId, now: float) -> Roster | o.RoomRefused | Failure:
        """See the port."""
        agents: list[Seen] = []
        async for answer in self._pages(_AVAILABLE, room):
            if isinstance(answer, o.Unknown):
                return answer
            status, headers, body = answer
            if status in (400, 404, 422):
                return o.RoomRefused(f"HTTP {status}")
            page = forms.roster_page(body) if status == 200 else None
            if page is None:
                return forms.read_failure(status, headers)
            agents.extend(page)
        return Roster(agents=tuple(agents), read_at=now, uses=None)

    async def suggestion(self, lane: Lane, now: float) -> Roster | Failure:
        """See the port."""
        source, channel = parts_of(lane)
        form = {"source": source} if channel is None else {"source": source, "channel_id": channel}
        answer = await self._call(self._requests.form, _ALLOCATE, form)
        if isinstance(answer, o.Unknown):
            return answer
        status, headers, body = answer
        agents = forms.suggestion(body) if status == 200 else None
        if agents is None:
            return forms.read_failure(status, headers)
        return Roster(agents=agents, read_at=now, uses=1)

    async def unserved(self) -> AsyncIterator[Sequence[Unserved] | Failure]:
        """See the port. The cursor is a time, to the second, so rows that share one would fall between two pages.
        The next page is asked for from a second later on: some rooms come twice, but none is passed over.
        """
        body: dict[str, Any] = {"serve_status": "unserved", "status": "unresolved", "limit": ROOMS_A_PAGE}
        for _ in range(PAGES_MAX):
            answer = await self._call(self._requests.json, _ROOMS, body)
            if isinstance(answer, o.Unknown):
                yield answer
                return
            page = forms.unserved_page(answer[2], datetime.now(UTC)) if answer[0] == 200 else None
            if page is None:
                yield forms.read_failure(answer[0], answer[1])
                return
            rooms, rows, cursor = page
            yield rooms
            if cursor is None or rows < ROOMS_A_PAGE or cursor == body.get("cursor_after"):
                return
            later = forms.a_second_later(cursor)
            body["cursor_after"] = cursor if later == body.get("cursor_after") else later
        yield o.Unknown("more rooms wait than are listed")

    async def resolve_webhooks(self) -> Sequence[str] | Failure:
        """The addresses to which this app's resolves are told, if the platform shows them to us."""
        answer = await self._call(self._requests.get, _WEBHOOKS)
        if isinstance(answer, o.Unknown):
            return answer
        status, headers, body = answer
        found = forms.resolve_webhooks(body) if status == 200 else None
        return forms.read_failure(status, headers) if found is None else found

    async def _served_by(self, room: RoomId, agent: AgentId) -> o.View:
        async for answer in self._pages(_OTHERS, room):
            if isinstance(answer, o.Unknown):
                return o.NotSeen(answer)
            page = forms.ids_page(answer[2]) if answer[0] == 200 else None
            if page is None:
                return o.NotSeen(forms.read_failure(answer[0], answer[1]))
            if agent in page:
                return o.Served(ours=False)
        return o.Served(ours=True)

    async def _pages(self, path: str, room: RoomId) -> AsyncIterator["_Answer | o.Unknown"]:
        """The pages of a list of agents; whoever reads them stops at one that is no page."""
        query = {"room_id": room, "limit": str(AGENTS_A_PAGE)}
        for _ in range(PAGES_MAX):
            answer = await self._call(self._requests.get, path, query)
            yield answer
            cursor = None if isinstance(answer, o.Unknown) else forms.next_page(answer[2])
            if cursor is None or cursor == query.get("cursor_after"):
                return
            query["cursor_after"] = cursor

    async def _call(self, make: Callable[..., httpx.Request], *words: Any) -> "_Answer | o.Unknown":
        """One request, made of ``words``, sent once, over within the time-out."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._send(make(*words))
        except TimeoutError:
            return o.Unknown("no answer in time")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return o.Unknown(type(error).__name__)

    async def _send(self, request: httpx.Request) -> "_Answer | o.Unknown":
        async with aclosing(await self._client.handle_async_request(request)) as response:
            body = bytearray()
            async for chunk in _chunks(response):
                body += chunk
                if len(body) > BODY_MAX:
                    return o.Unknown("an answer without end")
            return response.status_code, response.headers, bytes(body)


def _chunks(response: httpx.Response) -> AsyncIterable[bytes]:
    """The body, unpacked. One that is not packed is taken as it comes, past three generators."""
    if "content-encoding" in response.headers or not isinstance(response.stream, httpx.AsyncByteStream):
        return response.aiter_bytes()
    return response.stream


_Answer = tuple[int, Mapping[str, str], bytes]
