"""What an AllocationPolicy says of itself."""

from unit.allocator.making import NOON, after
from unit.allocator.test_claims import A, B, object_of

from allocator.core.claims import EVERY_APP, Claims
from allocator.core.standing import Versions, conditions_of, news, status_of


def claims(**changes):
    return Claims(**{"refused": None, "held": [A], **changes})


def versions(given=None, in_use=None, own=(A,)):
    return Versions(given={A: 4} if given is None else given, own=own, in_use={A: 4} if in_use is None else in_use)


def said(of, found):
    return {one.type: (one.holds, one.reason) for one in conditions_of(of, found)}


def test_one_that_the_allocator_goes_by_is_live():
    assert said(claims(), versions()) == {
        "Accepted": (True, "Accepted"),
        "Conflict": (False, "None"),
        "Live": (True, "InUse"),
    }


def test_given_and_not_used_yet_it_waits():
    assert said(claims(), versions(in_use={A: 3}))["Live"] == (False, "Waiting")


def test_an_app_that_nobody_serves_is_named():
    found = conditions_of(claims(held=[A, B]), versions(given={A: 4, B: 5}))[2]
    assert (found.holds, found.reason) == (False, "NotServed")
    assert B in found.message


def test_one_for_every_other_app_is_live_when_those_without_their_own_go_by_it():
    every = claims(held=[EVERY_APP])
    assert said(every, versions(given={EVERY_APP: 7}, in_use={A: 4, B: 7}))["Live"] == (True, "InUse")
    assert said(every, versions(given={EVERY_APP: 7}, in_use={A: 4, B: 6}))["Live"] == (False, "Waiting")
    assert said(every, versions(given={EVERY_APP: 7}, in_use={A: 4}))["Live"] == (False, "NotServed")


def test_one_that_is_no_policy_says_where_and_what_stays():
    accepted, _, live = conditions_of(claims(refused="$.hours.timezone: no such time zone"), versions())
    assert (accepted.holds, accepted.good) == (False, False)
    assert accepted.message == "$.hours.timezone: no such time zone; what was accepted before stays live"
    assert live.holds


def test_of_two_in_conflict_each_names_the_other():
    lost = conditions_of(claims(held=[], lost={A: "team/old"}), versions())
    assert lost[1].message == "app app-a: team/old is older and counts"
    assert said(claims(held=[], lost={A: "team/old"}), versions())["Live"] == (False, "NotUsed")
    won = conditions_of(claims(won={A: ["team/new"]}), versions())
    assert won[1].message == "app app-a: also named by team/new, this one is older and counts"


def test_the_status_keeps_the_time_of_what_did_not_change():
    one = object_of("one", {}, generation=3)
    first = status_of(one, claims(), versions(in_use={A: 1}), conditions_of(claims(), versions(in_use={A: 1})), NOON)
    again = object_of("one", {}, generation=3, status=first)
    then = status_of(again, claims(), versions(), conditions_of(claims(), versions()), after(60))
    times = {found["type"]: found["lastTransitionTime"] for found in then["conditions"]}
    assert times["Accepted"] < times["Live"]
    assert (then["observedGeneration"], then["version"], then["apps"]) == (3, 4, A)
    settled = object_of("one", {}, generation=3, status=then)
    assert status_of(settled, claims(), versions(), conditions_of(claims(), versions()), after(99)) == then


def test_news_of_a_new_object_is_what_is_done_or_amiss_and_then_what_changed():
    one, waits = object_of("one", {}), versions(in_use={A: 1})
    conditions = conditions_of(claims(), waits)
    assert [found.reason for found in news(one, conditions)] == ["Accepted"]
    told = object_of("one", {}, status=status_of(one, claims(), waits, conditions, NOON))
    assert news(told, conditions) == []
    assert [found.reason for found in news(told, conditions_of(claims(), versions()))] == ["InUse"]
