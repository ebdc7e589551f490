"""Logs: one line an event, JSON for machines or text for people, everything to standard output.

Says nothing by itself. A line carries names and numbers of ours; never a body, a header, a token or anything
of a customer's: there is no processor here that could add them.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from chassis.folding import Folding

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("json", "text")


def configure(log_format: str, level: str) -> None:
    """Set up structlog and the standard library's logging alike. ``log_format``: json or text."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_formatter(log_format, shared))
    handler.addFilter(Folding())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    _quieten("asyncio", "aiohttp", "httpx", "httpcore", "alembic", "sqlalchemy")


_plain = structlog.dev.plain_traceback
"""The default shows the values of local variables where it can: bodies and tokens would be among them."""


def logger(name: str) -> Any:
    """A logger whose calls take an event name and key=value pairs."""
    return structlog.stdlib.get_logger(name)


def _formatter(log_format: str, shared: list[Any]) -> logging.Formatter:
    last: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [_visible, structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=_plain)]
    )
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=processors)


def _visible(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """JSON escapes by itself what a terminal would obey; for people it is done here."""
    for name, value in line.items():
        if isinstance(value, str) and not value.isprintable():
            line[name] = repr(value)[1:-1]
    return line


def _quieten(*names: str) -> None:
    """Libraries speak when something is wrong; what they say of ordinary calls may hold addresses."""
    for name in names:
        logging.getLogger(name).setLevel(logging.WARNING)
