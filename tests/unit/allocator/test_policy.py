"""What a policy is, and where and why one is refused."""

import msgspec
import pytest
from unit.allocator.making import seen

from allocator.core.ids import Lane
from allocator.core.policy import CAPACITY_MAX, PolicyError, Strategy, compile_spec, standard
from allocator.core.spec import row_of
from allocator.core.spec_rules import read_spec, seconds_of


def test_without_a_policy_an_agent_carries_two_as_in_the_original():
    policy = standard()
    assert (policy.version, policy.default_capacity, policy.paused) == (0, 2, False)
    assert policy.strategy == (Strategy.LEAST_LOADED, Strategy.LONGEST_IDLE)


def test_the_example_of_the_documentation_is_one():
    spec = {"capacity": {"default": 2, "agents": [{"id": 164867, "max": 5}]}, "paused": False}
    policy = compile_spec(spec | {"strategy": ["leastLoaded", "longestIdle"]}, 7)
    assert policy.version == 7
    assert policy.capacity_of(seen(164867)) == 5
    assert policy.capacity_of(seen(1)) == 2


def test_an_empty_one_is_the_standard():
    assert compile_spec(None, 0) == compile_spec({}, 0) == standard()


def test_capacity_zero_takes_an_agent_out():
    assert compile_spec({"capacity": {"agents": [{"id": 1, "max": 0}]}}, 1).capacity_of(seen(1)) == 0


def test_only_platform_alone_asks_the_platform():
    assert compile_spec({"strategy": ["platform"]}, 1).asks_platform
    assert not standard().asks_platform


