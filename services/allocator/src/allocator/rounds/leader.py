"""The round: what the leader does, over and over, for as long as it leads.

    read        entries at the head of the inbox, results of calls that came back
    record      ┐ one fenced transaction: results and events, in order,
    reserve     ┘ and the slots that plan(snapshot) gives out
    announce    tell the platform: many calls at once, outside any transaction
    acknowledge delete the recorded entries from the inbox, while the calls are on their way

A round never waits for the platform. It may be broken off anywhere: an entry is deleted only after Postgres has
it, a result is dropped only after Postgres has it, and a session that is RESERVED when nobody can say whether the
platform was told is in doubt.

When Postgres fails in the middle, nobody can say whether the transaction took effect. Then a new *term* is begun,
by ourselves, if the newest is ours: beginning one waits for all older transactions to be over, and after it the rows
tell.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from allocator.core.breaker import may_call
from allocator.core.changes import Changes
from allocator.core.ids import AppId, Epoch, RoomId
from allocator.core.lifecycle import farthest, on_clock_back, on_recovery
from allocator.core.reasons import WaitReason
from allocator.core.requests import Request
from allocator.core.session import Session, State
from allocator.core.spec import rows_for
from allocator.core.steps import steps_of
from allocator.ports import Conflict, Entry, Transaction, Trust, Unavailable
from allocator.rounds.calls import Assigned, Calls, Result, Swept
from allocator.rounds.desk import Desk, Moment
from allocator.rounds.given import Given
from allocator.rounds.learn import ended_in, learn, say_if_slow
from allocator.rounds.record import Recorded, Taken, by_app, record
from allocator.rounds.reserve import Reserved, reserve
from allocator.rounds.telling import tell
from allocator.rounds.traced import trace
from allocator.rounds.tuning import Surroundings
from chassis.logs import logger

_log = logger(__name__)

_Look = Callable[[Transaction, Sequence[Session]], Awaitable[Iterable[Session]]]
"""Looks at the sessions that are unsettled; returns those to announce again."""

READ_WAIT_S = 2.0
RETRY_S = 0.2
TERM_RETRY_S = 0.5
STAND_STILL_S = 10.0
"""A leader whose rounds fail for so long gives the lead to somebody who may be better placed."""


@dataclass(slots=True)
class _Decided:
    """What a round has to say once it is written down."""

    recorded: Recorded
    reserved: list[Reserved] = field(default_factory=list)


class Leader:
    """One stretch of leading. ``run`` returns after :meth:`stop`, and raises when it must not lead any more."""

    def __init__(self, name: str, trust: Trust, around: Surroundings) -> None:
        self._name = name
        self._trust = trust
        self._inbox, self._ledger, self._watch = around.inbox, around.ledger, around.watch
        self._tracer = around.tracer
        self._clock, self._tuning, self._policies = around.clock, around.tuning, around.policies
        self._spec: object | None = self._policies.newest()
        self._looks_for_news = False
        self._trust_needed_s = self._tuning.timing.platform_timeout_s + self._tuning.send_margin_s
        self._epoch = Epoch(0)
        self._wake = asyncio.Event()
        self._stopping = False
        self._failing_since: float | None = None
        self._entries: Sequence[Entry] = ()
        self._entries_done = asyncio.Event()
        self._results: list[Result] = []
        self._ended: frozenset[tuple[AppId, RoomId]] = frozenset()
        self._given = Given(2 * self._until_shown)
        self._touched: set[AppId] = set(around.platforms)
        self._tick_at = self._due_at = self._clock.now()
        self.beat_at = self._clock.now()
        """When the loop last came round, for liveness."""
        self.desks = {app: Desk(app, self._tuning) for app in around.platforms}
        """What is kept in mind about each app."""
        self.calls = Calls(around, trust, self._trust_needed_s, self._wake.set)

    def stop(self) -> None:
        """Let ``run`` return before its next round."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Lead. Raises :class:`~allocator.ports.StopLeading`, or :class:`~allocator.ports.Unavailable` when
        the stores stay away for too long.
        """
        self._ended = await ended_in(self._inbox, self._tuning.events_max)
        await self._begin_term(self._ledger.begin_term, self._recover)
        reader = asyncio.create_task(self._read_inbox())
        reader.add_done_callback(lambda _: self._wake.set())
        try:
            while not self._stopping:
                await self._round_or_new_term()
                await self._wait()
                if reader.done():
                    reader.result()  # a bug of ours: nobody would be taken in any more
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def round(self) -> None:
        """One round, end to end."""
        started = self._clock.now()
        taken = self._read()
        async with self._ledger.transaction(self._epoch) as tx:
            await self._put_policy(tx)
            decided = _Decided(await self._record(tx, taken, await self._news(tx)))
            await self._take_up(tx, taken, decided.recorded)
            decided.reserved = await self._reserve(tx, decided.recorded)
        self._forget_written(taken)
        self._announce(decided)
        await self._acknowledge(taken)
        trace(self._tracer, decided.recorded, decided.reserved)
        plans = [one.planned for one in decided.reserved]
        tell(decided.recorded.moved, decided.recorded.answers)
        self._watch.round(self._clock.now() - started, taken.entries, decided.recorded.moved, plans)

    async def leave(self) -> None:
        """Leave in good order: what has come back is settled. What is still under way stays RESERVED, and is announced
        again by whoever leads next, before anybody who came later (:meth:`_recover`).
        """
        await self.calls.drain(self._tuning.drain_s)
        await self.calls.close()
        taken = Taken(entries=(), results=tuple(self._come_back()))
        async with self._ledger.transaction(self._epoch) as tx:
            recorded = await self._record(tx, taken)
        trace(self._tracer, recorded, ())

    async def close(self) -> None:
        """Stop whatever is under way; nothing is written down."""
        await self.calls.close()
        self._watch.led(None)

    def _read(self) -> Taken:
        """What there is to write down; nothing is waited for."""
        self._touched.update(entry.app for entry in self._entries)
        return Taken(entries=self._entries, results=tuple(self._come_back()))

    def _come_back(self) -> Sequence[Result]:
        """The results that are not written down yet."""
        results = self.calls.take()
        for app, of_app in by_app(results).items():
            self._touched.add(app)
            learn(self.desks[app], of_app, self._clock.now())
        self._results.extend(results)
        return self._results

    async def _put_policy(self, tx: Transaction) -> None:
        if self._spec is not None:
            for app, row in rows_for(self._spec, self.desks):
                _log.info("policy_in_force", app=app, version=await tx.put_policy(app, row, self._clock.wall()))

    async def _news(self, tx: Transaction) -> Sequence[Request]:
        """Once a tick: in silence, somebody may have given a policy, or asked for something."""
        if not self._looks_for_news:
            return ()
        news = await tx.news({app: one.in_use or 0 for app, one in self.desks.items()})
        self._touched.update(news.policies)
        return news.requests

    async def _record(self, tx: Transaction, taken: Taken, requests: Sequence[Request] = ()) -> Recorded:
        now = self._clock.now()
        reachable = [app for app, desk in self.desks.items() if may_call(desk.breaker, now)]
        return await record(
            tx,
            taken,
            requests,
            now=self._clock.wall(),
            tuning=self._tuning,
            viewing=self.calls.viewing,
            reachable=reachable,
        )

    async def _reserve(self, tx: Transaction, recorded: Recorded) -> list[Reserved]:
        self._touched.update(session.app for session in recorded.sessions)
        gate = None if self._trust.covers(self._trust_needed_s) else WaitReason.LEAD_IN_QUESTION
        moment = Moment(now=self._clock.now(), wall=self._clock.wall(), gate=gate)
        resent = [session.app for session in recorded.sessions if session.state is State.RESERVED]
        return [
            await reserve(tx, self.desks[app], self.calls.under_way(app) + resent.count(app), moment, self._lag_s)
            for app in sorted(self._touched)
        ]

    def _forget_written(self, taken: Taken) -> None:
        """Postgres has it."""
        self._results = self._results[len(taken.results) :]
        self._spec, self._looks_for_news = None, False
        self._touched = {app for app, desk in self.desks.items() if desk.more}

    async def _acknowledge(self, taken: Taken) -> None:
        """Entries that cannot be deleted now are read again, and known by their ids. Nobody waits for that: Redis syncs
        its disk first, which took a fifth of the time from a resolve to the next call.
        """
        if taken.entries:
            await self._delete(taken.entries)
            self._entries = ()
            self._entries_done.set()

    async def _delete(self, entries: Sequence[Entry]) -> None:
        try:
            await self._inbox.delete(entries)
        except Unavailable as error:
            _log.warning("entries_not_deleted", why=str(error), then="they are read again")
            await self._clock.sleep(RETRY_S)
            return
        for entry in entries:
            if entry.arrival is None:
                _log.error("entry_put_aside", app=entry.app, entry=entry.id, why=entry.why)
                self._watch.put_aside(entry.app)

    def _announce(self, decided: _Decided) -> None:
        """In the order of the reservations; the calls overlap. An answer may have come while this was written down."""
        for session in self._unannounced(decided.recorded.sessions):
            self.calls.assign(session)
        for reserved in decided.reserved:
            for session in reserved.sessions:
                self._given.note(session)
                self.calls.assign(session)
            for head in reserved.ask:
                self.calls.ask(head, platform_chooses=reserved.platform_chooses)
            for session in reserved.view:
                self.calls.view(session)
        for session in decided.recorded.view:
            self.calls.view(session)
        for app, kind in decided.recorded.drift:
            self._watch.drift(app, kind)
        self._plan_next(decided.recorded)

    def _plan_next(self, recorded: Recorded) -> None:
        """When the next round is due if nothing happens."""
        self._due_at = float("inf")
        if recorded.next_due_at is not None:
            self._due_at = self._clock.now() + max(0.0, (recorded.next_due_at - self._clock.wall()).total_seconds())
        if self._touched:
            self._wake.set()

    async def _wait(self) -> None:
        """Until something happened, or something is due."""
        self.beat_at = self._clock.now()
        pause = min(self._tick_at, self._due_at) - self._clock.now()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, pause)):
                await self._wake.wait()
        self._wake.clear()
        self.beat_at = self._clock.now()
        if self.calls.broken is not None:
            raise self.calls.broken
        if self._clock.now() >= self._tick_at:
            self._tick()

    def _tick(self) -> None:
        """What happens although nothing happened: policies change in silence, agents come in silence."""
        now = self._clock.now()
        self._tick_at = now + self._tuning.tick_s
        self._looks_for_news = True
        given = self._policies.newest()
        self._spec = self._spec if given is None else given  # an empty one is one
        if self._spec is not None:
            self._touched.update(self.desks)
        for app, desk in self.desks.items():
            if desk.waits:
                self._touched.add(app)
            for head in desk.to_keep_fresh(now):
                self.calls.ask(head, platform_chooses=False)
            if now >= desk.sweep_at and may_call(desk.breaker, now):
                desk.sweep_at = now + self._tuning.sweep_s
                self.calls.sweep(app)

    async def _round_or_new_term(self) -> None:
        started = self._clock.now()
        try:
            await self.round()
            self._failing_since = None
            say_if_slow(self._clock.now() - started, self._tuning.roster_trust_s)
        except (Unavailable, Conflict) as error:
            _log.warning("round_failed", why=str(error), then="a new term, to see what was written")
            await self._bear(error)
            await self._begin_term(self._ledger.renew_term, self._resume)
            for desk in self.desks.values():
                desk.begin_anew()

    async def _bear(self, error: Exception) -> None:
        """A failure now and then is borne; one after another, for too long, is not."""
        now = self._clock.now()
        if self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since > STAND_STILL_S:
            raise Unavailable(str(error)) from error
        else:
            await self._clock.sleep(RETRY_S)

    async def _begin_term(self, begin: Callable[[str], Awaitable[Epoch]], look: _Look) -> None:
        """Begin a term, however long Postgres needs, within reason; then ``look`` at what is unsettled."""
        give_up_at = self._clock.now() + STAND_STILL_S
        while True:
            self.beat_at = self._clock.now()
            try:
                self._epoch = await begin(self._name)
                async with self._ledger.transaction(self._epoch) as tx:
                    again = await look(tx, await tx.unsettled(self.desks))
                break
            except Unavailable as error:
                _log.warning("term_not_begun", why=str(error))
                if self._stopping or not self._trust.covers(0) or self._clock.now() > give_up_at:
                    raise
                await self._clock.sleep(TERM_RETRY_S)
        self._watch.led(self._epoch)
        for desk in self.desks.values():
            desk.waits_told.clear()
        self._touched.update(self.desks)
        for session in again:
            self.calls.assign(session)

    async def _take_up(self, tx: Transaction, taken: Taken, recorded: Recorded) -> None:
        """With each sweep: what is RESERVED although nothing is under way for it. A server that takes another's place
        may have lost a commit of ours, and we need not have noticed.
        """
        swept = {result.app for result in taken.results if isinstance(result, Swept)}
        known = {session.id for session in recorded.sessions}
        changes = Changes()
        for session in self._unannounced(await tx.unsettled(swept) if swept else ()):
            if session.id not in known:
                changes.note(session, on_recovery(session, self._clock.wall(), over=False))
                recorded.drift.append((session.app, "reservation_forgotten"))
        steps = steps_of(changes, self._clock.wall())
        await tx.write(changes, steps)
        recorded.steps.extend(steps)
        recorded.sessions.extend(changes.after)

    async def _recover(self, tx: Transaction, unsettled: Sequence[Session]) -> Iterable[Session]:
        """A predecessor may have requests under way for what it left unsettled."""
        changes = Changes()
        now = self._clock.wall()
        for session in await tx.ahead(self.desks, now + farthest(self._tuning.timing)):
            changes.note(session, on_clock_back(session, now))
        for session in unsettled:
            changes.note(session, on_recovery(session, now, over=(session.app, session.room) in self._ended))
        await tx.write(changes, steps_of(changes, now, {"leader": "new"}))
        return [session for session in changes.after if session.state is State.RESERVED]

    async def _resume(self, tx: Transaction, unsettled: Sequence[Session]) -> Iterable[Session]:
        """Our own transaction took effect or not. What it reserved, nobody has announced yet. Or the server is another
        one, which has lost what was committed.
        """
        if self._given.is_lost_in(await tx.sessions(self._given.ids)):
            _log.error(
                "commits_lost",
                why="this Postgres does not have what it had committed: a standby took its place",
                then="no slot is given out until the platform's counts show who was assigned",
                remedy="replicate synchronously",
            )
            self._given.forget()
            for desk in self.desks.values():
                desk.believe_from = self._clock.now() + self._until_shown.total_seconds()
        return self._unannounced(unsettled)

    def _unannounced(self, unsettled: Sequence[Session]) -> list[Session]:
        """A session may be reserved anew: that an earlier reservation of it was announced says nothing of this one."""
        announced = [result.session for result in self._come_back() if isinstance(result, Assigned)]
        known = {(one.id, one.reserved_at) for one in (*announced, *self.calls.assigning.values())}
        return [one for one in unsettled if one.state is State.RESERVED and (one.id, one.reserved_at) not in known]

    async def _read_inbox(self) -> None:
        """Beside the rounds: hold out the next entries, and read on when they are recorded."""
        while True:
            try:
                self._entries = await self._inbox.read(self._tuning.events_max, READ_WAIT_S)
            except Unavailable as error:
                _log.warning("inbox_unavailable", why=str(error))
                await self._clock.sleep(RETRY_S)
                continue
            if self._entries:
                self._entries_done.clear()
                self._wake.set()
                await self._entries_done.wait()

    @property
    def _lag_s(self) -> float:
        return self._tuning.timing.lag_s

    @property
    def _until_shown(self) -> timedelta:
        """After so long the platform counts everybody to whom an agent was sent."""
        return timedelta(seconds=self._lag_s + self._tuning.timing.platform_timeout_s)
