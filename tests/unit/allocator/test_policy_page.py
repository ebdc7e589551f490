"""docs/policy.md is true: its examples are policies, and it speaks of every field, strategy and reason."""

import re
from pathlib import Path

import msgspec
import pytest

from allocator.adapters.policy_yaml import read_policy
from allocator.core.reasons import WaitReason
from allocator.core.spec import Outside, Spec, Strategy

PAGE = (Path(__file__).parents[3] / "docs" / "policy.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
OF_POLICIES = (
    WaitReason.PAUSED,
    WaitReason.OUTSIDE_HOURS,
    WaitReason.APP_AT_CAPACITY,
    WaitReason.ALL_AT_CAPACITY,
    WaitReason.CHANNEL_AT_CAPACITY,
    WaitReason.NO_ELIGIBLE_AGENT,
    WaitReason.NO_AGENT_ONLINE,
    WaitReason.WAITING_FOR_THEIR_AGENT,
)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_each_example_is_a_policy(number):
    assert isinstance(read_policy(EXAMPLES[number].encode()), dict)


def test_what_holds_without_a_policy_is_the_standard():
    assert read_policy(EXAMPLES[1].encode()) == {}


def fields(schema):
    """Every name of a field."""
    return {name for kind in schema["$defs"].values() for name in kind.get("properties", {})}


def test_it_speaks_of_every_field():
    examples = "\n".join(EXAMPLES)
    missing = {name for name in fields(msgspec.json.schema(Spec)) if not re.search(rf"\b{name}:", examples)}
    assert missing == set()


@pytest.mark.parametrize("word", [*Strategy, *Outside, *OF_POLICIES])
def test_it_speaks_of_every_strategy_and_reason(word):
    assert str(word) in PAGE


def test_each_field_says_what_it_is_for_to_whom_asks_the_schema():
    for name, kind in msgspec.json.schema(Spec)["$defs"].items():
        assert kind.get("description"), name
        for field, told in kind.get("properties", {}).items():
            assert told.get("description"), f"{name}.{field}"
