"""What the leader may expect of the ledger when it tells what was decided."""

from dataclasses import replace

from unit.allocator.making import after, waiting

from allocator.core.changes import Changes
from allocator.core.steps import What, step_of


async def test_what_is_told_can_be_told_twice_and_is_forgotten_with_the_sessions(case):
    step = step_of(None, waiting(1), after(0))
    later = replace(step, at=after(100), what=What.WAITS, why="paused")
    await case.ask("write", Changes(), [step, later])
    await case.ask("write", Changes(), [step])
    assert await case.ask("forget", after(-100), after(50)) == 1
    assert await case.ask("forget", after(-100), after(50)) == 0
    assert await case.ask("forget", after(-100), after(150)) == 1
