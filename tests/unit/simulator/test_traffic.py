"""Chance: the same seed makes the same decisions, and one concern does not shift another."""

import pytest

from qiscus_simulator.chance import happens, stream
from qiscus_simulator.faults import Faults
from qiscus_simulator.gate import Trouble, decide
from qiscus_simulator.traffic import Traffic, TrafficOptions

OPTIONS = TrafficOptions(returning_share=0.2, doubled_share=0.1, chatter_s=(4.0, 8.0))


def make(seed=1, app_id="sim-demo"):
    return Traffic(seed, app_id, OPTIONS)


def test_the_same_seed_makes_the_same_decisions():
    one, other = make(), make()
    assert [one.arrival() for _ in range(50)] == [other.arrival() for _ in range(50)]
    assert [one.service_s((1, 4)) for _ in range(9)] == [other.service_s((1, 4)) for _ in range(9)]


def test_another_seed_or_app_makes_others():
    assert make().arrival() != make(seed=2).arrival()
    assert make().arrival() != make(app_id="sim-other").arrival()


def test_one_concern_does_not_shift_another():
    quiet, busy = make(), make()
    for _ in range(100):
        busy.service_s((1, 4))
        busy.chatter_gap_s()
        busy.resolver()
        busy.away_s()
    assert quiet.arrival() == busy.arrival()


def test_shares_are_about_what_was_asked():
    arrivals = [make().arrival()] + [
        arrival for traffic in [make()] for arrival in (traffic.arrival() for _ in range(4000))
    ]
    assert sum(arrival.returning for arrival in arrivals) / len(arrivals) == pytest.approx(0.2, abs=0.03)
    doubled = [arrival.doubled_after_s for arrival in arrivals if arrival.doubled_after_s is not None]
    assert len(doubled) / len(arrivals) == pytest.approx(0.1, abs=0.02)
    assert all(0 < after_s <= 1 for after_s in doubled)
    assert len({arrival.channel.key for arrival in arrivals}) == 7


def test_user_ids_look_like_their_channels():
    traffic, shapes = make(), {"wa": "6281", "line": "U", "fb": "47"}
    for _ in range(100):
        arrival = traffic.arrival()
        assert arrival.customer.user_id.startswith(shapes.get(arrival.channel.key, ""))


def test_chance_of_zero_and_one_draws_nothing():
    random = stream(1, "x")
    before = random.getstate()
    assert (happens(random, 0), happens(random, 1)) == (False, True)
    assert random.getstate() == before


@pytest.mark.parametrize("trouble", [trouble for trouble in Trouble if trouble is not Trouble.NONE])
def test_every_trouble_can_be_had_where_it_belongs(trouble):
    faults, random = Faults(**{trouble.value: 1.0}), stream(1, "calls")
    assign = decide(faults, random, "assign_agent", reads=False)
    read = decide(faults, random, "available_agents", reads=True)
    assert trouble in {assign, read}
    assert {assign, read} <= {trouble, Trouble.NONE}


def test_on_a_good_day_nothing_goes_wrong():
    assert decide(Faults(), stream(1, "calls"), "assign_agent", reads=False) is Trouble.NONE
