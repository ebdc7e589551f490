"""Every line that a process may log is on the page of logs, with the fields it may carry."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations" / "logs.md").read_text()
ROW = re.compile(r"^\| `([a-z_]+)` \| (\w+) \| ([^|]+) \|", re.MULTILINE)
SPEAKS = {"_log", "log", "logger"}


def lines_in(tree):
    """Event, level (None: chosen as it runs) and fields of each call that logs."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
            continue
        event, fields = node.args[0].value, {word.arg for word in node.keywords}
        match node.func:
            case ast.Attribute(value=ast.Name(id=name), attr=level) if name in SPEAKS:
                yield event, level, fields
            case ast.Attribute(value=ast.Call(func=ast.Attribute(attr="logger")), attr=level):
                yield event, level, fields
            case ast.Attribute(value=ast.Attribute(attr="_log"), attr=level):
                yield event, level, fields
            case ast.Name(id="say"):
                yield event, None, fields


def logged():
    for top in ("packages", "services"):
        for path in sorted(ROOT.glob(f"{top}/**/src/**/*.py")):
            if "qiscus_simulator" not in path.parts:
                yield from lines_in(ast.parse(path.read_text()))


def test_every_event_and_every_field_is_on_the_page_and_nothing_else_is():
    told = {event: (level, set(re.findall(r"`([a-z_]+)`", fields))) for event, level, fields in ROW.findall(PAGE)}
    found = {}
    for event, level, fields in logged():
        assert event in told, f"{event} is not in docs/operations/logs.md"
        assert level in (None, told[event][0]), f"{event} is logged as {level}, the page says {told[event][0]}"
        found[event] = found.get(event, set()) | fields
    assert found == {event: fields for event, (_, fields) in told.items()}