def _open(days, begins, ends):
    """A policy with one open interval."""
    return {"hours": {"timezone": "Asia/Jakarta", "open": [{"days": days, "from": begins, "to": ends}]}}


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ([], "$", "object"),
        ("all", "$", "object"),
        (3, "$", "object"),
        ({"capasity": {}}, "$", "unknown field `capasity`"),
        ({"capacity": 2}, "$.capacity", "object"),
        ({"capacity": {"default": -1}}, "$.capacity.default", ">= 0"),
        ({"capacity": {"default": CAPACITY_MAX + 1}}, "$.capacity.default", f"<= {CAPACITY_MAX}"),
        ({"capacity": {"default": "2"}}, "$.capacity.default", "int"),
        ({"capacity": {"default": 2.5}}, "$.capacity.default", "int"),
        ({"capacity": {"default": None}}, "$.capacity.default", "int"),
        ({"capacity": {"default": True}}, "$.capacity.default", "int"),
        ({"capacity": {"agents": {}}}, "$.capacity.agents", "array"),
        ({"capacity": {"agents": [{"id": 1}]}}, "$.capacity.agents[0]", "missing required field `max`"),
        ({"capacity": {"agents": [{"max": 1}]}}, "$.capacity.agents[0]", "by `id` or by `email`"),
        ({"capacity": {"agents": [{"id": 0, "max": 1}]}}, "$.capacity.agents[0].id", ">= 1"),
        ({"capacity": {"agents": [{"id": "a", "max": 1}]}}, "$.capacity.agents[0].id", "int"),
        ({"capacity": {"agents": [{"id": 1, "max": 1}, {"id": 2, "max": -1}]}}, "$.capacity.agents[1].max", ">= 0"),
        ({"capacity": {"agents": [{"id": 1, "max": 1, "min": 1}]}}, "$.capacity.agents[0]", "unknown field `min`"),
        ({"capacity": {"agents": [{"id": 1, "max": 1}] * 2}}, "$.capacity.agents[1]", "named twice"),
        ({"paused": "yes"}, "$.paused", "bool"),
        ({"paused": None}, "$.paused", "bool"),
        ({"strategy": []}, "$.strategy", "at least one"),
        ({"strategy": "leastLoaded"}, "$.strategy", "array"),
        ({"strategy": ["random"]}, "$.strategy[0]", "Invalid enum value 'random'"),
        ({"strategy": ["leastLoaded", "leastLoaded"]}, "$.strategy[1]", "named twice"),
        ({"strategy": ["platform", "leastLoaded"]}, "$.strategy", "alone"),
        ({"strategy": ["leastLoaded", "sticky"]}, "$.strategy[1]", "first"),
        ({"strategy": ["best"]}, "$.strategy[0]", "allowed: sticky, leastLoaded, longestIdle, platform"),
        ({"pause": True}, "$", "allowed here: apps, paused, capacity, eligibility, strategy, sticky, hours"),
        ({"capacity": {"agent": []}}, "$.capacity", "allowed here: default, total, agents, divisions, channels"),
        ({"eligibility": [{"when": {"source": "wa"}, "agents": [1]}]}, "$.eligibility[0].when", "sources, channelIds"),
        ({"apps": []}, "$.apps", "empty"),
        ({"apps": ["a b"]}, "$.apps[0]", "the id of a Qiscus app"),
        ({"apps": ["a", "a"]}, "$.apps[1]", "twice"),
        ({"capacity": {"total": -1}}, "$.capacity.total", ">= 0"),
        ({"capacity": {"agents": [{"id": 1, "email": "a@example.com", "max": 1}]}}, "$.capacity.agents[0]", "one of"),
        ({"capacity": {"agents": [{"email": "nobody", "max": 1}]}}, "$.capacity.agents[0].email", "an e-mail address"),
        (
            {"capacity": {"agents": [{"email": "a@b.c", "max": 1}, {"email": "A@B.C", "max": 2}]}},
            "$.capacity.agents[1]",
            "twice",
        ),
        (
            {"capacity": {"divisions": [{"name": "Sales", "max": 1}, {"name": "sales", "max": 2}]}},
            "$.capacity.divisions[1]",
            "twice",
        ),
        ({"capacity": {"divisions": [{"name": "", "max": 1}]}}, "$.capacity.divisions[0].name", "length >= 1"),
        ({"capacity": {"channels": [{"max": 1}]}}, "$.capacity.channels[0]", "`source`"),
        ({"capacity": {"channels": [{"source": "WA", "max": 1}]}}, "$.capacity.channels[0].source", "small letters"),
        (
            {"capacity": {"channels": [{"source": "wa", "max": 1}, {"source": "wa", "max": 2}]}},
            "$.capacity.channels[1]",
            "twice",
        ),
        ({"eligibility": [{"when": {"sources": ["wa"]}}]}, "$.eligibility[0]", "give `divisions`"),
        ({"eligibility": [{"agents": [1, 1]}]}, "$.eligibility[0].agents[1]", "twice"),
        ({"eligibility": [{"when": {"sources": []}, "agents": [1]}]}, "$.eligibility[0].when.sources", "empty"),
        (
            {"eligibility": [{"divisions": ["Sales"]}], "strategy": ["platform"]},
            "$.eligibility[0].divisions",
            "name agents instead",
        ),
        (
            {"capacity": {"divisions": [{"name": "Sales", "max": 1}]}, "strategy": ["platform"]},
            "$.capacity.divisions",
            "name agents instead",
        ),
        ({"sticky": {"for": "a day"}}, "$.sticky.for", 'a duration, as "24h"'),
        ({"sticky": {"for": "0s"}}, "$.sticky.for", "more than 0s"),
        ({"sticky": {"for": "721h"}}, "$.sticky.for", "at most 720h"),
        ({"sticky": {"patience": "25h"}}, "$.sticky.patience", "at most 24h"),
        ({"sticky": {"patience": 3}}, "$.sticky.patience", 'a duration, as "90s"'),
        ({"hours": {}}, "$.hours", "missing required field `timezone`"),
        ({"hours": {"timezone": "Jakarta"}}, "$.hours.timezone", "Asia/Jakarta"),
        ({"hours": {"timezone": "../../etc/passwd"}}, "$.hours.timezone", "no time zone"),
        (_open(["Mon"], "8:00", "17:00"), "$.hours.open[0].from", 'in quotes, as "08:00"'),
        (_open(["Mon"], "08:00", 1020), "$.hours.open[0].to", 'in quotes, as "17:00"'),
        (_open(["Mon"], "24:00", "02:00"), "$.hours.open[0].from", 'as "08:00"'),
        (_open(["Mon"], "08:00", "08:00"), "$.hours.open[0].to", "ends as it begins"),
        (_open(["Mo"], "08:00", "17:00"), "$.hours.open[0].days[0]", "allowed: Mon, Tue, Wed, Thu, Fri, Sat, Sun"),
        (_open([], "08:00", "17:00"), "$.hours.open[0].days", "empty"),
        (_open(["Mon", "Mon"], "08:00", "17:00"), "$.hours.open[0].days[1]", "twice"),
        ({"hours": {"timezone": "UTC", "closed": [{"date": "2026-02-30"}]}}, "$.hours.closed[0].date", "no day"),
        ({"hours": {"timezone": "UTC", "closed": [{"date": "Xmas"}]}}, "$.hours.closed[0].date", '"2026-12-25"'),
        ({"hours": {"timezone": "UTC", "closed": [{"date": "2026-12-25"}] * 2}}, "$.hours.closed[1]", "twice"),
        ({"hours": {"timezone": "UTC", "outside": "close"}}, "$.hours.outside", "allowed: hold, assign"),
        ({"hours": None}, "$.hours", "object"),
    ],
)
def test_what_is_none_is_refused_with_the_place_and_the_reason(spec, path, words):
    with pytest.raises(PolicyError) as caught:
        compile_spec(spec, 1)
    assert caught.value.path == path
    assert words.lower() in caught.value.reason.lower()


