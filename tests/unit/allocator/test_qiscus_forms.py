"""The platform's answers become values: recorded ones the right value, any other one some value."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.adapters import qiscus_forms as forms
from allocator.core import outcomes as o
from allocator.core.ids import AgentId
from allocator.core.roster import Seen

FIXTURES = Path(__file__).parents[2] / "fixtures"
NOW = datetime(2025, 6, 1, tzinfo=UTC)
AGENT = AgentId(164868)
STATUSES = [
    100,
    200,
    201,
    204,
    301,
    302,
    307,
    400,
    401,
    403,
    404,
    405,
    408,
    409,
    418,
    422,
    429,
    500,
    502,
    503,
    504,
    599,
]


def response(name):
    return (FIXTURES / "responses" / f"{name}.json").read_bytes()


def error(name):
    return (FIXTURES / "errors" / f"{name}.json").read_bytes()


def seen(agent, online, count, *divisions, email=None):
    return Seen(agent=AgentId(agent), online=online, count=count, divisions=frozenset(divisions), email=email)


class TestRecordedAnswers:
    @pytest.mark.parametrize("name", ["assign_agent", "assign_agent_with_service"])
    def test_an_assign_that_added_our_agent_is_done(self, name):
        body = response(name)
        agent = json.loads(body)["data"]["added_agent"]["id"]
        assert forms.assign_outcome(200, {}, body, AgentId(agent)) == o.Done()

    def test_an_assign_that_added_another_agent_is_unknown(self):
        assert isinstance(forms.assign_outcome(200, {}, response("assign_agent"), AgentId(1)), o.Unknown)

    def test_a_room_with_an_agent_refuses_a_second(self):
        assert forms.assign_outcome(400, {}, error("assign_400_exceed_max_agents"), AGENT) == o.SomebodyThere()

    def test_a_resolved_room_is_over(self):
        assert forms.assign_outcome(400, {}, error("assign_400_already_resolved"), AGENT) == o.AlreadyOver()

    def test_any_other_400_is_about_this_agent(self):
        outcome = forms.assign_outcome(400, {}, error("errors_object_variant"), AGENT)
        assert outcome == o.AgentRefused("HTTP 400")

    @pytest.mark.parametrize(("status", "name"), [(401, "unauthorized_401"), (403, "forbidden_403_traceid")])
    def test_refused_credentials_concern_the_app(self, status, name):
        assert forms.assign_outcome(status, {}, error(name), AGENT) == o.CredentialsRefused()
        assert forms.room_view(status, {}, error(name)) == o.NotSeen(o.CredentialsRefused())

    def test_who_may_take_a_room_are_agents_with_their_counts_and_whether_they_are_online(self):
        agents = forms.roster_page(response("available_agents_v2"))
        assert seen(164867, True, 2, "default", email="agent4@example.com") in agents
        assert seen(164868, True, 1, "default", email="agent5@example.com") in agents
        assert seen(164869, False, 0, email="agent6@example.com") in agents

    def test_supervisors_and_admins_on_the_list_are_no_agents(self):
        listed = json.loads(response("available_agents_v2"))["data"]["agents"]
        agents = {one["id"] for one in listed if one["type"] == 2}
        assert {one.agent for one in forms.roster_page(response("available_agents_v2"))} == agents
        assert len(agents) < len(listed)

    def test_an_agents_address_is_shown_nowhere(self):
        assert all("@" not in repr(one) for one in forms.roster_page(response("available_agents_v2")))

    def test_who_was_set_offline_by_somebody_is_offline(self):
        body = b'{"data": {"agents": [{"id": 1, "type": 2, "is_available": true, "force_offline": true}]}}'
        assert forms.roster_page(body) == (seen(1, False, 0),)

    def test_an_empty_list_is_nobody_not_a_failure(self):
        assert forms.roster_page(response("available_agents_v2_empty")) == ()

    def test_the_older_form_with_a_bare_list_is_read_too(self):
        assert forms.roster_page(response("available_agents_array_variant")) == (
            seen(22, True, 0, email="agent.a@example.com"),
        )

    def test_the_suggested_agent_is_a_roster_of_one(self):
        assert forms.suggestion(response("allocate_agent")) == (seen(164867, True, 0, email="agent4@example.com"),)

    def test_whoever_is_not_in_a_room_is_listed_by_id(self):
        listed = json.loads(response("other_agents_v2"))["data"]["agents"]
        assert forms.ids_page(response("other_agents_v2")) == {one["id"] for one in listed}

    def test_a_room_that_waits(self):
        assert forms.room_view(200, {}, response("customer_room_by_id_v2")) == o.Waits()

    def test_the_rooms_that_wait_in_the_list(self):
        rooms, rows, cursor = forms.unserved_page(response("customer_rooms_v2"), NOW)
        listed = json.loads(response("customer_rooms_v2"))
        wanted = [one for one in listed["data"]["customer_rooms"] if one["is_waiting"] and not one["is_resolved"]]
        assert [one.room for one in rooms] == [one["room_id"] for one in wanted]
        assert rows == len(listed["data"]["customer_rooms"])
        assert cursor == listed["meta"]["cursor_after"]
        assert all(one.since.tzinfo is not None and one.since <= NOW for one in rooms)
        assert rooms[0].source == "tiktok"
        assert rooms[0].channel == "110"

    @pytest.mark.parametrize("path", sorted(FIXTURES.glob("responses/*.json")), ids=lambda path: path.stem)
    @pytest.mark.parametrize("status", [200, 400, 500])
    def test_every_recorded_answer_to_any_call_becomes_a_value(self, path, status):
        read_in_every_way(status, {}, path.read_bytes())


@pytest.mark.parametrize(
    ("flags", "view"),
    [
        ({"is_waiting": True, "is_resolved": False}, o.Waits()),
        ({"is_waiting": True, "is_resolved": True}, o.Waits()),
        ({"is_waiting": False, "is_resolved": True}, o.Over()),
        ({"is_waiting": False, "is_resolved": False}, o.Served(ours=False)),
    ],
)
def test_what_a_room_shows(flags, view):
    body = json.dumps({"data": {"customer_room": flags}}).encode()
    assert forms.room_view(200, {}, body) == view


def test_a_room_that_is_not_there():
    assert forms.room_view(404, {}, b"") == o.Missing()


@pytest.mark.parametrize(
    "flags", [{}, {"is_waiting": None}, {"is_waiting": "true"}, {"is_waiting": False}, {"is_resolved": False}]
)
def test_a_room_that_does_not_say_how_it_is_was_not_seen(flags):
    body = json.dumps({"data": {"customer_room": flags}}).encode()
    assert isinstance(forms.room_view(200, {}, body), o.NotSeen)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 301, 302, 307, 308, 100, 408])
def test_a_server_in_trouble_a_redirect_or_a_time_out_leaves_it_open_whether_it_took_effect(status):
    assert isinstance(forms.assign_outcome(status, {"location": "https://elsewhere"}, b"", AGENT), o.Unknown)


@pytest.mark.parametrize("status", [404, 422])
def test_a_room_that_cannot_be_served(status):
    assert forms.assign_outcome(status, {}, b"", AGENT) == o.RoomRefused(f"HTTP {status}")


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("-3", 0.0),
        ("", 5.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 5.0),
        ("nan", 0.0),
        ("1e3", 1000.0),
    ],
)
def test_how_long_the_platform_wants_to_be_left_alone(header, pause_s):
    assert forms.assign_outcome(429, {"retry-after": header}, b"", AGENT) == o.NotNow(pause_s)
    assert forms.assign_outcome(429, {}, b"", AGENT) == o.NotNow(5.0)


ODD = {
    "html": b"<!doctype html><title>Maintenance</title>",
    "half": response("assign_agent")[:200],
    "nothing": b"",
    "null": b"null",
    "a number": b"17",
    "a list": b"[]",
    "a text": b'"ok"',
    "data null": b'{"data": null}',
    "data a list": b'{"data": []}',
    "data a text": b'{"data": "done"}',
    "deep": b"[" * 100_000,
    "deep objects": b'{"data":' * 50_000,
    "not utf-8": b'{"data": "\xff\xfe"}',
    "surrogate": b'{"data": "\\ud800"}',
    "large number": b'{"data": {"added_agent": {"id": 1e400}}}',
    "larger number": b'{"data": {"agents": [{"id": ' + b"9" * 5000 + b"}]}}",
    "id a text": b'{"data": {"added_agent": {"id": "164868"}}}',
    "id true": b'{"data": {"added_agent": {"id": true}}}',
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_an_odd_answer_to_an_assign_is_unknown_never_done(body):
    assert isinstance(forms.assign_outcome(200, {}, body, AgentId(1)), o.Unknown)


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("status", STATUSES)
def test_an_odd_answer_to_anything_becomes_a_value(body, status):
    read_in_every_way(status, {"retry-after": "x"}, body)


@pytest.mark.parametrize("number", [-1, 2**63, 2**64, 10**30, 10**400])
def test_a_number_that_no_agent_can_have_is_nobody(number):
    agent = {"id": number, "type": 2, "is_available": True, "current_customer_count": 1, "count": 1}
    assert forms.roster_page(json.dumps({"data": {"agents": [agent]}}).encode()) in ((), None)
    assert forms.suggestion(json.dumps({"data": {"agent": agent}}).encode()) in ((), None)


@pytest.mark.parametrize("count", [-3, None, "2", 1.5, True])
def test_a_count_that_is_none_counts_as_nobody(count):
    agent = {"id": 1, "type": 2, "is_available": True, "current_customer_count": count}
    assert forms.roster_page(json.dumps({"data": {"agents": [agent]}}).encode()) == (seen(1, True, 0),)


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("2019-02-04 04:49:47", datetime(2019, 2, 4, 4, 49, 47, tzinfo=UTC)),
        ("2021-11-12T01:24:18", datetime(2021, 11, 12, 1, 24, 18, tzinfo=UTC)),
        ("2023-11-07T03:41:11Z", datetime(2023, 11, 7, 3, 41, 11, tzinfo=UTC)),
        ("2023-11-07T10:41:11+07:00", datetime(2023, 11, 7, 3, 41, 11, tzinfo=UTC)),
        ("2999-01-01T00:00:00Z", NOW),
        ("yesterday", NOW),
        ("", NOW),
        (None, NOW),
        (17, NOW),
        ("0001-01-01T00:00:00+14:00", NOW),
        ("9999-12-31T23:59:59Z", NOW),
        ("9999-12-31T23:59:59-14:00", NOW),
    ],
)
def test_since_when_a_room_waits_in_each_form_of_a_time_the_platform_has(text, since):
    row = {"room_id": "1", "is_waiting": True, "is_resolved": False, "source": "wa", "last_customer_timestamp": text}
    rooms, _, _ = forms.unserved_page(json.dumps({"data": {"customer_rooms": [row]}}).encode(), NOW)
    assert [one.since for one in rooms] == [since]


@pytest.mark.parametrize("room", [None, True, 1.5, [], {}])
def test_a_row_without_a_room_is_passed_over(room):
    row = {"room_id": room, "is_waiting": True, "is_resolved": False}
    assert forms.unserved_page(json.dumps({"data": {"customer_rooms": [row]}}).encode(), NOW)[0] == []


plain = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
NAMES = """
data added_agent id agents agent customer_rooms customer_room room_id is_waiting is_resolved meta after cursor_after
type is_available current_customer_count count last_customer_timestamp channel_id source
webhook_configs url is_active
"""
names = st.sampled_from(NAMES.split())
shapes = st.recursive(plain, lambda some: st.lists(some, max_size=3) | st.dictionaries(names, some, max_size=4))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(STATUSES), shapes)
def test_any_shape_becomes_a_value(status, shape):
    read_in_every_way(status, {}, json.dumps(shape).encode())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(STATUSES), st.binary(max_size=40), st.text(max_size=10))
def test_any_bytes_become_a_value(status, body, header):
    read_in_every_way(status, {"retry-after": header}, body)


def read_in_every_way(status, headers, body):
    """As an answer to every call there is; what comes out is always one of the values that are expected."""
    assert isinstance(forms.assign_outcome(status, headers, body, AGENT), o.Outcome)
    assert isinstance(forms.room_view(status, headers, body), o.View)
    for page in (forms.roster_page(body), forms.suggestion(body)):
        assert page is None or all(0 <= one.agent < 2**63 and one.count >= 0 for one in page)
    assert forms.resolve_webhooks(body) is None or all(isinstance(url, str) for url in forms.resolve_webhooks(body))
    assert forms.ids_page(body) is None or isinstance(forms.ids_page(body), frozenset)
    page = forms.unserved_page(body, NOW)
    assert page is None or all(one.since.astimezone(UTC) <= NOW for one in page[0])
    assert forms.next_page(body) is None or isinstance(forms.next_page(body), str)
    assert isinstance(forms.read_failure(status, headers), o.Unknown | o.NotNow | o.CredentialsRefused)
