"""Kubernetes: the only module that knows kopf and the cluster's API.

kopf watches and tells that something changed, whatever it was; then all objects are listed. So nothing hangs on an
event that was missed, and no object gets a finalizer or an annotation. Status and events are written with a client of
ours, on the credentials that kopf finds: those of the pod's service account, or of a kubeconfig.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import kopf

from allocator.core.claims import PolicyObject
from allocator.core.spec import API_VERSION, KIND
from allocator.core.standing import Condition
from allocator.ports import Unavailable

GROUP, VERSION = API_VERSION.split("/")
PLURAL = "allocationpolicies"
PAGE = 250
CALL_TIMEOUT_S = 10.0
EVERYWHERE = "*"
NOT_FOUND, FORBIDDEN = 404, 403
_MISSING = "the cluster does not know AllocationPolicy; apply its CustomResourceDefinition"
_FORBIDDEN = "the cluster does not let us; the Role of the operator is missing or of another namespace"


class KubernetesObjects:
    """The :class:`~allocator.ports.PolicyObjects` of ``namespace``; ``*``: of all; None: of the one we run in."""

    def __init__(self, namespace: str | None) -> None:
        self._settings = kopf.OperatorSettings()
        self.namespace = namespace or _credentials(self._settings).default_namespace or "default"
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_TIMEOUT_S))
        self._trust: dict[str, ssl.SSLContext] = {}

    async def all(self) -> Sequence[PolicyObject]:
        """See the port."""
        found: list[PolicyObject] = []
        more: str | None = ""
        while more is not None:
            page = await self._call("GET", self._path(), params={"limit": str(PAGE), "continue": more})
            found += map(_object, page["items"])
            more = page["metadata"].get("continue") or None
        return found

    async def say(self, one: PolicyObject, status: Mapping[str, Any], news: Sequence[Condition]) -> None:
        """See the port."""
        path = f"/apis/{API_VERSION}/namespaces/{one.namespace}/{PLURAL}/{one.name}/status"
        try:
            await self._call("PATCH", path, {"status": status}, kind="application/merge-patch+json")
            for found in news:
                await self._call("POST", f"/api/v1/namespaces/{one.namespace}/events", _event(one, found))
        except _Gone:
            return

    async def watch(self, wake: Callable[[], None], stop: asyncio.Event) -> None:
        """Call ``wake`` whenever an object changes, until ``stop``."""
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        def _(**_: Any) -> kopf.ConnectionInfo:
            return _credentials(self._settings)

        @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
        async def _(**_: Any) -> None:
            wake()

        self._settings.scanning.disabled = True  # it would need rights on all namespaces and definitions
        self._settings.posting.enabled = False
        logging.getLogger("kopf").setLevel(logging.WARNING)  # at info it tells of every object
        everywhere = self.namespace == EVERYWHERE
        await kopf.operator(
            registry=registry,
            settings=self._settings,
            standalone=True,
            clusterwide=everywhere,
            namespaces=() if everywhere else (self.namespace,),
            stop_flag=stop,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def _path(self) -> str:
        where = "" if self.namespace == EVERYWHERE else f"/namespaces/{self.namespace}"
        return f"/apis/{API_VERSION}{where}/{PLURAL}"

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> Any:
        credentials = _credentials(self._settings)  # a service account's token is another one every hour
        headers = {**credentials.as_http_headers(), "Content-Type": kind}
        async with (
            _translated(),
            self._session.request(
                method,
                credentials.server + path,
                json=body,
                params=params,
                headers=headers,
                ssl=self._trusted(credentials),
            ) as answer,
        ):
            if method != "GET" and await _is_going(answer):
                raise _Gone
            if answer.status >= 400:  # noqa: PLR2004 - HTTP's status codes are known by their numbers
                raise Unavailable(_MEANINGS.get(answer.status, f"the cluster answers HTTP {answer.status}"))
            return await answer.json()

    def _trusted(self, credentials: kopf.ConnectionInfo) -> ssl.SSLContext:
        if credentials.server not in self._trust:
            self._trust[credentials.server] = credentials.as_ssl_context()
        return self._trust[credentials.server]


_MEANINGS = {NOT_FOUND: _MISSING, FORBIDDEN: _FORBIDDEN}


class _Gone(Exception):
    """The object, or its namespace, is not there any more, or is just going."""


async def _is_going(answer: aiohttp.ClientResponse) -> bool:
    """What is asked for is not there, or its namespace is being deleted, where nothing new may be made."""
    if answer.status == FORBIDDEN:
        causes = ((await answer.json()).get("details") or {}).get("causes") or ()
        return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
    return answer.status == NOT_FOUND


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kubernetes: {type(error).__name__}") from error


def _credentials(settings: kopf.OperatorSettings) -> kopf.ConnectionInfo:
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    if found is None:
        raise Unavailable("there is no cluster: neither a service account's token nor a kubeconfig")
    return found


def _object(raw: Mapping[str, Any]) -> PolicyObject:
    of = raw["metadata"]
    return PolicyObject(
        namespace=of["namespace"],
        name=of["name"],
        uid=of["uid"],
        generation=of["generation"],
        created_at=datetime.fromisoformat(of["creationTimestamp"]),
        spec=raw.get("spec"),
        status=raw.get("status") or {},
    )


def _event(one: PolicyObject, found: Condition) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "metadata": {"generateName": f"{one.name[:200]}.", "namespace": one.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": one.name,
            "namespace": one.namespace,
            "uid": one.uid,
        },
        "type": "Normal" if found.good else "Warning",
        "reason": found.reason if found.type in found.reason else f"{found.type}{found.reason}",
        "message": found.message[:1024],
        "source": {"component": "antre-operator"},
        "firstTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lastTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "count": 1,
    }