WHOLE = {
    "apps": ["abcd-1234"],
    "paused": False,
    "capacity": {
        "default": 2,
        "total": 200,
        "agents": [{"id": 164867, "max": 5}, {"email": "New@example.com", "max": 1}],
        "divisions": [{"name": "Premium", "max": 4}],
        "channels": [{"source": "wa", "max": 3}],
    },
    "eligibility": [
        {"when": {"sources": ["wa"], "channelIds": [3221]}, "divisions": ["Sales", "Premium"]},
        {"when": {"sources": ["ig", "fb"]}, "agents": [164867, 164868]},
    ],
    "strategy": ["sticky", "leastLoaded", "longestIdle"],
    "sticky": {"for": "24h"},
    "hours": {
        "timezone": "Asia/Jakarta",
        "open": [{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "from": "08:00", "to": "17:00"}],
        "closed": [{"date": "2026-12-25", "name": "Christmas"}],
        "outside": "hold",
    },
}
"""The example of the first public form."""


def test_the_whole_language_compiles():
    policy = compile_spec(WHOLE, 3)
    assert (policy.version, policy.total, policy.by_email) == (3, 200, {"new@example.com": 1})
    assert (policy.sticky.remembered_s, policy.sticky.patience_s) == (86_400, 0)
    assert policy.by_division == {"premium": 4}
    assert [one.divisions for one in policy.eligibility] == [{"sales", "premium"}, set()]


def test_what_is_stored_says_the_same_and_nothing_that_holds_anyway():
    row = row_of(read_spec(WHOLE))
    assert compile_spec(row, 3) == compile_spec(WHOLE, 3)
    assert "apps" not in row
    assert "paused" not in row
    assert row["hours"] == {key: part for key, part in WHOLE["hours"].items() if key != "outside"}


def test_what_is_stored_is_the_same_whether_defaults_are_written_out_or_not():
    explicit = {
        "paused": False,
        "capacity": {"default": 2, "agents": [], "divisions": [], "channels": []},
        "eligibility": [],
        "strategy": ["leastLoaded", "longestIdle"],
        "sticky": {"for": "24h", "patience": "0s"},
    }
    decoded = msgspec.json.decode(msgspec.json.encode(explicit))  # no value is the same object as a default
    assert row_of(read_spec(decoded)) == row_of(read_spec({})) == {}


def test_sticky_without_more_remembers_a_day_and_waits_for_nobody():
    policy = compile_spec({"strategy": ["sticky", "leastLoaded"]}, 1)
    assert (policy.sticky.remembered_s, policy.sticky.patience_s) == (86_400, 0)


def test_how_sticky_remembers_is_without_effect_where_the_chain_lacks_it():
    assert compile_spec({"sticky": {"for": "1h"}}, 1).sticky is None


@pytest.mark.parametrize(("text", "seconds"), [("24h", 86_400), ("1h30m", 5_400), ("90s", 90), ("1m1s", 61)])
def test_durations_are_hours_minutes_and_seconds(text, seconds):
    assert seconds_of(text) == seconds


def capacity(**parts):
    """A policy with this capacity."""
    return compile_spec({"capacity": parts}, 1)


NAMED = {
    "default": 2,
    "agents": [{"id": 1, "max": 5}, {"email": "new@example.com", "max": 1}],
    "divisions": [{"name": "Premium", "max": 4}, {"name": "Sales", "max": 3}],
}


@pytest.mark.parametrize(
    ("agent", "most"),
    [
        (seen(9), 2),
        (seen(9, divisions=["Premium"]), 4),
        (seen(9, divisions=["premium "]), 4),  # as the platform may write it
        (seen(9, divisions=["Premium", "Sales"]), 3),
        (seen(9, divisions=["Others"]), 2),
        (seen(1, divisions=["Premium", "Sales"]), 5),
        (seen(9, divisions=["Premium"], email="New@Example.com"), 1),
        (seen(1, email="new@example.com"), 1),
    ],
    ids=[
        "default",
        "division",
        "any case",
        "smallest of two",
        "another",
        "agent first",
        "by address",
        "smaller of both",
    ],
)
def test_agent_before_division_before_default_and_the_smallest_of_several(agent, most):
    assert capacity(**NAMED).capacity_of(agent) == most


def test_the_first_rule_that_matches_decides_who_may():
    rules = [
        {"when": {"sources": ["wa"], "channelIds": [3221]}, "divisions": ["Sales"]},
        {"when": {"sources": ["wa", "ig"]}, "agents": [7]},
        {"when": {"channelIds": [5]}, "agents": [8]},
    ]
    policy = compile_spec({"eligibility": rules}, 1)
    first, second, third = policy.eligibility
    assert policy.eligible(Lane("wa:3221")) == first
    assert policy.eligible(Lane("wa:4")) == second
    assert policy.eligible(Lane("wa")) == second  # its channel was not named, so it is not 3221
    assert policy.eligible(Lane("ig:3221")) == second
    assert policy.eligible(Lane("fb:5")) == third
    assert policy.eligible(Lane("fb")) is None


def test_a_rule_without_when_is_about_everybody_and_lets_in_whom_it_names_in_either_way():
    rule = compile_spec({"eligibility": [{"divisions": ["Sales"], "agents": [7]}]}, 1).eligible(Lane("fb:5"))
    assert rule.has(seen(7))
    assert rule.has(seen(8, divisions=["sales"]))
    assert not rule.has(seen(8, divisions=["Support"]))
