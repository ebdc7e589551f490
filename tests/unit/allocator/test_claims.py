"""Whose policy each app goes by: the oldest claim counts."""

from datetime import timedelta

from unit.allocator.making import NOON

from allocator.core.claims import EVERY_APP, PolicyKept, PolicyObject, resolve
from allocator.core.ids import AppId

A, B = AppId("app-a"), AppId("app-b")


def object_of(name, spec, *, age=0, generation=1, status=None):
    return PolicyObject(
        namespace="team",
        name=name,
        uid=f"uid-{name}",
        generation=generation,
        created_at=NOON - timedelta(seconds=age),
        spec=spec,
        status=status or {},
    )


def kept(app, name, *, version=1, withdrawn=False, file=False):
    source, uid = ("file", "") if file else (f"team/{name}", f"uid-{name}")
    return PolicyKept(app=app, version=version, source=source, uid=uid, generation=1, withdrawn=withdrawn)


def given(resolution):
    return {one.app: (one.source, one.row, one.withdrawn) for one in resolution.give}


def test_an_object_gives_its_policy_to_each_app_it_names():
    found = resolve([object_of("support", {"apps": [A, B], "paused": True})], [])
    assert given(found) == {app: ("team/support", {"paused": True}, False) for app in (A, B)}


def test_one_that_names_none_is_for_every_other_app():
    found = resolve([object_of("all", {"capacity": {"default": 3}})], [])
    assert given(found) == {EVERY_APP: ("team/all", {"capacity": {"default": 3}}, False)}


def test_of_two_that_name_one_app_the_older_counts_and_both_know():
    old, new = object_of("old", {"apps": [A]}, age=9), object_of("new", {"apps": [A, B], "paused": True})
    found = resolve([new, old], [])
    assert {app: one[0] for app, one in given(found).items()} == {A: "team/old", B: "team/new"}
    assert found.claims[new.uid].lost == {A: "team/old"}
    assert found.claims[old.uid].won == {A: ["team/new"]}


def test_of_the_same_second_the_name_decides():
    found = resolve([object_of("b", {"apps": [A]}), object_of("a", {"apps": [A]})], [])
    assert given(found)[A][0] == "team/a"


def test_what_an_object_had_that_is_gone_is_withdrawn_once():
    assert given(resolve([], [kept(A, "gone")])) == {A: ("team/gone", {}, True)}
    assert given(resolve([], [kept(A, "gone", withdrawn=True)])) == {}


def test_the_next_that_applies_takes_the_place_of_one_that_is_gone():
    found = resolve([object_of("next", {"apps": [A], "paused": True})], [kept(A, "gone")])
    assert given(found) == {A: ("team/next", {"paused": True}, False)}


def test_an_app_that_is_named_no_more_is_withdrawn():
    found = resolve([object_of("one", {"apps": [B]})], [kept(A, "one"), kept(B, "one")])
    assert given(found)[A] == ("team/one", {}, True)


def test_one_that_is_broken_by_an_edit_keeps_what_was_taken_in_before():
    broken = object_of("one", {"capacity": "many"}, age=9)
    found = resolve([broken, object_of("two", {"apps": [A]})], [kept(A, "one")])
    assert given(found) == {}
    mine = found.claims[broken.uid]
    assert mine.held == [A]
    assert mine.refused.startswith("$.capacity")
    assert found.claims["uid-two"].lost == {A: "team/one"}


def test_what_came_in_a_file_is_left_alone():
    assert given(resolve([], [kept(A, "", file=True)])) == {}
