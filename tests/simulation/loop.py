"""An event loop in virtual time on which several processes live, which can be paused and killed one by one.

Everything that a process does, tasks and timers alike, runs in a context that names it. A paused process runs nothing;
what came for it meanwhile happens when it goes on, in the order in which it came. A dead one never runs again: no
``finally``, no farewell, as after SIGKILL.
"""

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from typing import Any, TypeVarTuple

from support.memory import VirtualLoop

Ts = TypeVarTuple("Ts")


class Process:
    """One process: ``clock`` differences between machines are its ``boot_s`` (uptime) and ``skew_s`` (time of day)."""

    def __init__(self, name: str, *, boot_s: float = 0.0, skew_s: float = 0.0) -> None:
        self.name = name
        self.boot_s, self.skew_s = boot_s, skew_s
        self.dead = self.paused = False
        self.broken: list[BaseException] = []
        """Bugs that ended one of its tasks."""
        self._held: list[asyncio.Handle] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._context = contextvars.copy_context()
        self._context.run(_PROCESS.set, self)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` as (a part of) this process."""
        task = asyncio.get_running_loop().create_task(work, context=self._context.copy())
        self._tasks.append(task)
        task.add_done_callback(self._ended)
        return task

    def call(self, callback: Callable[..., object], *args: Any) -> None:
        """Let something happen in this process that came from outside, a signal for example."""
        asyncio.get_running_loop().call_soon(callback, *args, context=self._context.copy())

    def kill(self) -> None:
        """Nothing of it runs any more."""
        self.dead = True

    def bury(self) -> None:
        """Only at the end of everything: let its tasks be cancelled, so that nothing is left behind."""
        self.dead = False
        self.resume()

    def pause(self) -> None:
        """It stands still."""
        self.paused = True

    def resume(self) -> None:
        """It goes on where it stood."""
        self.paused = False
        if self.dead:
            return
        held, self._held = self._held, []
        loop = asyncio.get_running_loop()
        for handle in held:
            loop.call_soon(_run_held, handle, context=_NOBODY)

    def may_run(self, handle: asyncio.Handle) -> bool:
        """Whether ``handle`` runs now; if not it is kept."""
        if self.paused or self.dead:
            self._held.append(handle)
        return not (self.paused or self.dead)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.broken.append(task.exception() or RuntimeError())


_PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)
_NOBODY = contextvars.copy_context()
"""The context of the network and the servers."""


def finish(told: asyncio.Future[Any], value: object) -> None:
    """``told`` is done now, if it was not."""
    if not told.done():
        told.set_result(value)


def outside() -> contextvars.Context:
    """A context that belongs to no process."""
    return _NOBODY


class ProcessLoop(VirtualLoop):
    """The loop. Only its two ways of making a handle differ from those of asyncio."""

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Any = None
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]  # as asyncio does
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def _call_soon(self, callback: Any, args: Any, context: Any) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle


class _Handle(asyncio.Handle):
    __slots__ = ("_process",)

    def __init__(self, callback: Any, args: Any, loop: Any, context: Any) -> None:
        super().__init__(callback, args, loop, context)
        self._process = _PROCESS.get() if context is None else context.get(_PROCESS)

    def _run(self) -> None:
        if self._process is None or self._process.may_run(self):
            super()._run()


class _Timer(asyncio.TimerHandle):
    __slots__ = ("_process",)

    def __init__(self, when: float, callback: Any, args: Any, loop: Any, context: Any) -> None:
        super().__init__(when, callback, args, loop, context)
        self._process = _PROCESS.get() if context is None else context.get(_PROCESS)

    def _run(self) -> None:
        if self._process is None or self._process.may_run(self):
            super()._run()


def _run_held(handle: asyncio.Handle) -> None:
    if not handle.cancelled():
        handle._run()
