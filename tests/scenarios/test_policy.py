"""Each field of the policy, from the file to whom a customer really gets: real processes, the simulated platform."""

import time
from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.system(allocators=1, simulator={"chatter_s": "0", "doubled_share": "0"})
ONE, TWO, THREE, FOUR = range(164_801, 164_805)

OBJECT = """\
apiVersion: antre.dev/v1alpha1
kind: AllocationPolicy
metadata: {name: support, namespace: antre}
spec:
  apps: [sim-app1]
  capacity:
    default: 2
    total: 6
    agents: [{id: 164803, max: 1}, {email: Agent4@example.com, max: 0}]
    divisions: [{name: Premium, max: 3}]
    channels: [{source: wa, max: 1}]
  eligibility:
    - when: {sources: [wa]}
      divisions: [Sales, Premium]
    - when: {sources: [ig]}
      agents: [164803]
"""


def nobody_leaves(antre):
    """Conversations last until a test ends them."""
    antre.platform.each("service", service_s=None)


def put(antre, text):
    """Replace the policy, and wait until the leader has taken it up."""

    def taken_up():
        return antre.running["allocator-1"].output.count("policy_in_force")

    before = taken_up()
    antre.set_policy(text)
    antre.must("the policy is in force", lambda: taken_up() > before)


def agents_of(antre, rooms):
    """Who was put into the rooms last, room by room; None: nobody."""
    last = {one["room"]: one["agent"] for one in antre.platform.assigned()}
    return [last.get(room) for room in rooms]


def must_get(antre, rooms, *agents):
    """The rooms get these agents, in any order of the rooms."""
    wanted = sorted(agents)
    antre.must(
        f"{rooms} get {agents}", lambda: sorted(one for one in agents_of(antre, rooms) if one is not None) == wanted
    )


def must_wait_for(antre, **reasons):
    """So many wait for these reasons, and nobody for another."""
    antre.must(f"waiting: {reasons}", lambda: {why: n for why, n in antre.waiting_why().items() if n} == reasons)


def resolve(antre, *rooms):
    """Somebody resolves the rooms, which are all there are; the allocator knows it, and the platform counts it."""
    for room in rooms:
        antre.platform.post("people", room_id=room, do="resolve")
    antre.must("no slot is taken", lambda: antre.total("antre_slots_used") == 0)
    time.sleep(2)


def come_back(antre, room):
    """The customer of a room that was resolved writes again; when."""
    moment = time.time()
    antre.customers(1, room_id=room)
    return moment


def must_be_given(antre, room, agent, since):
    """The room gets this agent, later than ``since``."""
    antre.must(
        f"{room} gets {agent}",
        lambda: [one["agent"] for one in antre.platform.assigned(since) if one["room"] == room] == [agent],
    )


@pytest.mark.system(agents=4, capacity=9)
def test_who_may_take_whom_and_how_many_at_once(antre):
    nobody_leaves(antre)
    antre.platform.post(f"agents/{ONE}", divisions=["Sales"])
    antre.platform.post(f"agents/{TWO}", divisions=["premium"])
    put(antre, OBJECT)
    from_wa = antre.customers(3, source="wa")
    must_get(antre, from_wa, ONE, TWO)
    must_wait_for(antre, channel_at_capacity=1)
    from_ig = antre.customers(2, source="ig")
    must_get(antre, from_ig, THREE)
    must_wait_for(antre, channel_at_capacity=1, all_at_capacity=1)
    from_line = antre.customers(4, source="line")
    must_get(antre, from_line, ONE, TWO, TWO)
    must_wait_for(antre, app_at_capacity=3)
    antre.set_policy(OBJECT.replace("total: 6", "total: 9").replace("max: 3", "max: 4") + "  paused: true\n")
    must_wait_for(antre, paused=3)
    antre.set_policy(OBJECT.replace("total: 6", "total: 9").replace("max: 3", "max: 4"))
    must_get(antre, from_line, ONE, TWO, TWO, TWO)
    must_wait_for(antre, all_at_capacity=2)
    antre.set_policy(OBJECT.replace("sim-app1", "sim-other").replace("default: 2", "default: 9"))
    time.sleep(2)  # longer than the leader takes to look at it
    must_wait_for(antre, all_at_capacity=2)
    antre.set_policy(OBJECT.replace("total: 6", "total: 3").replace("default: 2", "default: 0"))
    must_wait_for(antre, app_at_capacity=2)
    assert antre.platform.get("state")["served"] == 7  # lowered below what there is: nobody is taken away


