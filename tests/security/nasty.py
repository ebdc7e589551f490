"""Texts and values that have hurt other people's systems, and ways to put them into recorded webhooks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[1] / "fixtures" / "webhooks"
ALLOCATION, RESOLVE = "/allocate-agent/webhook", "/mark-as-solved/webhook"
FOLDERS = {ALLOCATION: "caa", RESOLVE: "resolve"}

TEXTS = {
    "a statement": "'; DROP TABLE session; --",
    "a union": "x' UNION SELECT secret FROM term WHERE '1'='1",
    "a placeholder": "$1 $2 :name %(name)s ?",
    "a backslash": "\\",
    "a quote": "\"'`",
    "the end of a JSON object": '"}\n{"event": "forged", "level": "error"}',
    "a header": "x\r\nX-Forged: yes\r\n\r\nHTTP/1.1 200 OK",
    "lines": "one\ntwo\rthree\u2028four\u2029five\u0085six\x0bseven\x0ceight",
    "colours": "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J",
    "format strings": "%s %n %x {0} {event} {self.__class__} ${jndi:ldap://forged} {{7*7}}",
    "NUL": "be\x00fore",
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f",
    "half an emoji": "cut \ud83d",
    "the other half": "\ude00 cut",
    "right to left": "\u202egnp.exe\u2066 \u200f\ufeff",
    "combining": "e" + "\u0301" * 500,
    "not a character": "\ufffe\uffff",
    "a path": "../../../../etc/passwd",
    "markup": "<script>alert(1)</script>&amp;]]>",
    "a command": "; rm -rf / & $(id) `id` | id",
    "a protocol": "*1\r\n$8\r\nFLUSHALL\r\n",
    "very long": "A" * 20_000,
    "very long and wide": "😀" * 4_000,
}
VALUES: tuple[Any, ...] = (
    *TEXTS.values(),
    *("", " ", "0", "-1", "1.5", "1e999", "NaN", "null", "true", "٣", "9" * 65, "room-1", "wa", "."),
    *(None, True, False, 0, -1, 1.5, 1e300, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30, 10**400),
    *([], {}, [[]], [None], {"id": 1}, {"id": "x"}, {"": ""}, {"is_resolved": True, "id": 7}),
)


def samples(path: str) -> list[bytes]:
    """The recorded bodies of the webhook at ``path``."""
    return [file.read_bytes() for file in sorted((SAMPLES / FOLDERS[path]).glob("*.json"))]


def everything() -> list[bytes]:
    """All recorded bodies, those of other webhooks as well."""
    return [file.read_bytes() for file in sorted(SAMPLES.glob("*/*.json"))]


def fields(content: Any, under: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all that is neither an object nor a list in ``content``."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else None
    if pairs is None:
        yield under
    for key, value in pairs or ():
        yield from fields(value, (*under, key))


def at(content: Any, path: tuple[Any, ...]) -> Any:
    """What is at ``path`` in ``content``."""
    for key in path:
        content = content[key]
    return content


def put(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of ``content`` with ``value`` at ``path``."""
    made = json.loads(json.dumps(content))
    at(made, path[:-1])[path[-1]] = value
    return made
