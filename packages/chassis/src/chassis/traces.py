"""Traces: one for each customer, from the webhook to the agent, through both services.

    webhook, durable ──▶ trace parent in the event ──▶ in the session's row ──▶ recorded, waits, reserved, assigned

What travels is a *trace parent* as W3C Trace Context has it (version 00): the trace, and the span that what follows
hangs on. It waits with the customer, so a change of leader loses none of it.

Where no endpoint is set there is no :class:`Tracer`: nobody has to ask one, and ``otlp.py``, which sends them, is not
even loaded.

Does not promise: a span. They are dropped, and counted, rather than waited for.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, Self
from urllib.parse import unquote

from prometheus_client import CollectorRegistry, Counter

from chassis.settings import Kind, optional, setting, url

_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 1
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a trace, by their ids. ``is_sampled`` False: whoever began the trace does not keep it."""

    trace: int
    span: int
    is_sampled: bool = True

    @classmethod
    def first(cls) -> Self:
        """The first of a new trace."""
        return cls(int.from_bytes(os.urandom(16)) or 1, _new_id())

    def below(self) -> "Place":
        """Another one of the same trace."""
        return Place(self.trace, _new_id(), self.is_sampled)

    def __str__(self) -> str:
        return f"00-{self.trace:032x}-{self.span:016x}-{int(self.is_sampled):02x}"


def place_of(text: str) -> Place | None:
    """The place that a trace parent names; None: ``text`` is none."""
    found = _PARENT.fullmatch(text)
    if found is None:
        return None
    trace, span, flags = (int(part, 16) for part in found.groups())
    return Place(trace, span, bool(flags & _SAMPLED)) if trace and span else None


def _new_id() -> int:
    return int.from_bytes(os.urandom(8)) or 1


class Role(StrEnum):
    """What a span is to the other side, in OpenTelemetry's words."""

    SERVER = "server"
    INTERNAL = "internal"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Something that is over. Times are Unix nanoseconds. This is all that a trace can say: there is no field for a
    name, an address or a text of anybody's.
    """

    name: str
    role: Role
    place: Place
    parent: Place | None
    began_ns: int
    ended_ns: int
    app: str
    room: str
    reason: str | None = None
    """A word of ours."""
    outcome: str | None = None
    """A word of ours."""
    agent: int | None = None


class Tracer(Protocol):
    """Whoever wants spans."""

    def tell(self, span: Span) -> None:
        """``span`` happened. Never fails, never waits."""


def endpoint_setting() -> Any:
    """The setting that turns traces on, by the name that OpenTelemetry gives it."""
    return setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        optional(url("http", "https")),
        default="",
        doc="where traces go, by OTLP over HTTP (`/v1/traces` is added); if not set there are none",
    )


def headers_setting() -> Any:
    """What the endpoint wants to see of us."""
    allowed = "name=value, several with commas between them, values percent-encoded"
    return setting(
        "OTEL_EXPORTER_OTLP_HEADERS",
        Kind(_headers, allowed),
        default="",
        doc="headers that go with traces, as `authorization=Bearer%20…`",
        secret=True,
    )


def _headers(raw: str) -> dict[str, str]:
    pairs = [one.partition("=") for one in raw.split(",") if one.strip()]
    found = {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}
    if not all(_HEADER.fullmatch(name) and value.isprintable() and value.isascii() for name, value in found.items()):
        raise ValueError
    return found


def spans_counted(registry: CollectorRegistry) -> Counter:
    """What became of spans. There is no series of it where traces are off."""
    text = "Spans of traces, where they are on: sent, dropped because too many wait, failed at the endpoint."
    return Counter("antre_trace_spans", text, ["outcome"], registry=registry)


@contextlib.contextmanager
def tracing(
    endpoint: str | None, headers: Mapping[str, str], service: str, version: str, registry: CollectorRegistry
) -> Iterator[Tracer | None]:
    """Meanwhile send traces to ``endpoint``, as ``service``; None: nowhere."""
    if endpoint is None:
        yield None
        return
    from chassis.otlp import Otlp  # noqa: PLC0415 - loaded only where it is wanted

    about = {"service.name": f"antre-{service}", "service.version": version}
    tracer = Otlp(endpoint, headers, about, registry)
    try:
        yield tracer
    finally:
        tracer.close()
