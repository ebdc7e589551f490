"""The traces of webhooks that tell of a waiting customer: ``webhook`` for all of it, ``durable`` for the write.

A caller's own trace is gone on with where the request names one (``traceparent``) and keeps it; where it says that it
does not keep it, there is none.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from time import time_ns

from chassis.traces import Place, Role, Span, Tracer, place_of
from contract import Event, RoomWaiting
from contract.events import traced

HEADER = b"traceparent"
_LENGTH = 55
"""Bytes of a trace parent of version 00: nothing longer is looked at."""


async def publish_traced(
    tracer: Tracer,
    publish: Callable[[Event], Awaitable[None]],
    event: RoomWaiting,
    headers: Iterable[tuple[bytes, bytes]],
    began_ns: int,
) -> None:
    """Publish ``event``, which takes its trace along. Raises what ``publish`` raises."""
    caller = _caller(headers)
    if caller is not None and not caller.is_sampled:
        await publish(event)
        return
    here = Place.first() if caller is None else caller.below()
    publishing_ns, outcome = time_ns(), "unavailable"
    try:
        await publish(traced(event, str(here)))
        outcome = "accepted"
    finally:
        durable = Span(
            name="durable",
            role=Role.INTERNAL,
            place=here.below(),
            parent=here,
            began_ns=publishing_ns,
            ended_ns=time_ns(),
            app=event.app,
            room=event.room,
            outcome=outcome,
        )
        tracer.tell(durable)
        tracer.tell(replace(durable, name="webhook", role=Role.SERVER, place=here, parent=caller, began_ns=began_ns))


def _caller(headers: Iterable[tuple[bytes, bytes]]) -> Place | None:
    """Where the caller is in a trace, if it says so once and well."""
    found = [value for name, value in headers if name == HEADER]
    if len(found) != 1 or len(found[0]) != _LENGTH:
        return None
    return place_of(found[0].decode("latin-1"))
