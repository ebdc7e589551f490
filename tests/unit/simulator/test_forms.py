"""Every form has exactly the keys and types of the fixture it came from."""

import json
from pathlib import Path

import pytest

from qiscus_simulator import forms, webhooks
from qiscus_simulator.platform import EXCEEDS_MAX, AssignRequest, Refused

START = 1_700_000_000.0
FIXTURES = Path(__file__).parents[2] / "fixtures"
FORMS = Path(forms.__file__).parent / "forms"
ALLOCATE = sorted(path.stem for path in (FIXTURES / "webhooks/caa").glob("*.json"))
RESOLVE = sorted(path.stem for path in (FIXTURES / "webhooks/resolve").glob("*.json"))
NULLABLE = {"avatar_url", "latest_service", "candidate_agent", "notes", "contact_id", "room_badge", "user_id"}


def fixture(name):
    return json.loads((FIXTURES / f"{name}.json").read_text())


def differences(made, recorded, where=""):
    """Tell where two JSON values differ in keys or types; lists are compared by their first element."""
    if where.rpartition(".")[2] in NULLABLE and (made is None or recorded is None):
        return []
    if type(made) is not type(recorded):
        return [f"{where}: {made!r} is not like {recorded!r}"]
    if isinstance(recorded, dict):
        if made.keys() != recorded.keys():
            return [f"{where}: keys {sorted(made.keys() ^ recorded.keys())}"]
        return [text for key in recorded for text in differences(made[key], recorded[key], f"{where}.{key}")]
    if isinstance(recorded, list) and made and recorded:
        return differences(made[0], recorded[0], f"{where}[]")
    return []


@pytest.fixture
def agent(platform):
    return platform.agents[1]


@pytest.fixture
def returning(platform, room):
    """The room again, its customer back after a session."""
    platform.resolve(room.id, 9, START + 5)
    platform.come_back(room, START + 6)
    return room


@pytest.fixture
def resolved(platform, room):
    platform.assign(AssignRequest(room_id=room.id, agent_id=1, max_agent=1, replace_latest=False), START)
    return platform.resolve(room.id, 1, START + 5)


def test_the_shipped_forms_are_the_recorded_ones():
    for folder, source in (("caa", "webhooks/caa"), ("resolve", "webhooks/resolve"), ("errors", "errors")):
        names = {path.name for path in (FORMS / folder).iterdir()}
        assert names == {path.name for path in (FIXTURES / source).iterdir()}
    for path in FORMS.rglob("*.json"):
        source = path.parent.name if path.parent.name in {"errors", "responses"} else f"webhooks/{path.parent.name}"
        assert json.loads(path.read_text()) == fixture(f"{source}/{path.stem}")


@pytest.mark.parametrize("form", ALLOCATE)
def test_allocation_webhooks_of_a_new_customer(form, platform, room):
    platform.agents[2].online = False
    body, recorded = webhooks.allocate_body(form, platform, room, START), fixture(f"webhooks/caa/{form}")
    assert differences(body, recorded) == []
    assert (body["room_id"], body["app_id"], body["source"]) == (room.id, "sim-demo", "wa")
    assert (body["is_resolved"], body["latest_service"]) == (False, None)


@pytest.mark.parametrize("form", ALLOCATE)
def test_allocation_webhooks_of_a_returning_customer_tell_of_the_past_session(form, platform, returning):
    body = webhooks.allocate_body(form, platform, returning, START)
    past = fixture("webhooks/caa/2019-doc-returning-room")["latest_service"]
    assert body["is_resolved"] is True
    assert differences(body["latest_service"], past) == []
    assert body["latest_service"]["room_id"] == returning.id
    assert body["latest_service"]["id"] == returning.past.id


def test_the_candidate_is_null_when_nobody_is_online(platform, room):
    for agent in platform.agents.values():
        agent.online = False
    body = webhooks.allocate_body("2023-real-widget-candidate-last-login", platform, room, START)
    assert body["candidate_agent"] is None


@pytest.mark.parametrize("form", RESOLVE)
def test_resolve_webhooks(form, platform, resolved):
    body = webhooks.resolve_body(form, platform, resolved, None)
    assert differences(body, fixture(f"webhooks/resolve/{form}")) == []
    assert body["service"]["id"] == resolved.room.session.id
    assert body["service"]["room_id"] == resolved.room.id


def test_answers_about_agents(agent):
    for made, name in (
        (forms.agent_one(agent, START), "agent_by_id_v2"),
        (forms.agents_by_ids([agent], START), "agents_get_by_ids_v1"),
        (forms.agents_list([agent], START, 1, 20), "agents_v2"),
        (forms.allocated(agent, START), "allocate_agent"),
        (forms.agents_array([agent], START), "available_agents_array_variant"),
        (forms.agents_page([agent], START, None, None, 20), "available_agents_v2"),
        (forms.agents_page([], START, None, None, 20), "available_agents_v2_empty"),
        (forms.agents_page([agent], START, "x", None, 20), "other_agents_v2"),
    ):
        assert differences(made, fixture(f"responses/{name}"), name) == []


def test_answers_about_rooms_and_assigns(agent, room):
    view = room.views.now
    for made, name in (
        (forms.room_one(room, view), "customer_room_by_id_v2"),
        (forms.rooms_page([(room, view)], 1), "customer_rooms_v2"),
        (forms.assigned(agent, room, START, with_service=False), "assign_agent"),
        (forms.assigned(agent, room, START, with_service=True), "assign_agent_with_service"),
    ):
        assert differences(made, fixture(f"responses/{name}"), name) == []


def test_answers_about_resolves_and_settings(resolved):
    made = forms.resolved(resolved, "done", START)
    assert differences(made, fixture("responses/mark_as_resolved")) == []
    made = forms.app_settings("sim-demo", "http://a", "http://r")
    assert differences(made, fixture("responses/set_mark_as_resolved_webhook")) == []


def test_errors():
    exceeds = Refused(status=400, why=EXCEEDS_MAX, as_object=False)
    assert forms.refusal(exceeds, as_object=False) == fixture("errors/assign_400_exceed_max_agents")
    resolved = Refused(status=400, why="Room already resolved", as_object=False)
    assert forms.refusal(resolved, as_object=False) == fixture("errors/assign_400_already_resolved")
    bad_agent = Refused(status=400, why="agent_id is invalid", as_object=True)
    assert forms.refusal(bad_agent, as_object=False) == fixture("errors/errors_object_variant")
    assert forms.unauthorized() == fixture("errors/unauthorized_401")
    assert forms.forbidden() == fixture("errors/forbidden_403_traceid")


def test_secrets_stay_redacted(agent, resolved):
    text = json.dumps([forms.agents_by_ids([agent], START), forms.resolved(resolved, None, START)])
    for key in ("authentication_token", "sdk_key", "qismo_key"):
        assert f'"{key}": "REDACTED"' in text
