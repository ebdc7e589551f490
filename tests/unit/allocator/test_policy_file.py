"""The policy in a YAML file: when it comes in, and the line that is to blame when it does not."""

import os

import pytest

from allocator.adapters.policy_file import PolicyFile
from allocator.adapters.policy_yaml import SIZE_MAX, Refused, read_policy

GOOD = "capacity:\n  default: 3\n  agents:\n    - {id: 164867, max: 5}\npaused: false\nstrategy: [leastLoaded]\n"


def test_a_policy_is_read_as_it_stands():
    assert read_policy(GOOD.encode()) == {
        "capacity": {"default": 3, "agents": [{"id": 164867, "max": 5}]},
        "strategy": ["leastLoaded"],
    }


OBJECT = """\
apiVersion: antre.dev/v1alpha1
kind: AllocationPolicy
metadata: {name: support, namespace: antre}
spec:
"""


def as_object(content):
    """The same spec, in an object."""
    return OBJECT + "".join(f"  {line}\n" for line in content.splitlines())


def test_a_bare_spec_and_an_object_give_the_same():
    assert read_policy(as_object(GOOD).encode()) == read_policy(GOOD.encode())


def test_an_object_without_a_spec_is_the_standard():
    assert read_policy(OBJECT.removesuffix("spec:\n").encode()) == read_policy(OBJECT.encode()) == {}


def test_times_and_days_need_no_quotes():
    """As where kubectl reads them."""
    hours = "{timezone: UTC, open: [{days: [Mon], from: 08:00, to: 17:00}], closed: [{date: 2026-12-25}]}"
    assert read_policy(f"hours: {hours}\n".encode())["hours"] == {
        "timezone": "UTC",
        "open": [{"days": ["Mon"], "from": "08:00", "to": "17:00"}],
        "closed": [{"date": "2026-12-25"}],
    }


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"{}", b"---\n"])
def test_an_empty_file_is_the_standard(content):
    assert read_policy(content) == {}


@pytest.mark.parametrize(
    ("content", "at", "words"),
    [
        ("capacity:\n  default: many\n", (2, 12), "$.capacity.default: Expected `int`"),
        ("capacity:\n  default: 2\n  agents:\n    - {id: 1, max: 1}\n    - {id: 2, max: -1}\n", (5, 20), ">= 0"),
        ("capacity:\n  agents:\n    - id: 1\n      max: 1\n    - id: 2\n", (5, 7), "`max`"),
        ("paused: false\ncapasity: {}\n", (2, 1), "unknown field `capasity`; allowed here: apps, paused"),
        ("strategy:\n  - leastLoaded\n  - random\n", (3, 5), "random"),
        ("paused: false\nstrategy: []\n", (2, 11), "empty"),
        ("paused: no way\n", (1, 9), "$.paused"),
        ("- a\n- b\n", (1, 1), "object"),
        ("paused: false\n  strategy: []\n", (2, 11), "not allowed"),
        ("strategy: [leastLoaded\n", (2, 1), "expected"),
        ("paused: !!python/object:os.system {}\n", (1, 9), "could not determine a constructor"),
        ("a: &a [*a]\n", (1, 1), "unknown field `a`"),
        ("\t\n", (1, 1), "cannot start any token"),
        ("paused: true\ncapacity: {default: 1, default: 2}\n", (2, 24), "`default` stands here twice"),
        ("hours: {timezone: Jakarta}\n", (1, 19), "Asia/Jakarta"),
        ("eligibility: [{agents: [3, 3]}]\n", (1, 28), "$.eligibility[0].agents[1]: named twice"),
        (as_object("capacity:\n  total: -1\n"), (6, 12), "$.spec.capacity.total: Expected `int` >= 0"),
        (as_object("pause: true\n"), (5, 3), "$.spec: Object contains unknown field `pause`"),
        (OBJECT.replace("v1alpha1", "v2"), (1, 13), "allowed: antre.dev/v1alpha1"),
        (OBJECT.replace("AllocationPolicy", "Deployment"), (2, 7), "allowed: AllocationPolicy"),
        (OBJECT.replace("spec:", "specs:"), (4, 1), "`specs`; allowed here: apiVersion, kind, metadata, spec"),
        ("kind: AllocationPolicy\n", (1, 1), "$.apiVersion: allowed: antre.dev/v1alpha1"),
    ],
)
def test_what_is_none_is_refused_with_the_place_and_the_reason(content, at, words):
    with pytest.raises(Refused) as caught:
        read_policy(content.encode())
    assert (caught.value.line, caught.value.column) == at
    assert words in caught.value.reason
    assert str(caught.value).startswith(f"line {at[0]}, column {at[1]}: ")


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\xff", b"\x00", b"\x80", b"[" * 100_000, b"x" * (SIZE_MAX + 1), b"? " * 5_000, b"2025-13-45", b"1:" * 9],
    ids=["bom", "zero", "not utf-8", "deep", "large", "keys", "date", "sexagesimal"],
)
def test_whatever_is_in_the_file_it_is_refused_and_no_traceback(content):
    with pytest.raises(Refused):
        read_policy(content)


@pytest.mark.parametrize("content", ["? [a, b]\n: 1\n", "? {a: b}\n: 1\n", "1: 2\n", "null: 1\n", "2025-01-01: 1\n"])
def test_keys_that_are_no_words_are_refused(content):
    with pytest.raises(Refused):
        read_policy(content.encode())


def test_without_a_file_nothing_ever_comes_in():
    assert PolicyFile(None).newest() is None


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(GOOD)
    return file


def test_a_file_comes_in_once_and_again_when_its_content_changed(path):
    door = PolicyFile(path)
    assert door.newest()["capacity"]["default"] == 3
    assert door.newest() is None
    path.write_text("paused: true\n")
    assert door.newest() == {"paused": True}
    assert door.newest() is None


def test_a_file_that_was_only_touched_does_not_come_in(path):
    door = PolicyFile(path)
    door.newest()
    os.utime(path, (0, 0))
    assert door.newest() is None


def test_a_new_leader_is_told_again(path):
    door = PolicyFile(path)
    door.newest()
    door.again()
    assert door.newest() is not None


def test_a_broken_file_is_refused_and_says_so_until_it_is_mended(path):
    door = PolicyFile(path)
    door.newest()
    path.write_text("capacity: many\n")
    assert door.newest() is None
    assert door.refused
    assert door.newest() is None
    path.write_text(GOOD)
    assert door.newest() is not None
    assert not door.refused


def test_a_file_that_is_gone_for_a_moment_changes_nothing(path):
    door = PolicyFile(path)
    door.newest()
    path.unlink()
    assert door.newest() is None
    assert not door.refused
    path.write_text("paused: true\n")
    assert door.newest() == {"paused": True}


def test_a_link_that_leads_elsewhere_comes_in_as_a_config_map_does(path, tmp_path):
    (tmp_path / "other.yaml").write_text("paused: true\n")
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    door = PolicyFile(link)
    door.newest()
    link.unlink()
    link.symlink_to(tmp_path / "other.yaml")
    assert door.newest() == {"paused": True}
