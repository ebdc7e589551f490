"""What a policy is, and where and why one is refused."""

import pytest

from allocator.core.ids import AgentId
from allocator.core.policy import CAPACITY_MAX, PolicyError, Strategy, compile_spec, standard


def test_without_a_policy_an_agent_carries_two_as_in_the_original():
    policy = standard()
    assert (policy.version, policy.default_capacity, policy.paused) == (0, 2, False)
    assert policy.strategy == (Strategy.LEAST_LOADED, Strategy.LONGEST_IDLE)


def test_the_example_of_the_documentation_is_one():
    spec = {"capacity": {"default": 2, "agents": [{"id": 164867, "max": 5}]}, "paused": False}
    policy = compile_spec(spec | {"strategy": ["leastLoaded", "longestIdle"]}, 7)
    assert policy.version == 7
    assert policy.capacity_of(AgentId(164867)) == 5
    assert policy.capacity_of(AgentId(1)) == 2


def test_an_empty_one_is_the_standard():
    assert compile_spec(None, 0) == compile_spec({}, 0) == standard()


def test_capacity_zero_takes_an_agent_out():
    assert compile_spec({"capacity": {"agents": [{"id": 1, "max": 0}]}}, 1).capacity_of(AgentId(1)) == 0


def test_only_platform_alone_asks_the_platform():
    assert compile_spec({"strategy": ["platform"]}, 1).asks_platform
    assert not standard().asks_platform


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
        ({"capacity": {"agents": [{"max": 1}]}}, "$.capacity.agents[0]", "missing required field `id`"),
        ({"capacity": {"agents": [{"id": 0, "max": 1}]}}, "$.capacity.agents[0].id", ">= 1"),
        ({"capacity": {"agents": [{"id": "a", "max": 1}]}}, "$.capacity.agents[0].id", "int"),
        ({"capacity": {"agents": [{"id": 1, "max": 1}, {"id": 2, "max": -1}]}}, "$.capacity.agents[1].max", ">= 0"),
        ({"capacity": {"agents": [{"id": 1, "max": 1, "min": 1}]}}, "$.capacity.agents[0]", "unknown field `min`"),
        ({"capacity": {"agents": [{"id": 1, "max": 1}] * 2}}, "$.capacity.agents", "named twice"),
        ({"paused": "yes"}, "$.paused", "bool"),
        ({"paused": None}, "$.paused", "bool"),
        ({"strategy": []}, "$.strategy", "at least one"),
        ({"strategy": "leastLoaded"}, "$.strategy", "array"),
        ({"strategy": ["random"]}, "$.strategy[0]", "Invalid enum value 'random'"),
        ({"strategy": ["leastLoaded", "leastLoaded"]}, "$.strategy", "named twice"),
        ({"strategy": ["platform", "leastLoaded"]}, "$.strategy", "alone"),
    ],
)
def test_what_is_none_is_refused_with_the_place_and_the_reason(spec, path, words):
    with pytest.raises(PolicyError) as caught:
        compile_spec(spec, 1)
    assert caught.value.path == path
    assert words.lower() in caught.value.reason.lower()
