"""What is true of every plan, whatever the snapshot."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.allocator.making import after

from allocator.core.ids import AgentId, Lane, SessionId
from allocator.core.plan import Head, Snapshot, plan
from allocator.core.policy import Strategy, compile_spec
from allocator.core.reasons import WaitReason
from allocator.core.roster import IDLE, Load, Roster, Seen, foreign_of

often = settings(max_examples=40, deadline=None)  # a slow machine breaks no promise of ours

PLENTY = st.just(1000)
LANES = [Lane("wa"), Lane("line"), Lane("qiscus:3"), Lane("ig")]
AGENTS = [AgentId(number) for number in range(1, 7)]
CHAINS = [
    (Strategy.LEAST_LOADED,),
    (Strategy.LONGEST_IDLE,),
    (Strategy.LEAST_LOADED, Strategy.LONGEST_IDLE),
    (Strategy.LONGEST_IDLE, Strategy.LEAST_LOADED),
    (Strategy.PLATFORM,),
]


@st.composite
def policies(draw):
    """Capacities from none to four."""
    capacities = draw(st.dictionaries(st.sampled_from(AGENTS), st.integers(0, 4), max_size=3))
    agents = [{"id": agent, "max": most} for agent, most in capacities.items()]
    capacity = {"default": draw(st.integers(0, 3)), "agents": agents}
    return compile_spec({"capacity": capacity, "strategy": list(draw(st.sampled_from(CHAINS)))}, 1)


@st.composite
def loads_of(draw):
    """Slots that are taken, some of them beyond a capacity that was lowered."""
    taken = draw(st.frozensets(st.integers(1, 5), max_size=4))
    return Load(taken=taken, closed=draw(st.integers(0, 2)), busy_at=draw(st.sampled_from([0.0, 10.0, 20.0, 30.0])))


@st.composite
def rosters_of(draw):
    """Some agents, some of them online."""
    agents = draw(st.lists(st.sampled_from(AGENTS), unique=True, max_size=5))
    seen = tuple(Seen(agent=one, online=draw(st.booleans()), count=0) for one in agents)
    return Roster(agents=seen, read_at=0.0, uses=draw(st.sampled_from([None, None, None, 1, 2])))


@st.composite
def heads_of(draw):
    """Sessions in some lanes, each lane in order."""
    lanes = {}
    places = draw(st.lists(st.tuples(st.sampled_from(LANES), st.integers(0, 9)), max_size=14))
    for number, (lane, since) in enumerate(places, 1):
        avoid = draw(st.frozensets(st.sampled_from(AGENTS), max_size=2))
        one = Head(session=SessionId(f"{number:032x}"), lane=lane, waiting_since=after(since), avoid=avoid)
        lanes.setdefault(lane, []).append(one)
    return {lane: tuple(sorted(line, key=place)) for lane, line in lanes.items()}


@st.composite
def snapshots(draw, *, budget=PLENTY):
    """Any snapshot with calls allowed."""
    foreign = st.lists(st.tuples(st.just(0.0), st.integers(1, 2)), min_size=1, max_size=2).map(tuple)
    return Snapshot(
        policy=draw(policies()),
        heads=draw(heads_of()),
        rosters=draw(st.dictionaries(st.sampled_from(LANES), rosters_of(), max_size=4)),
        loads=draw(st.dictionaries(st.sampled_from(AGENTS), loads_of(), max_size=6)),
        foreign=draw(st.dictionaries(st.sampled_from(AGENTS), foreign, max_size=2)),
        awaited=frozenset(),
        gate=None,
        budget=draw(budget),
    )


def place(one):
    """What the order is by."""
    return one.waiting_since, one.session


def all_heads(given_):
    """Every head, oldest first."""
    return sorted((one for line in given_.heads.values() for one in line), key=place)


def used_at_first(given_, agent):
    """Slots that are in use before the plan."""
    return len(given_.loads.get(agent, IDLE).taken) + foreign_of(given_.foreign, agent)


def may_take(given_, one):
    """The agents who may take a session, full or not."""
    found = given_.rosters.get(one.lane)
    return set() if found is None else {seen.agent for seen in found.agents if seen.online} - one.avoid


@often
@given(snapshots())
def test_nobody_is_over_capacity_and_every_slot_is_given_once(given_):
    made = plan(given_)
    given_to = Counter(one.agent for one in made.reservations)
    for agent, count in given_to.items():
        assert used_at_first(given_, agent) + count <= given_.policy.capacity_of(agent)
    slots = [(one.agent, one.slot) for one in made.reservations]
    assert len(set(slots)) == len(slots)
    for one in made.reservations:
        assert 1 <= one.slot <= one.capacity == given_.policy.capacity_of(one.agent)
        assert one.slot not in given_.loads.get(one.agent, IDLE).taken


@often
@given(snapshots())
def test_everyone_is_assigned_once_or_told_why_they_wait(given_):
    made = plan(given_)
    assigned = [one.session for one in made.reservations]
    assert len(set(assigned)) == len(assigned)
    assert set(assigned).isdisjoint(made.reasons)
    assert {*assigned, *made.reasons} == {one.session for one in all_heads(given_)}


@often
@given(snapshots())
def test_whoever_is_assigned_gets_an_agent_who_is_online_may_take_the_room_and_is_not_avoided(given_):
    heads = {one.session: one for one in all_heads(given_)}
    for one in plan(given_).reservations:
        assert one.agent in may_take(given_, heads[one.session])


@often
@given(snapshots())
def test_nobody_waits_while_an_agent_who_may_take_them_is_free(given_):
    made = plan(given_)
    given_to = Counter(one.agent for one in made.reservations)
    used_up = lanes_used_up(given_, made)
    for one in all_heads(given_):
        if one.session not in made.reasons or one.lane in used_up:
            continue
        for agent in may_take(given_, one):
            used = used_at_first(given_, agent) + given_to[agent]
            assert used >= given_.policy.capacity_of(agent), made.reasons[one.session]


def lanes_used_up(given_, made):
    """Lanes whose roster was good for so many assignments, and they were made."""
    lane_of = {one.session: one.lane for one in all_heads(given_)}
    uses = Counter(lane_of[one.session] for one in made.reservations)
    return {lane for lane, found in given_.rosters.items() if found.uses is not None and uses[lane] >= found.uses}


@often
@given(snapshots(budget=st.integers(0, 1000)))
def test_the_older_is_never_behind_the_newer_among_equals(given_):
    """Who got an agent whom somebody older could have taken: then the older one got one too."""
    made = plan(given_)
    heads = all_heads(given_)
    got = {one.session: one.agent for one in made.reservations}
    used_up = lanes_used_up(given_, made)
    for index, older in enumerate(heads):
        if older.session in got or older.lane in used_up:
            continue
        for newer in heads[index + 1 :]:
            assert got.get(newer.session) not in may_take(given_, older)


@often
@given(snapshots(budget=st.integers(0, 1000)))
def test_reservations_come_in_the_order_of_waiting(given_):
    places = {one.session: place(one) for one in all_heads(given_)}
    order = [places[one.session] for one in plan(given_).reservations]
    assert order == sorted(order)


@often
@given(snapshots(budget=st.integers(0, 1000)), st.randoms(use_true_random=False))
def test_the_order_of_rows_makes_no_difference(given_, chance):
    def shuffled(mapping):
        items = list(mapping.items())
        chance.shuffle(items)
        return dict(items)

    def turned(found):
        agents = list(found.agents)
        chance.shuffle(agents)
        return replace(found, agents=tuple(agents))

    other = replace(
        given_,
        heads=shuffled(given_.heads),
        rosters=shuffled({lane: turned(one) for lane, one in given_.rosters.items()}),
        loads=shuffled(given_.loads),
        foreign=shuffled(given_.foreign),
    )
    assert plan(other) == plan(given_)


@often
@given(snapshots(budget=st.integers(0, 6)))
def test_no_more_is_started_than_the_budget_allows(given_):
    made = plan(given_)
    assert len(made.reservations) <= given_.budget
    unlimited = plan(replace(given_, budget=10_000))
    assert made.reservations == unlimited.reservations[: given_.budget]


@often
@given(snapshots(), st.sampled_from(list(WaitReason)))
def test_a_shut_gate_gives_nothing_out_and_says_why(given_, why):
    made = plan(replace(given_, gate=why))
    assert made.reservations == ()
    assert set(made.reasons.values()) <= {why}


@often
@given(snapshots())
def test_the_same_snapshot_gives_the_same_plan_and_is_left_as_it_was(given_):
    before = repr(given_)
    assert plan(given_) == plan(given_)
    assert repr(given_) == before


@often
@given(snapshots())
def test_a_plan_never_chooses_an_agent_that_a_better_free_one_could_replace(given_):
    """By the chain of strategies, and by the id where it says nothing; replayed step by step, the slow way."""
    if any(found.uses is not None for found in given_.rosters.values()):
        return
    used = Counter({agent: used_at_first(given_, agent) for agent in AGENTS})
    got = {one.session: one.agent for one in plan(given_).reservations}
    for one in all_heads(given_):
        free = [agent for agent in may_take(given_, one) if used[agent] < given_.policy.capacity_of(agent)]
        best = min(free, key=lambda agent: slow_rank(given_, agent, used[agent]), default=None)
        assert got.get(one.session) == best
        if best is not None:
            used[best] += 1


def slow_rank(given_, agent, used):
    """What the chain of strategies says of an agent."""
    words = {
        Strategy.LEAST_LOADED: lambda: used / given_.policy.capacity_of(agent),
        Strategy.LONGEST_IDLE: lambda: given_.loads.get(agent, IDLE).busy_at,
        Strategy.PLATFORM: lambda: 0.0,
    }
    return (*(words[one]() for one in given_.policy.strategy), agent)


@given(snapshots(), st.sets(st.sampled_from(LANES)))
def test_nobody_passes_those_whose_roster_is_on_its_way(given_, awaited):
    rosters = {lane: roster for lane, roster in given_.rosters.items() if lane not in awaited}
    made = plan(replace(given_, rosters=rosters, awaited=frozenset(awaited)))
    served = {one.session for one in made.reservations}
    oldest = min((place(one) for one in all_heads(given_) if one.lane in awaited), default=None)
    if oldest is not None:
        assert all(place(one) < oldest for one in all_heads(given_) if one.session in served)
