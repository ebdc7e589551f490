"""The bodies of the two webhooks, in every recorded form, old and new. Pure.

A form is chosen by the caller by name. Ids, room, app, source, customer and agent are filled in; the rest (avatars,
``extras`` as JSON in a string, nulls) stays as recorded.
"""

from random import Random
from typing import Final

from qiscus_simulator import forms
from qiscus_simulator.platform import Platform, Resolved
from qiscus_simulator.values import Agent, AgentType, Channel, Json, Room, Session

ALLOCATE_FORMS: Final = forms.load("caa")
RESOLVE_FORMS: Final = forms.load("resolve")
PAST_SERVICE: Final[Json] = ALLOCATE_FORMS["2019-doc-returning-room"]["latest_service"]
FIRST_COMMENT: Final = 2_487_000_000
"""Comment ids are above 2^31, as recorded."""
OFFLINE_FORM: Final = "constructed-candidate-offline"
SUPERVISOR_FORM: Final = "constructed-candidate-supervisor"


def allocate_body(form: str, platform: Platform, room: Room, as_of: float) -> Json:
    """Return a Custom Agent Allocation webhook; ``as_of`` is the moment whose counts pick the candidate."""
    template = ALLOCATE_FORMS[form]
    past = room.past
    body = {
        **template,
        "app_id": platform.app_id,
        "source": room.channel.key,
        "name": room.customer.name,
        "email": room.customer.user_id,
        "room_id": room.id,
        "is_resolved": past is not None,
        "latest_service": None if past is None else _past_service(past, room.id),
        "candidate_agent": _candidate(form, platform, room, as_of),
    }
    return _with_app_and_channel(template, body, platform.app_id, room.channel)


def resolve_body(form: str, platform: Platform, result: Resolved, notes: str | None) -> Json:
    """Return a Mark As Resolved webhook. ``resolved_by`` is who resolved, often not who served."""
    template, room, by = RESOLVE_FORMS[form], result.room, result.by
    customer = {"name": room.customer.name, "user_id": room.customer.user_id}
    last_comment = FIRST_COMMENT + room.session.id * 100 + 99
    as_int = isinstance(template["service"]["last_comment_id"], int)
    service = {
        **template["service"],
        "id": room.session.id,
        "room_id": room.id,
        "notes": notes,
        "first_comment_id": str(FIRST_COMMENT + room.session.id * 100),
        "last_comment_id": last_comment if as_int else str(last_comment),
        "source": room.channel.key,
    }
    known = {name: customer[name] for name in customer if name in template["customer"]}
    resolved_by = {
        "email": by.email,
        "id": by.id,
        "is_available": by.online,
        "name": by.name,
        "type": by.type.word,
    }
    body = {
        **template,
        "customer": {**template["customer"], **known},
        "resolved_by": resolved_by,
        "service": service,
    }
    return _with_app_and_channel(template, body, platform.app_id, room.channel)


def pick_allocate_form(random: Random) -> str:
    """Choose a form for an allocation webhook."""
    return random.choice(tuple(ALLOCATE_FORMS))


def pick_resolve_form(random: Random) -> str:
    """Choose a form for a resolve webhook."""
    return random.choice(tuple(RESOLVE_FORMS))


def _with_app_and_channel(template: Json, body: Json, app_id: str, channel: Channel) -> Json:
    if "app_code" in template:
        body["app_code"] = app_id
    if "channel" in template:
        body["channel"] = {"id": channel.id, "name": channel.name, "source": channel.key}
    return body


def _past_service(past: Session, room_id: str) -> Json:
    resolved = forms.spaced(past.resolved_at or past.opened_at)
    return {
        **PAST_SERVICE,
        "id": past.id,
        "user_id": past.resolved_by,
        "room_log_id": past.id,
        "room_id": room_id,
        "resolved_at": resolved,
        "created_at": forms.spaced(past.opened_at),
        "updated_at": resolved,
        "first_comment_id": str(FIRST_COMMENT + past.id * 100),
        "last_comment_id": str(FIRST_COMMENT + past.id * 100 + 99),
        "retrieved_at": forms.spaced(past.retrieved_at or past.opened_at),
    }


def _candidate(form: str, platform: Platform, room: Room, as_of: float) -> Json | None:
    template = ALLOCATE_FORMS[form]["candidate_agent"]
    agent = _candidate_agent(form, platform, room, as_of)
    return None if template is None or agent is None else forms.candidate(template, agent)


def _candidate_agent(form: str, platform: Platform, room: Room, as_of: float) -> Agent | None:
    eligible = platform.eligible(room.channel.key)
    if form == SUPERVISOR_FORM:
        return next((agent for agent in eligible if agent.type is AgentType.SUPERVISOR), None)
    if form == OFFLINE_FORM:
        offline = (agent for agent in eligible if agent.type is AgentType.AGENT and not agent.online)
        return next(offline, None)
    return platform.least_busy(room.channel.key, as_of, ignore_availability=False)
