"""The platform's JSON to our events: every recorded sample, and everything that can be wrong."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract import AppId, EventId, RoomResolved, RoomWaiting, encode
from webhook_gateway.translate import Fault, Ignored, Rejected, Stamp, allocation, resolve

SAMPLES = Path(__file__).parents[2] / "fixtures" / "webhooks"
APP = AppId("demoo-a1b2c3d4e5f6g7h")
STAMP = Stamp(app=APP, id=EventId("0190163d8694739bae5b0b1a2c3d4e5f"), received_ms=1_700_000_000_000)

WAITING = {
    "2019-doc-returning-room": ("1905692", "qiscus", None),
    "2021-real-widget-candidate": ("57491250", "qiscus", None),
    "2023-real-widget-candidate-last-login": ("187250792", "qiscus", None),
    "2024-real-candidate-null": ("273683234", "qiscus", None),
    "2025-doc-head-constructed-tail-wa": ("301234567", "wa", "3221"),
    "constructed-candidate-offline": ("187250792", "qiscus", None),
    "constructed-candidate-supervisor": ("187250792", "qiscus", None),
    "constructed-fb": ("305956945", "fb", None),
    "constructed-ig": ("305956946", "ig", None),
    "constructed-line": ("305955297", "line", None),
    "constructed-telegram": ("305956947", "telegram", None),
}
RESOLVED = {
    "2019-doc-last-comment-int": ("1961380", 237788),
    "2021-real-by-agent": ("57398366", 32054304),
    "2023-real-by-admin-unicode-name": ("187259779", 78906598),
    "2024-real-by-admin-with-notes": ("274083256", 115830865),
    "2025-docshape-app-code-channel-wa": ("301234567", 150000001),
    "constructed-by-supervisor": ("187259779", 78906598),
    "constructed-line": ("305955297", 78906598),
}
OTHER = {
    # An agent pressed a button: the room has somebody, so nobody waits.
    "custom-button": Fault.ANOTHER_WEBHOOK,
    # These name their room elsewhere, and a message to the bot is no wish for an agent.
    "bot-message-wa": Fault.NO_ROOM_ID,
    "new-session-wa": Fault.NO_ROOM_ID,
}


@pytest.mark.parametrize("name", WAITING)
def test_a_recorded_allocation_webhook_becomes_a_room_that_waits(name):
    room, source, channel = WAITING[name]
    assert allocation(sample("caa", name), STAMP) == RoomWaiting(
        id=STAMP.id,
        app=APP,
        room=room,
        received_ms=STAMP.received_ms,
        source=source,
        channel=channel,
        previous=244 if name == "2019-doc-returning-room" else None,
    )


@pytest.mark.parametrize(
    ("latest", "previous"),
    [
        ({"id": 7, "is_resolved": True}, 7),
        ({"id": "8", "is_resolved": True}, 8),
        ({"id": 7, "is_resolved": False}, None),
        ({"id": -7, "is_resolved": True}, None),
        ({"id": [], "is_resolved": True}, None),
        ("none of it", None),
        (None, None),
    ],
)
def test_the_session_before_is_told_only_where_it_is_over(latest, previous):
    event = allocation(json.dumps({"room_id": "1", "latest_service": latest}).encode(), STAMP)
    assert isinstance(event, RoomWaiting)
    assert event.previous == previous


@pytest.mark.parametrize("name", RESOLVED)
def test_a_recorded_resolve_webhook_becomes_a_resolved_room(name):
    room, service = RESOLVED[name]
    assert resolve(sample("resolve", name), STAMP) == RoomResolved(
        id=STAMP.id, app=APP, room=room, received_ms=STAMP.received_ms, service=service
    )


@pytest.mark.parametrize("name", OTHER)
def test_other_webhooks_are_refused_on_the_allocation_path(name):
    assert allocation(sample("other", name), STAMP) == Rejected(OTHER[name])


@pytest.mark.parametrize("name", OTHER)
def test_other_webhooks_are_refused_on_the_resolve_path(name):
    assert resolve(sample("other", name), STAMP) == Rejected(Fault.NO_ROOM_ID)


def test_each_webhook_is_refused_on_the_others_path():
    assert resolve(sample("caa", "2024-real-candidate-null"), STAMP) == Rejected(Fault.NO_ROOM_ID)
    assert allocation(sample("resolve", "2021-real-by-agent"), STAMP) == Rejected(Fault.NO_ROOM_ID)


def test_every_sample_there_is_has_been_looked_at():
    names = lambda folder: {path.stem for path in (SAMPLES / folder).glob("*.json")}  # noqa: E731
    assert names("caa") == WAITING.keys()
    assert names("resolve") == RESOLVED.keys()
    assert names("other") == OTHER.keys()


@pytest.mark.parametrize(("given_id", "room"), [("187", "187"), (187, "187"), (0, "0"), (2**63 - 1, str(2**63 - 1))])
def test_a_room_id_may_be_a_text_or_a_number(given_id, room):
    assert allocation(body(room_id=given_id), STAMP).room == room
    assert resolve(resolve_body(room_id=given_id), STAMP).room == room


@pytest.mark.parametrize(
    ("given_id", "fault"),
    [
        (None, Fault.NO_ROOM_ID),
        ("", Fault.NO_ROOM_ID),
        (True, Fault.WRONG_SHAPE),
        (1.5, Fault.WRONG_SHAPE),
        (1e300, Fault.WRONG_SHAPE),
        ([], Fault.WRONG_SHAPE),
        ({"id": 1}, Fault.WRONG_SHAPE),
        (-1, Fault.BAD_ROOM_ID),
        (2**63, Fault.BAD_ROOM_ID),
        (10**30, Fault.BAD_ROOM_ID),
        ("jane@example.com", Fault.BAD_ROOM_ID),
        ("1 2", Fault.BAD_ROOM_ID),
        ("9" * 65, Fault.BAD_ROOM_ID),
        ("..", Fault.BAD_ROOM_ID),
    ],
)
def test_what_a_room_id_may_not_be(given_id, fault):
    assert allocation(body(room_id=given_id), STAMP) == Rejected(fault)
    assert resolve(resolve_body(room_id=given_id), STAMP) == Rejected(fault)


def test_no_room_id_at_all():
    assert allocation(b"{}", STAMP) == Rejected(Fault.NO_ROOM_ID)
    assert resolve(b"{}", STAMP) == Rejected(Fault.NO_ROOM_ID)
    assert resolve(b'{"service":{}}', STAMP) == Rejected(Fault.NO_ROOM_ID)
    assert resolve(b'{"service":null}', STAMP) == Rejected(Fault.NO_ROOM_ID)


@pytest.mark.parametrize("field", ["app_id", "app_code"])
def test_a_body_of_another_app_is_refused(field):
    assert allocation(body(**{field: "somebody-else"}), STAMP) == Rejected(Fault.WRONG_APP)
    assert resolve(resolve_body(top={field: "somebody-else"}), STAMP) == Rejected(Fault.WRONG_APP)
    assert allocation(body(**{field: 7}), STAMP) == Rejected(Fault.WRONG_SHAPE)


def test_a_body_that_names_no_app_is_taken_for_the_paths_app():
    assert allocation(b'{"room_id":"1"}', STAMP).app == APP
    assert resolve(b'{"service":{"room_id":"1"}}', STAMP).app == APP


@pytest.mark.parametrize(
    ("given_source", "source"),
    [
        ("WA", "wa"),
        ("Tiktok", "tiktok"),
        ("custom-key_1", "custom-key_1"),
        (None, "unknown"),
        ("", "unknown"),
        ("jane@example.com", "unknown"),
        ("6281200000001", "unknown"),
        ("Jane Doe", "unknown"),
        ("x" * 33, "unknown"),
        (7, "unknown"),
        (["wa"], "unknown"),
    ],
)
def test_a_source_that_we_cannot_name_is_no_reason_to_leave_somebody_waiting(given_source, source):
    assert allocation(body(source=given_source), STAMP).source == source


@pytest.mark.parametrize(
    ("given_channel", "channel"),
    [
        ({"id": 3221}, "3221"),
        ({"id": "3221", "name": "Jane"}, "3221"),
        ({"id": None}, None),
        ({"id": -1}, None),
        ({"id": 10**30}, None),
        ({"id": 1.5}, None),
        ({"id": "jane@example.com"}, None),
        ({}, None),
        (None, None),
        ("wa", None),
        ([1], None),
    ],
)
def test_a_channels_number_where_there_is_one(given_channel, channel):
    assert allocation(body(channel=given_channel), STAMP).channel == channel


def test_that_the_session_before_was_resolved_is_no_reason_to_skip():
    assert isinstance(allocation(body(is_resolved=True, latest_service={"room_id": "2"}), STAMP), RoomWaiting)


@pytest.mark.parametrize("candidate", [None, {}, [], "x", 7, {"id": "nonsense", "email": None}])
def test_the_platforms_candidate_does_not_matter(candidate):
    assert isinstance(allocation(body(candidate_agent=candidate), STAMP), RoomWaiting)


def test_a_resolve_that_did_not_resolve_is_ignored():
    assert resolve(resolve_body(is_resolved=False), STAMP) == Ignored()


@pytest.mark.parametrize("is_resolved", [True, None])
def test_a_resolve_that_does_not_say_did(is_resolved):
    assert isinstance(resolve(resolve_body(is_resolved=is_resolved), STAMP), RoomResolved)


@pytest.mark.parametrize(("given_id", "service"), [(7, 7), ("7", 7), (None, None), (0, 0), (2**63 - 1, 2**63 - 1)])
def test_the_number_of_a_session(given_id, service):
    assert resolve(resolve_body(id=given_id), STAMP).service == service


@pytest.mark.parametrize("given_id", [-1, 2**63, 10**30, "", "seven", "1" * 20, 1.5, True, [], "\u0667"])
def test_what_the_number_of_a_session_may_not_be(given_id):
    assert resolve(resolve_body(id=given_id), STAMP) == Rejected(Fault.WRONG_SHAPE)


@pytest.mark.parametrize("comment", [15828825, "15828825", None, 10**30, 1.5])
def test_ids_of_comments_do_not_matter(comment):
    assert isinstance(resolve(resolve_body(last_comment_id=comment), STAMP), RoomResolved)


NOT_JSON = {
    "empty": b"",
    "blank": b" \n",
    "text": b"hello",
    "half": b'{"room_id":"1"',
    "trailing": b'{"room_id":"1"}}',
    "two": b'{"room_id":"1"}{"room_id":"2"}',
    "form": b"room_id=1&app_id=2",
    "nan": b'{"room_id":"1","x":NaN}',
    "infinity": b'{"room_id":-Infinity}',
    "nul": b'{"room_id":"1"}\x00',
    "bom": b'\xef\xbb\xbf{"room_id":"1"}',
    "utf-16": '{"room_id":"1"}'.encode("utf-16"),
    "latin-1": '{"room_id":"1","name":"José"}'.encode("latin-1"),
    "cut character": b'{"room_id":"1","name":"\xf0\x9f\x98"}',
    "surrogate bytes": b'{"room_id":"1","name":"\xed\xa0\xbd"}',
    "deep list": b'{"room_id":"1","x":' + b"[" * 1000 + b"]" * 1000 + b"}",
    "deep object": b'{"room_id":"1","x":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}",
    "deep and open": b"[" * 60_000,
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_json_is_said_to_be_not_json(name):
    assert allocation(NOT_JSON[name], STAMP) == Rejected(Fault.NOT_JSON)
    assert resolve(NOT_JSON[name], STAMP) == Rejected(Fault.NOT_JSON)


@pytest.mark.parametrize("data", [b"[]", b"null", b"1", b'"room"', b"true", b'[{"room_id":"1"}]'])
def test_what_is_no_object_is_of_the_wrong_shape(data):
    assert allocation(data, STAMP) == Rejected(Fault.WRONG_SHAPE)
    assert resolve(data, STAMP) == Rejected(Fault.WRONG_SHAPE)


def test_brackets_in_texts_are_no_depth():
    assert isinstance(allocation(body(name="[" * 500, extras='{"a":' * 200), STAMP), RoomWaiting)


def test_many_things_side_by_side_are_no_depth():
    assert isinstance(allocation(body(additional_info=[{"key": []}] * 500), STAMP), RoomWaiting)


@pytest.mark.parametrize(
    "name", [rb"cut \ud83d", rb"\ude00 cut", rb"\ud83d\ud83d", rb"\\\ud83d", rb"whole \ud83d\ude00 and \ud83d"]
)
def test_half_an_emoji_in_a_name_does_not_lose_the_customer(name):
    assert allocation(b'{"room_id":"1","name":"' + name + b'","app_id":"' + APP.encode() + b'"}', STAMP).room == "1"


def test_half_an_emoji_in_a_room_id_is_no_room():
    assert allocation(rb'{"room_id":"1\ud83d"}', STAMP) == Rejected(Fault.BAD_ROOM_ID)


def test_of_a_key_that_comes_twice_the_last_counts():
    # As in every common reader of JSON; nobody reads it before us who could be told something else.
    assert allocation(b'{"room_id":"1","room_id":"2"}', STAMP).room == "2"


numbers = st.integers() | st.floats() | st.integers(-(2**70), 2**70)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    ["room_id", "app_id", "app_code", "source", "channel", "agent", "service", "id", "is_resolved"]
)
bodies = st.dictionaries(fields | st.text(max_size=6), values | st.dictionaries(fields, values, max_size=4), max_size=8)


@settings(max_examples=400)
@given(st.binary(max_size=300))
@example(b'{"room_id":' + b"9" * 5000 + b"}")
@example(b'{"room_id":1e999}')
@example(b'{"room_id":"\\ud800"}')
def test_no_bytes_whatever_make_it_fail(data):
    for translate in (allocation, resolve):
        assert isinstance(translate(data, STAMP), Rejected | Ignored | RoomWaiting | RoomResolved)


@settings(max_examples=400)
@given(bodies)
def test_whatever_is_accepted_holds_nothing_but_identifiers(content):
    data = json.dumps(content).encode()
    for translate in (allocation, resolve):
        made = translate(data, STAMP)
        if isinstance(made, RoomWaiting | RoomResolved):
            assert_holds_identifiers_only(made)


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_customers_words_never_come_through(words, name):
    made = allocation(body(name=name, email=words, extras=words, source=words, channel={"id": words}), STAMP)
    assert isinstance(made, RoomWaiting)
    assert_holds_identifiers_only(made)


def assert_holds_identifiers_only(event):
    plain = set(string.ascii_letters + string.digits + "_.-")
    for value in json.loads(encode(event)).values():
        assert value is None or isinstance(value, int) or set(value) <= plain


def sample(folder, name):
    return (SAMPLES / folder / f"{name}.json").read_bytes()


def body(**changes):
    return json.dumps({"app_id": APP, "room_id": "1", "source": "qiscus", "name": "Jane"} | changes).encode()


def resolve_body(top=None, **changes):
    service = {"id": 1, "is_resolved": True, "room_id": "1", "source": "qiscus"} | changes
    return json.dumps({"customer": {"name": "Jane"}, "service": service} | (top or {})).encode()
