"""What a leader keeps in mind about one app between rounds: who may take whom, and how the platform is.

All of it can be lost at any moment: it is asked for anew. What must not be lost is in the ledger.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from allocator.core import breaker as b
from allocator.core import outcomes as o
from allocator.core.fairness import NOTHING, Given, evenness, tallied, turn
from allocator.core.glance import AgentSeen, Glance
from allocator.core.ids import AgentId, AppId, Lane, RoomId
from allocator.core.plan import Plan, Snapshot, head_of, heads_needed, why_shut
from allocator.core.policy import Policy
from allocator.core.reasons import WaitReason
from allocator.core.roster import Load, Roster, Seen, of_agents, short_after
from allocator.core.session import Session
from allocator.core.steps import WaitsTold
from allocator.ports import Outlook
from allocator.rounds.others import Others
from allocator.rounds.tuning import Tuning
from chassis.logs import logger

HOLD_S = 1.0
"""Those who came later wait at most so long for the answer to who may take somebody who came before."""
FIRST_TRUST_S = 15.0
"""A roster that no plan has seen yet is good for so long: rounds may be slow, and must give out something even so."""
SUSPECTS_MAX = 20
ASK_AGAIN_S = 0.5
ASK_AGAIN_MAX_S = 10.0
TALLY_S = 1.0
"""So often it is looked who is online, for the figures of fairness."""
IN_USE_S = 10.0
"""A lane's roster is kept fresh for so long after somebody waited there: the next customer need not wait for it."""


_log = logger(__name__)


