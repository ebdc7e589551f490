"""What is true of every plan, whatever the snapshot and whatever the policy: all its fields together."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.allocator.making import after

from allocator.core.candidates import AGAINST_MAX
from allocator.core.ids import AgentId, Lane, SessionId
from allocator.core.plan import Head, Snapshot, plan
from allocator.core.policy import Strategy, compile_spec
from allocator.core.reasons import WaitReason
from allocator.core.roster import IDLE, Load, Roster, Seen

SLOW = [HealthCheck.too_slow]
often = settings(max_examples=60, deadline=None, suppress_health_check=SLOW)  # a slow machine breaks no promise of ours

PLENTY = st.just(1000)
LANES = [Lane("wa"), Lane("line"), Lane("qiscus:3"), Lane("ig")]
AGENTS = [AgentId(number) for number in range(1, 7)]
DIVISIONS = ["sales", "premium"]
EMAILS = {agent: f"agent{agent}@example.com" for agent in AGENTS[:3]}
CHAINS = [
    ("leastLoaded",),
    ("longestIdle",),
    ("leastLoaded", "longestIdle"),
    ("longestIdle", "leastLoaded"),
    ("sticky", "leastLoaded"),
    ("sticky", "longestIdle", "leastLoaded"),
    ("sticky",),
]
PLACES = [{"source": "wa"}, {"source": "line"}, {"channelId": 3}, {"source": "qiscus", "channelId": 3}]
WHENS = [{}, {"sources": ["wa"]}, {"sources": ["line", "ig"]}, {"channelIds": [3]}]
NOW = after(10)


def some(of, most=2):
    """A few of them, each once."""
    return st.lists(st.sampled_from(of), unique_by=repr, max_size=most)


@st.composite
def capacities(draw):
    """Capacities from none to four, by number, address and division, and caps on channels and on all."""
    small = st.integers(0, 4)
    agents = [{"id": agent, "max": draw(small)} for agent in draw(some(AGENTS, 3))]
    agents += [{"email": email, "max": draw(small)} for email in draw(some(list(EMAILS.values())))]
    capacity = {
        "default": draw(st.integers(0, 3)),
        "agents": agents,
        "divisions": [{"name": name, "max": draw(small)} for name in draw(some(DIVISIONS))],
        "channels": [place | {"max": draw(st.integers(0, 3))} for place in draw(some(PLACES))],
    }
    return capacity | draw(st.sampled_from([{}, {}, {"total": draw(st.integers(0, 20))}]))


@st.composite
def policies(draw):
    """A policy that may use every field; where the platform chooses it names no divisions."""
    if draw(st.integers(0, 9)) == 0:
        spec = {"capacity": {"default": draw(st.integers(0, 3))}, "strategy": ["platform"]}
        return compile_spec(spec, 1)
    rules = [
        {"when": when, "divisions": draw(some(DIVISIONS)) or ["sales"], "agents": draw(some(AGENTS, 3)) or [6]}
        for when in draw(some(WHENS))
    ]
    spec = {
        "capacity": draw(capacities()),
        "eligibility": rules,
        "strategy": list(draw(st.sampled_from(CHAINS))),
        "sticky": {"patience": draw(st.sampled_from(["0s", "5s"]))},
    }
    return compile_spec(spec, 1)


@st.composite
def loads_of(draw):
    """Slots that are taken, some of them beyond a capacity that was lowered, with where their sessions are from."""
    taken = draw(st.frozensets(st.integers(1, 5), max_size=4))
    lanes = Counter(draw(st.sampled_from(LANES)) for _ in taken)
    busy_at = draw(st.sampled_from([0.0, 10.0, 20.0, 30.0]))
    return Load(taken=taken, closed=draw(st.integers(0, 2)), busy_at=busy_at, by_lane=dict(lanes))


@st.composite
def rosters_of(draw, divisions):
    """Some agents, some of them online."""
    agents = draw(st.lists(st.sampled_from(AGENTS), unique=True, max_size=5))
    seen = tuple(
        Seen(
            agent=one,
            online=draw(st.booleans()),
            count=0,
            divisions=divisions.get(one, frozenset()),
            email=EMAILS.get(one),
        )
        for one in agents
    )
    return Roster(agents=seen, read_at=0.0, uses=draw(st.sampled_from([None, None, None, 1, 2])))


@st.composite
def heads_of(draw):
    """Sessions in some lanes, each lane in order."""
    lanes = {}
    places = draw(st.lists(st.tuples(st.sampled_from(LANES), st.integers(0, 9)), max_size=14))
    for number, (lane, since) in enumerate(places, 1):
        one = Head(
            session=SessionId(f"{number:032x}"),
            lane=lane,
            waiting_since=after(since),
            avoid=draw(st.frozensets(st.sampled_from(AGENTS), max_size=2)),
            last_agent=draw(st.sampled_from([None, *AGENTS])),
        )
        lanes.setdefault(lane, []).append(one)
    return {lane: tuple(sorted(line, key=place)) for lane, line in lanes.items()}


@st.composite
def snapshots(draw, *, budget=PLENTY):
    """Any snapshot with calls allowed."""
    names = st.frozensets(st.sampled_from(DIVISIONS), max_size=2)
    divisions = draw(st.dictionaries(st.sampled_from(AGENTS), names, max_size=6))
    return Snapshot(
        policy=draw(policies()),
        at=NOW,
        heads=draw(heads_of()),
        rosters=draw(st.dictionaries(st.sampled_from(LANES), rosters_of(divisions), max_size=4)),
        loads=draw(st.dictionaries(st.sampled_from(AGENTS), loads_of(), max_size=6)),
        foreign=draw(st.dictionaries(st.sampled_from(AGENTS), st.integers(1, 2), max_size=2)),
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
    return len(given_.loads.get(agent, IDLE).taken) + given_.foreign.get(agent, 0)


def seen_of(given_, agent):
    """The agent as some roster shows them."""
    return next(seen for found in given_.rosters.values() for seen in found.agents if seen.agent == agent)


def capacity_of(given_, agent):
    """What the policy allows the agent."""
    return given_.policy.capacity_of(seen_of(given_, agent))


def may_take(given_, one):
    """The agents who may take a session, full or not: online, let in by the platform and by the policy."""
    found = given_.rosters.get(one.lane)
    rule = given_.policy.eligible(one.lane)
    agents = () if found is None else found.agents
    return {seen.agent for seen in agents if seen.online and (rule is None or rule.has(seen))} - one.avoid


class Counts:
    """What agents have, while sessions are given to them one after another: the slow way."""

    def __init__(self, given_):
        self.given = given_
        self.used = Counter({agent: used_at_first(given_, agent) for agent in AGENTS})
        self.lanes = {agent: Counter(given_.loads.get(agent, IDLE).by_lane) for agent in AGENTS}
        ours = sum(len(load.taken) for load in given_.loads.values())
        self.total = ours + sum(given_.foreign.values())

    def has_room(self, agent, lane):
        """Whether nothing of the policy keeps the agent from one more of that lane."""
        return self.used[agent] < capacity_of(self.given, agent) and not self.is_capped(agent, lane)

    def is_capped(self, agent, lane):
        """Whether a channel cap does."""
        return any(
            cap.place.has(lane) and sum(n for of, n in self.lanes[agent].items() if cap.place.has(of)) >= cap.most
            for cap in self.given.policy.channel_caps
        )

    def app_has_room(self):
        """Whether the total allows one more."""
        return self.given.policy.total is None or self.total < self.given.policy.total

    def give(self, agent, lane):
        """One more."""
        self.used[agent] += 1
        self.lanes[agent][lane] += 1
        self.total += 1

    def after(self, made):
        """With all that a plan gave out."""
        lane_of = {one.session: one.lane for one in all_heads(self.given)}
        for one in made.reservations:
            self.give(one.agent, lane_of[one.session])
        return self


@often
@given(snapshots())
def test_nobody_is_over_any_cap_and_every_slot_is_given_once(given_):
    made = plan(given_)
    counts = Counts(given_)
    lane_of = {one.session: one.lane for one in all_heads(given_)}
    for one in made.reservations:
        assert counts.has_room(one.agent, lane_of[one.session])
        assert counts.app_has_room()
        counts.give(one.agent, lane_of[one.session])
    slots = [(one.agent, one.slot) for one in made.reservations]
    assert len(set(slots)) == len(slots)
    for one in made.reservations:
        assert 1 <= one.slot <= one.capacity == capacity_of(given_, one.agent)
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
def test_nobody_waits_while_an_agent_who_may_take_them_has_room(given_):
    made = plan(given_)
    counts = Counts(given_).after(made)
    used_up = lanes_used_up(given_, made)
    for one in all_heads(given_):
        if one.session not in made.reasons or one.lane in used_up or not counts.app_has_room():
            continue
        if made.reasons[one.session] is WaitReason.WAITING_FOR_THEIR_AGENT:
            continue
        for agent in may_take(given_, one):
            assert not counts.has_room(agent, one.lane), made.reasons[one.session]


@often
@given(snapshots())
def test_only_a_patient_policy_lets_somebody_wait_for_their_agent_and_only_for_one_who_is_there_and_full(given_):
    made = plan(given_)
    counts = Counts(given_).after(made)
    for one in all_heads(given_):
        if made.reasons.get(one.session) is WaitReason.WAITING_FOR_THEIR_AGENT:
            assert one.last_agent in may_take(given_, one)
            assert not counts.has_room(one.last_agent, one.lane)
            assert given_.at - one.waiting_since < timedelta(seconds=given_.policy.sticky.patience_s)


@often
@given(snapshots())
def test_each_reason_is_true(given_):
    made = plan(given_)
    counts = Counts(given_).after(made)
    for one in all_heads(given_):
        why, found = made.reasons.get(one.session), given_.rosters.get(one.lane)
        if why is WaitReason.NO_AGENT_ONLINE:
            assert not may_take(given_, replace(one, avoid=frozenset()))
        elif why is WaitReason.APP_AT_CAPACITY:
            assert not counts.app_has_room()
        elif why is WaitReason.CHANNEL_AT_CAPACITY:
            assert any(counts.is_capped(seen.agent, one.lane) for seen in found.agents)
        elif why is WaitReason.ASKING:
            assert found is None or one.lane in lanes_used_up(given_, made)


def lanes_used_up(given_, made):
    """Lanes whose roster was good for so many assignments, and they were made."""
    lane_of = {one.session: one.lane for one in all_heads(given_)}
    uses = Counter(lane_of[one.session] for one in made.reservations)
    return {lane for lane, found in given_.rosters.items() if found.uses is not None and uses[lane] >= found.uses}


@often
@given(snapshots(budget=st.integers(0, 1000)))
def test_the_older_is_never_behind_the_newer_among_equals(given_):
    """Who got an agent whom somebody older could have taken: then the older one got one too, or waits for their own,
    or has a cap on where they come from in the way.
    """
    made = plan(given_)
    heads = all_heads(given_)
    counts = Counts(given_).after(made)
    got = {one.session: one.agent for one in made.reservations}
    used_up = lanes_used_up(given_, made)
    for index, older in enumerate(heads):
        waits_for_own = made.reasons.get(older.session) is WaitReason.WAITING_FOR_THEIR_AGENT
        if older.session in got or older.lane in used_up or waits_for_own:
            continue
        for newer in heads[index + 1 :]:
            agent = got.get(newer.session)
            assert agent not in may_take(given_, older) or counts.is_capped(agent, older.lane)


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
    counts = Counts(given_)
    made = plan(given_)
    got = {one.session: one for one in made.reservations}
    for one in all_heads(given_):
        free = [agent for agent in may_take(given_, one) if counts.has_room(agent, one.lane)]
        best = min(free, key=lambda agent: slow_rank(given_, one, agent, counts.used[agent]), default=None)
        if not counts.app_has_room() or made.reasons.get(one.session) is WaitReason.WAITING_FOR_THEIR_AGENT:
            best = None
        chosen = got.get(one.session)
        assert (chosen and chosen.agent) == best
        if best is not None:
            assert chosen.rank == slow_rank(given_, one, best, counts.used[best])
            others = {slow_rank(given_, one, agent, counts.used[agent])[1:] for agent in free if agent != best}
            assert len(chosen.against) <= AGAINST_MAX
            assert {rank[1:] for rank in chosen.against} <= others
            assert list(chosen.against) == sorted(chosen.against)
            counts.give(best, one.lane)


def slow_rank(given_, one, agent, used):
    """What the chain of strategies says of an agent."""
    words = {
        Strategy.STICKY: lambda: 0.0 if agent == one.last_agent else 1.0,
        Strategy.LEAST_LOADED: lambda: used / capacity_of(given_, agent),
        Strategy.LONGEST_IDLE: lambda: given_.loads.get(agent, IDLE).busy_at,
        Strategy.PLATFORM: lambda: 0.0,
    }
    return (*(words[word]() for word in given_.policy.strategy), agent)


@often
@given(snapshots(), st.sets(st.sampled_from(LANES)))
def test_nobody_passes_those_whose_roster_is_on_its_way(given_, awaited):
    rosters = {lane: roster for lane, roster in given_.rosters.items() if lane not in awaited}
    made = plan(replace(given_, rosters=rosters, awaited=frozenset(awaited)))
    served = {one.session for one in made.reservations}
    oldest = min((place(one) for one in all_heads(given_) if one.lane in awaited), default=None)
    if oldest is not None:
        assert all(place(one) < oldest for one in all_heads(given_) if one.session in served)