@pytest.mark.system(agents=2, capacity=9)
def test_in_which_order_agents_are_chosen_and_whom_a_customer_comes_back_to(antre):
    nobody_leaves(antre)
    put(antre, "strategy: [longestIdle]\n")
    (first,) = antre.customers(1)
    must_get(antre, [first], ONE)
    resolve(antre, first)
    must_be_given(antre, first, TWO, come_back(antre, first))  # by load it would have been the first one again
    resolve(antre, first)
    sticky = "strategy: [sticky, leastLoaded]\nsticky: {for: 1h, patience: 8s}\ncapacity: {default: 1}\n"
    put(antre, sticky)
    must_be_given(antre, first, TWO, come_back(antre, first))
    (other,) = antre.customers(1)
    must_get(antre, [other], ONE)
    resolve(antre, first, other)
    (third,) = antre.customers(1)
    must_get(antre, [third], ONE)
    moment = come_back(antre, other)
    must_wait_for(antre, waiting_for_their_agent=1)
    must_be_given(antre, other, TWO, moment)
    assert antre.platform.assigned(moment)[-1]["at"] > moment + 7
    resolve(antre, other, third)
    put(antre, sticky.replace("1h", "1s"))
    must_be_given(antre, other, ONE, come_back(antre, other))  # forgotten, so the lower number it is


@pytest.mark.system(agents=1, capacity=9)
def test_at_which_hours(antre):
    nobody_leaves(antre)
    today = datetime.now(UTC).date()
    closed = "".join(f'{{date: "{today + timedelta(days=n)}", name: Holiday}}, ' for n in (-1, 0, 1))
    hours = f"hours:\n  timezone: UTC\n  closed: [{closed}]\n"
    put(antre, hours)
    rooms = antre.customers(2)
    must_wait_for(antre, outside_hours=2)
    days = f"[{today - timedelta(days=1):%a}, {today:%a}, {today + timedelta(days=1):%a}]"
    antre.set_policy(f"hours:\n  timezone: Asia/Jakarta\n  open: [{{days: {days}, from: 00:00, to: 24:00}}]\n")
    must_get(antre, rooms, ONE, ONE)
    antre.set_policy(hours + "  outside: assign\ncapacity: {default: 3}\n")
    must_get(antre, [*rooms, *antre.customers(2)], ONE, ONE, ONE)
    must_wait_for(antre, all_at_capacity=1)


@pytest.mark.system(agents=2, capacity=1, strategy="[platform]")
def test_whom_the_platform_suggests_if_the_policy_lets_them(antre):
    nobody_leaves(antre)
    put(antre, "strategy: [platform]\ncapacity: {default: 1}\neligibility: [{agents: [164801]}]\n")
    antre.platform.post(f"agents/{TWO}", is_available=False)
    rooms = antre.customers(2)
    must_get(antre, rooms, ONE)
    antre.platform.post(f"agents/{ONE}", is_available=False)
    antre.platform.post(f"agents/{TWO}", is_available=True)
    must_wait_for(antre, no_eligible_agent=1)


@pytest.mark.system(agents=2, capacity=9)
def test_who_may_take_those_of_a_channel_and_how_many_of_them(antre):
    """The webhook does not name the channel, the platform's list does: these are found by the sweep."""
    nobody_leaves(antre)
    put(
        antre,
        "capacity: {default: 9, channels: [{channelId: 611, max: 1}]}\n"
        "eligibility: [{when: {channelIds: [611]}, agents: [164802]}]\n",
    )
    rooms = antre.customers(2, source="telegram", send=False)
    must_get(antre, rooms, TWO)
    must_wait_for(antre, channel_at_capacity=1)
    must_get(antre, antre.customers(1, source="telegram"), ONE)