def _tell_how_the_platform_is(app: AppId, reason: WaitReason | None) -> None:
    """Once at each change: whoever looks for why nobody is served looks into the log first."""
    if reason is None:
        _log.info("platform_answers", app=app)
    elif reason is WaitReason.CREDENTIALS_REFUSED:
        remedy = "correct the app's id and secret key (QISCUS_APP_ID, QISCUS_SECRET_KEY or the file of apps)"
        _log.error("credentials_refused", app=app, remedy=remedy, then="customers keep their places meanwhile")
    else:
        _log.warning("platform_unavailable", app=app, why=str(reason), then="calls pause, customers keep their places")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a plan is made, on both clocks, and why nothing may be given out then, if so."""

    now: float
    wall: datetime
    gate: WaitReason | None


@dataclass(slots=True)
class _Line:
    """A lane: its roster, whether the loads have been compared with it, and when asking makes sense again."""

    roster: Roster | None = None
    compared: bool = False
    used: bool = False
    """Whether a plan has seen it. The first plan after it came may, however slow the round: there is none better."""
    head: Session | None = None
    """The last session that was looked at here, and when: a lane in use is kept in mind."""
    used_at: float = 0.0
    asked_at: float | None = None
    """When the answer that is awaited was asked for."""
    failures: int = 0
    ask_from: float = 0.0


class Desk:
    """One app. ``now`` is seconds on the clock that does not jump."""

    def __init__(self, app: AppId, tuning: Tuning) -> None:
        self.app = app
        self.breaker = b.closed()
        self.waits = False
        """Whether somebody waits for their turn."""
        self.more = True
        """Whether the last round may have left something to do."""
        self.wanted = 0
        """How many heads of each lane the last plan could use."""
        self.sweep_at = 0.0
        self.believe_from = 0.0
        """Rosters that were asked for before say too little."""
        self.reasons: Mapping[Lane, WaitReason] = {}
        self.waits_told = WaitsTold()
        self.policy: Policy | None = None
        self.in_use: int | None = None
        """The version that was noted as the one that is used."""
        self._tuning = tuning
        self._lines: dict[Lane, _Line] = {}
        self._others = Others(tuning.timing.lag_s, tuning.roster_trust_s)
        self._short: dict[AgentId, float] = {}
        self._tally = NOTHING
        self._given: list[Given] = []
        self._shut = False
        """Whether the policy, at the last plan, gave nothing to anybody: then nobody need be asked about."""

    def answered(self, outcome: object, now: float) -> None:
        """A call of any kind had ``outcome``."""
        before = self.breaker.reason
        self.breaker = b.after(self.breaker, outcome, now)
        if self.breaker.reason is before:
            return
        _tell_how_the_platform_is(self.app, self.breaker.reason)
        if self.breaker.reason is None:  # after an outage, look at everything
            self.sweep_at = now

    def asked(self, lane: Lane, found: object, now: float) -> None:
        """A roster of ``lane`` came, or did not."""
        line = self._lines.setdefault(lane, _Line())
        line.asked_at = None
        if isinstance(found, Roster):
            if line.failures:
                self._ask_all_again(now)
            line.roster, line.compared, line.used, line.failures = found, False, False, 0
            return
        pause = min(ASK_AGAIN_S * 2.0 ** min(line.failures, 8), ASK_AGAIN_MAX_S)
        line.failures += 1
        line.ask_from = now if isinstance(found, o.RoomRefused) else now + pause

    def _ask_all_again(self, now: float) -> None:
        """Whatever was wrong may be over for all: who waited longest comes first, whichever lane was asked first."""
        for line in self._lines.values():
            line.failures, line.ask_from = 0, now

    def compare(self, loads: Mapping[AgentId, Load], now: float) -> None:
        """Take from new rosters what they say of customers that are not ours, and from the others what they say of
        agents whose slots were freed since without a word that it was just then.
        """
        freed = self._others.hold(loads, now)
        for line in self._lines.values():
            if line.roster is None or (line.compared and not freed):
                continue
            self._others.see(of_agents(line.roster, freed) if line.compared else line.roster)
            if not line.compared:
                self._short = short_after(self._short, line.roster, loads)
                line.compared = True
        self._others.believe(now)

    def suspects(self, now: float) -> list[AgentId]:
        """Agents of whom the platform has counted fewer customers than we for longer than it is late: a resolve
        may have been lost. Each is named once in a while, not all the time.
        """
        oldest = now - 2 * self._tuning.timing.lag_s
        found = sorted(agent for agent, since in self._short.items() if since < oldest)[:SUSPECTS_MAX]
        self._short.update(dict.fromkeys(found, now))
        return found

    def heads_wanted(self, policy: Policy, loads: Mapping[AgentId, Load], budget: int, now: float) -> int:
        """How many of each lane a plan could use: as many as there are free slots, and some more."""
        free = sum(self._free(seen, policy, loads) for seen in _online(self._trusted(now).values()))
        return heads_needed(policy, min(max(budget, 0), free))

    def budget(self, under_way: int, now: float) -> int:
        """How many assignments may be started, with so many under way."""
        most = 1 if b.is_trying(self.breaker, now) else self._tuning.calls_max
        return max(0, most - under_way)

    def snapshot(
        self,
        policy: Policy,
        *,
        loads: Mapping[AgentId, Load],
        heads: Mapping[Lane, Sequence[Session]],
        last_agents: Mapping[RoomId, AgentId],
        budget: int,
        moment: Moment,
    ) -> Snapshot:
        """All that the plan may know."""
        now, wall = moment.now, moment.wall
        self._shut = why_shut(policy, wall) is not None
        return Snapshot(
            policy=policy,
            at=wall,
            heads={
                lane: tuple(head_of(one, wall, last_agents.get(one.room)) for one in line)
                for lane, line in heads.items()
            },
            rosters=self._trusted(now),
            awaited=frozenset(lane for lane in heads if self._is_awaited(lane, policy, now)),
            loads=loads,
            foreign=self._others.foreign,
            gate=moment.gate if b.may_call(self.breaker, now) else self.breaker.reason,
            budget=budget,
        )

    def planned(self, policy: Policy, heads: Mapping[Lane, Sequence[Session]], made: Plan, now: float) -> None:
        """Remember what came out of a plan."""
        self.policy, self.in_use = policy, policy.version
        for line in self._lines.values():
            line.used = True
        self._remember(policy, heads, made, now)
        self._others.give(made.reservations, now)
        given = {reservation.session for reservation in made.reservations}
        left = {lane: [one for one in sessions if one.id not in given] for lane, sessions in heads.items()}
        served_all = any(not rest and len(heads[lane]) == self.wanted for lane, rest in left.items())
        self.more = bool(given) and served_all
        self.waits = self.more or any(left.values())
        self.reasons = {lane: _reason_of(rest, made) for lane, rest in left.items() if rest}
        if policy.asks_platform:
            self._use_up({session.lane for sessions in heads.values() for session in sessions if session.id in given})

    def begin_anew(self) -> None:
        """A round failed, after however long: a roster that it would have used first is as old as any other now."""
        self.in_use = None
        for line in self._lines.values():
            line.used = True

    def to_ask(self, heads: Mapping[Lane, Sequence[Session]], now: float) -> list[Session]:
        """For each lane whose roster should be read now, the session to ask for."""
        for lane, sessions in heads.items():
            line = self._lines.setdefault(lane, _Line())
            line.head, line.used_at = sessions[0], now
        return self.to_keep_fresh(now, 0.0)

    def to_keep_fresh(self, now: float, in_use_s: float = IN_USE_S) -> list[Session]:
        """The same for the lanes that were in use within ``in_use_s``."""
        if not b.may_call(self.breaker, now) or self.policy is None or self._shut:
            return []
        if self.policy.asks_platform and in_use_s > 0:  # a suggestion is for somebody who waits
            return []
        stale = [line for line in self._lines.values() if line.used_at >= now - in_use_s and self._is_stale(line, now)]
        for line in stale:
            line.asked_at = line.asked_at or now
        return [line.head for line in stale if line.head is not None]

    def outlook(self, now: float, calls: Mapping[str, int]) -> Outlook:
        """For figures."""
        online = [seen.agent for seen in _online([line.roster for line in self._lines.values() if line.roster])]
        return Outlook(
            slots=self.slots(),
            foreign=sum(self._others.foreign.get(agent, 0) for agent in online),
            agents_online=len(online),
            policy=None if self.policy is None else self.policy.version,
            circuit=self._circuit(now),
            calls=calls,
        )

    def _circuit(self, now: float) -> int:
        match self.breaker.reason:
            case None:
                return 0
            case WaitReason.CREDENTIALS_REFUSED:
                return 3
            case _:
                return 1 if b.may_call(self.breaker, now) else 2

    def slots(self) -> int:
        """How many slots the agents have who are online."""
        if self.policy is None:
            return 0
        rosters = [line.roster for line in self._lines.values() if line.roster is not None]
        return sum(map(self.policy.capacity_of, _online(rosters)))

    def fairness(self) -> tuple[float | None, float | None]:
        """How evenly sessions went to agents, and how many came in their turn, as shares; None: nothing to tell."""
        return evenness(self._tally), turn(self._tally)

    def glance(self, leader: str, at: float) -> Glance:
        """What is seen of the app, for those who ask; ``at``: Unix time."""
        policy = self.policy
        return Glance(
            leader=leader,
            at=at,
            platform=None if self.breaker.reason is None else str(self.breaker.reason),
            policy=None if policy is None else policy.version,
            paused=policy is not None and policy.paused,
            reasons={lane: str(reason) for lane, reason in self.reasons.items()},
            agents=() if policy is None else tuple(self._agents_seen(policy)),
        )

    def _agents_seen(self, policy: Policy) -> Iterator[AgentSeen]:
        lanes: dict[AgentId, list[Lane]] = {}
        known: dict[AgentId, Seen] = {}
        for lane, line in self._lines.items():
            rule = policy.eligible(lane)
            for seen in line.roster.agents if line.roster is not None else ():
                of_agent = lanes.setdefault(seen.agent, [])
                if rule is None or rule.has(seen):
                    of_agent.append(lane)
                if seen.online or seen.agent not in known:
                    known[seen.agent] = seen
        for agent, theirs in sorted(lanes.items()):
            yield AgentSeen(
                agent=agent,
                online=known[agent].online,
                capacity=policy.capacity_of(known[agent]),
                foreign=self._others.foreign.get(agent, 0),
                lanes=tuple(sorted(theirs)),
            )

    def _remember(self, policy: Policy, heads: Mapping[Lane, Sequence[Session]], made: Plan, now: float) -> None:
        """For fairness: who was online, and who was given whom for the first time. Where the platform chooses, nobody
        knows who else was online.
        """
        if policy.asks_platform:
            return
        first = {one.id: one for line in heads.values() for one in line if one.reserved_at is None}
        for given in made.reservations:
            if given.session in first:
                session = first[given.session]
                self._given.append(Given(agent=given.agent, lane=session.lane, since=session.waiting_since))
        if self._tally.at is None or now - self._tally.at >= TALLY_S:
            online = {seen.agent: policy.capacity_of(seen) for seen in _online(self._trusted(now).values())}
            self._tally = tallied(self._tally, now, online, self._given)
            self._given = []

    def _trusted(self, now: float) -> dict[Lane, Roster]:
        found: dict[Lane, Roster] = {}
        for lane, line in self._lines.items():
            trusted_s = self._tuning.roster_trust_s if line.used else FIRST_TRUST_S
            oldest = max(now - trusted_s, self.believe_from)
            if line.roster is not None and line.roster.read_at >= oldest:
                found[lane] = line.roster
        return found

    def _free(self, seen: Seen, policy: Policy, loads: Mapping[AgentId, Load]) -> int:
        ours = len(loads[seen.agent].taken) if seen.agent in loads else 0
        return max(0, policy.capacity_of(seen) - ours - self._others.foreign.get(seen.agent, 0))

    def _is_awaited(self, lane: Lane, policy: Policy, now: float) -> bool:
        """Whether a first answer about ``lane`` is to come any moment. The platform's suggestions are asked for one
        by one, and hold up nobody; nor does a lane about which asking failed.
        """
        line = self._lines.get(lane) or _Line()
        if policy.asks_platform or line.failures or lane in self._trusted(now):
            return False
        return line.asked_at is None or now - line.asked_at < HOLD_S

    def _is_stale(self, line: _Line, now: float) -> bool:
        fresh = line.roster is not None and now - line.roster.read_at < self._tuning.roster_refresh_s
        return not fresh and now >= line.ask_from

    def _use_up(self, lanes: set[Lane]) -> None:
        """A suggestion of the platform's is good for one assignment."""
        for lane in lanes:
            self._lines[lane].roster = None


def _online(rosters: Iterable[Roster]) -> Iterable[Seen]:
    """Who is online in any of them, once."""
    return {seen.agent: seen for roster in rosters for seen in roster.agents if seen.online}.values()


def _reason_of(left: Sequence[Session], made: Plan) -> WaitReason:
    """Why those wait who were not looked at: for what the first waits for, unless that is an agent of their own."""
    reasons = [made.reasons[one.id] for one in left]
    return next((why for why in reasons if why is not WaitReason.WAITING_FOR_THEIR_AGENT), reasons[0])
