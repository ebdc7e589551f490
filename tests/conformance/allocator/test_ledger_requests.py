"""What the leader may expect of the ledger about what people ask for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from conformance.allocator.ledger_case import OTHER, arrival, assigned
from unit.allocator.making import APP, NOON, after, came, waiting

from allocator.adapters.postgres import PostgresLedger
from allocator.adapters.postgres_requests import PostgresRequests
from allocator.core.ids import RoomId
from allocator.core.lifecycle import ended
from allocator.core.policy import Halt, standard
from allocator.core.requests import Answer, Kind, Request, RequestId
from allocator.core.session import State
from simulation.remote import RemoteLedger

HALT = Halt(by="budi", since=NOON)
NONE = {APP: 0, OTHER: 0}


@pytest.fixture
async def asks(case, request):
    """Writes down what somebody asks for, as people do: beside the leader."""
    ledger, made = case.ledger, None
    if isinstance(ledger, PostgresLedger):
        made = PostgresRequests(request.getfixturevalue("schema_url"), 3.0)

    async def ask(number, kind, room="100", app=APP):
        about = None if kind in (Kind.PAUSE, Kind.RESUME) else RoomId(room)
        one = Request(id=RequestId(f"{number:032x}"), app=app, kind=kind, room=about, by="budi", at=after(number))
        if made is not None:
            return replace(one, at=await made.ask(one.id, app, kind, about, "budi"))
        (ledger._ledger if isinstance(ledger, RemoteLedger) else ledger).ask(one)
        return one

    yield ask
    if made is not None:
        await made.close()


async def answered(case, *requests, done=True, halts=None):
    answers = [Answer(request=one, done=done, says="so it is") for one in requests]
    await case.ask("answer", answers, halts or {}, after(5))


async def open_requests(case, known=NONE):
    return list((await case.ask("news", known)).requests)


async def test_what_people_ask_is_news_in_their_order_until_it_is_answered(case, asks):
    assert await open_requests(case) == []
    first = await asks(1, Kind.WITHDRAW)
    second = await asks(2, Kind.PAUSE)
    third = await asks(3, Kind.REQUEUE, app=OTHER)
    assert await open_requests(case) == [first, second, third]
    assert await open_requests(case, {APP: 0}) == [first, second]
    await answered(case, first, third)
    assert await open_requests(case) == [second]


async def test_an_answer_that_was_rolled_back_was_never_given(case, asks):
    asked = await asks(1, Kind.PAUSE)

    async def work(tx):
        await tx.answer([Answer(request=asked, done=True, says="so")], {APP: HALT}, NOON)
        assert (await tx.survey(APP, NOON, 0)).policy.halt == HALT

    await case.break_off(work)
    assert await open_requests(case) == [asked]
    assert await case.policy(APP) == standard()


async def test_what_is_asked_while_a_transaction_runs_is_not_lost(case, asks):
    async with case.transaction() as tx:
        await tx.news(NONE)
        asked = await asks(1, Kind.PAUSE)
    assert await open_requests(case) == [asked]


async def test_a_request_is_about_the_open_session_of_its_room_else_about_the_last(case, asks):
    asked = await asks(1, Kind.REQUEUE)
    assert (await case.ask("concerned", [asked])).sessions == {}
    older = ended(waiting(1), State.WITHDRAWN, after(10), "over")
    newer = ended(waiting(2), State.PARKED, after(20), "HTTP 422")
    await case.write(newer)
    await case.write(older)
    elsewhere = waiting(3, room="200")
    await case.write(elsewhere)
    room = (APP, RoomId("100"))
    assert (await case.ask("concerned", [asked])).sessions == {room: newer}
    there = waiting(4, since=after(30))
    await case.write(there)
    assert (await case.ask("concerned", [asked])).sessions == {room: there}


async def test_who_was_over_can_wait_again_in_a_room_without_an_open_session(case):
    over = ended(waiting(1), State.PARKED, after(10), "HTTP 422")
    await case.write(over)
    again = replace(over, state=State.WAITING, ended_at=None, ending=None)
    await case.write((over, again))
    assert await case.rows(over) == [again]


async def test_a_halt_is_in_force_with_the_policy_whatever_its_version_until_it_is_taken_back(case, asks):
    pause, resume = await asks(1, Kind.PAUSE), await asks(2, Kind.RESUME)
    await answered(case, pause, halts={APP: HALT})
    assert await case.policy(APP) == replace(standard(), halt=HALT)
    assert await case.policy(OTHER) == standard()
    assert (await case.ask("concerned", [pause])).halts == {APP: HALT}
    await case.ask("put_policy", APP, {"capacity": {"default": 5}}, NOON)
    changed = await case.policy(APP)
    assert (changed.default_capacity, changed.halt) == (5, HALT)
    case.epoch = await case.ledger.begin_term("b")
    assert (await case.policy(APP)).halt == HALT
    await answered(case, resume, halts={APP: None})
    assert (await case.policy(APP)).halt is None
    assert (await case.ask("concerned", [pause])).halts == {}


async def test_the_sweep_does_not_take_up_who_waits_since_before_they_were_withdrawn(case, asks):
    asked = await asks(60, Kind.WITHDRAW)
    await case.write(ended(waiting(1), State.WITHDRAWN, after(1000), "withdrawn"))
    minute = timedelta(minutes=1)

    async def fresh(at, *, found):
        one = replace(arrival(came(int(at.timestamp()) % 10_000), found=found), at=at)
        return [each.event.id for each in (await case.ask("record", [one], after(1001))).fresh]

    assert len(await fresh(asked.at - minute, found=True)) == 1
    await answered(case, asked, done=False)
    assert len(await fresh(asked.at - minute, found=True)) == 1
    await answered(case, asked)
    assert await fresh(asked.at - minute, found=True) == []
    assert len(await fresh(asked.at + minute, found=True)) == 1
    assert len(await fresh(asked.at - 2 * minute, found=False)) == 1


async def test_old_requests_are_forgotten_and_a_pause_that_lasts_is_not(case, asks):
    pause = await asks(1, Kind.PAUSE)
    await asks(2, Kind.WITHDRAW)
    await answered(case, pause, halts={APP: HALT})
    assert await case.ask("forget", NOON, pause.at - timedelta(days=1)) == 0
    later = pause.at + timedelta(days=1)
    assert await case.ask("forget", NOON, later) == 2
    assert await open_requests(case) == []
    assert (await case.policy(APP)).halt == HALT


async def test_a_session_that_is_served_is_what_a_request_is_about_too(case, asks):
    asked = await asks(1, Kind.WITHDRAW)
    given = await case.given(1, room="100")
    served = assigned(given)
    await case.write((given, served))
    assert list((await case.ask("concerned", [asked])).sessions.values()) == [served]
