"""The commands as they are, in processes that count their steps and die at one of them.

Forked from a server that has loaded all of our code once: a run starts five processes or more, and a sweep is hundreds
of runs. Production code knows of nothing: what is counted is laid around it here, in that process.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, context, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from .steps import AFTER, BEFORE, Death, Step, Steps, steps_of

LOADED = (
    *("allocator.__main__", "webhook_gateway.__main__", "qiscus_simulator.__main__", "httpx_aiohttp", "asyncpg"),
    *("sqlalchemy.dialects.postgresql.asyncpg", "uvicorn.protocols.http.httptools_impl", "uvicorn.lifespan.on"),
)
END_TIMEOUT_S = 10.0
WAIT_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be started: a command with its words and its whole environment."""

    command: str
    words: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    log: Path
    death: Death = field(default_factory=Death)
    wrong: str = ""

    @property
    def trace(self) -> Path:
        """The file that tells its steps."""
        return self.log.with_suffix(".steps")


class Child:
    """A process that was started."""

    def __init__(self, order: Order, process: BaseProcess) -> None:
        self.order = order
        self._process = process

    @property
    def status(self) -> int | None:
        """The exit status, negative if a signal ended it; None while it runs."""
        return self._process.exitcode

    @property
    def output(self) -> str:
        """All that it said."""
        return self.order.log.read_text(errors="replace") if self.order.log.exists() else ""

    @property
    def steps(self) -> list[Step]:
        """What it did."""
        return steps_of(self.order.trace)

    def wait(self) -> int | None:
        """Wait for its end; the exit status."""
        self._process.join(WAIT_TIMEOUT_S)
        return self.status

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.terminate()

    def end(self) -> None:
        """SIGKILL, and wait."""
        self._process.kill()
        self._process.join(END_TIMEOUT_S)
        self._process.close()


class Nursery:
    """Starts processes out of one that has everything loaded."""

    def __init__(self) -> None:
        self._context: context.ForkServerContext = get_context("forkserver")
        self._context.set_forkserver_preload(list(LOADED))

    def start(self, order: Order) -> Child:
        """Start one."""
        process = self._context.Process(target=run, args=(order,), daemon=True)
        process.start()
        return Child(order, process)


def run(order: Order) -> None:
    """Be the command of ``order``: in the new process."""
    _end_with_parent()
    _settle(order)
    if order.command == "qiscus-simulator":
        from qiscus_simulator.__main__ import main  # noqa: PLC0415 - each process loads what it is

        main()
    elif order.command == "webhook-gateway":
        sys.exit(_gateway(Steps(order.trace, order.death), order.wrong))
    else:
        _allocator(Steps(order.trace, order.death), order.wrong)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _settle(order: Order) -> None:
    """A session, an environment, a log and words of its own; the signals as a fresh process has them."""
    os.setsid()
    os.environ.clear()
    os.environ.update(order.env)
    sys.argv = [order.command, *order.words]
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _allocator(steps: Steps, wrong: str) -> None:
    from allocator import app, ports  # noqa: PLC0415
    from allocator.__main__ import main  # noqa: PLC0415
    from allocator.adapters import postgres  # noqa: PLC0415
    from allocator.adapters.statements import Statements  # noqa: PLC0415

    from .seams import counted, counted_statements, put  # noqa: PLC0415
    from .wrong import WRONGS  # noqa: PLC0415

    if wrong:
        WRONGS[wrong]()
    parts: list[tuple[str, type, str]] = [
        ("RedisInbox", ports.Inbox, "inbox"),
        ("RedisLease", ports.Lease, "lease"),
        ("PostgresLedger", ports.Ledger, "ledger"),
        ("QiscusPlatform", ports.Platform, "platform"),
    ]
    for name, port, word in parts:
        put(app, name, counted(getattr(app, name), port, word, steps))
    statements = counted_statements(Statements, ports.Transaction, "transaction", steps)
    put(postgres, "Statements", statements)
    main()


def _gateway(steps: Steps, wrong: str) -> int:
    from webhook_gateway import __main__ as command  # noqa: PLC0415
    from webhook_gateway import app, exchange, inbox, ports  # noqa: PLC0415

    from .seams import counted, put  # noqa: PLC0415
    from .wrong import WRONGS  # noqa: PLC0415

    if wrong:
        WRONGS[wrong]()
    put(command, "RedisInbox", counted(inbox.RedisInbox, ports.Inbox, "inbox", steps))
    put(app, "read_body", _reading(exchange.read_body, steps))
    put(app, "send_answer", _answering(exchange.send_answer, steps))
    return command.main()


def _reading(read_body: Any, steps: Steps) -> Any:
    """A request's head is here; its body is here. What came before the first (probes) does not count."""
    begun: list[bool] = []

    async def read(*words: Any) -> Any:
        if not begun:
            begun.append(True)
            steps.start_over()
        steps.reach(BEFORE, "http.body")
        body = await read_body(*words)
        steps.reach(AFTER, "http.body")
        return body

    return read


def _answering(send_answer: Any, steps: Steps) -> Any:
    """Each piece of an answer: before it is given to the server, and after."""

    async def answer(send: Any, *words: Any) -> Any:
        async def piece(message: Any) -> None:
            await steps.pass_through(send(message), "http.answer")

        await send_answer(piece, *words)

    return answer
