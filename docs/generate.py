"""Write the parts of the documentation that the code knows best: the table of settings, the diagram of states.

python docs/generate.py            write them
python docs/generate.py --check    say whether they are stale (exit status 1)
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Metric

from allocator.adapters.metrics import Metrics as AllocatorMetrics
from allocator.core.session import MOVES, MOVES_BY_HAND, OPEN, State
from allocator.settings import DatabaseSettings, OperatorSettings
from allocator.settings import Settings as AllocatorSettings
from chassis.durability import Durability
from chassis.settings import Spec, specs
from chassis.traces import spans_counted
from chassis.vitals import LoopLag
from webhook_gateway.metrics import Metrics as GatewayMetrics
from webhook_gateway.settings import Settings as GatewaySettings

DOCS = Path(__file__).parent
COMMANDS: dict[str, type[Any]] = {
    "webhook-gateway": GatewaySettings,
    "allocator allocate": AllocatorSettings,
    "allocator operate": OperatorSettings,
    "allocator migrate": DatabaseSettings,
}
INTRODUCTION = """# Settings

Everything is set by environment variables. A wrong value refuses to start with one sentence that names it; durations
that contradict each other are refused as well. Where it says *secret*, the variable's name with `_FILE` behind it may
hold the path of a file with the value instead. An empty variable counts as not set.

This page is written by `make docs` from the code.
"""


def main() -> int:
    """Write, or with ``--check`` compare."""
    pages = {DOCS / "settings.md": settings_page(), DOCS / "architecture.md": architecture_page()}
    pages[DOCS / "operations" / "monitoring.md"] = monitoring_page()
    stale = [path for path, text in pages.items() if path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        sys.stdout.writelines(f"docs/{path.name} is stale: run `make docs`\n" for path in stale)
        return 1 if stale else 0
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return 0


def settings_page() -> str:
    """All settings, command by command."""
    return INTRODUCTION + "".join(f"\n## `{command}`\n\n{table(cls)}" for command, cls in COMMANDS.items())


def table(cls: type[Any]) -> str:
    """The settings of one command, in the order of their declaration."""
    lines = [row(spec) for _, spec in specs(cls)]
    return "| variable | default | allowed | what it is |\n|---|---|---|---|\n" + "".join(lines)


def row(spec: Spec) -> str:
    """One setting."""
    default = "*required*" if spec.default is None else f"`{spec.default}`" if spec.default else "none"
    doc = spec.doc[0].upper() + spec.doc[1:] + (" *(secret)*" if spec.secret else "")
    cells = (f"`{spec.variable}`", default, spec.kind.allowed, doc)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def architecture_page() -> str:
    """The page as it is, with the diagram made anew between its marks."""
    path = DOCS / "architecture.md"
    before, rest = path.read_text(encoding="utf-8").split("<!-- states -->\n", 1)
    after = rest.split("<!-- /states -->", 1)[1]
    return f"{before}<!-- states -->\n{diagram()}<!-- /states -->{after}"


def monitoring_page() -> str:
    """The page as it is, with the tables of metrics made anew between their marks."""
    text = (DOCS / "operations" / "monitoring.md").read_text(encoding="utf-8")
    for service, registry in (("webhook-gateway", _gateway_metrics()), ("allocator", _allocator_metrics())):
        before, rest = text.split(f"<!-- metrics {service} -->\n", 1)
        after = rest.split("<!-- /metrics -->", 1)[1]
        text = f"{before}<!-- metrics {service} -->\n{metrics_table(registry)}<!-- /metrics -->{after}"
    return text


def metrics_table(registry: CollectorRegistry) -> str:
    """Our own metrics of one service, by name. What Python's client tells of every process is left out."""
    lines = [f"| `{name(one)}` | {one.type} | {one.documentation} |\n" for one in described(registry)]
    return "| metric | kind | what it is |\n|---|---|---|\n" + "".join(lines)


def described(registry: CollectorRegistry) -> list[Metric]:
    """Every metric of ours, also those that nobody has counted yet."""
    found: dict[str, Metric] = {}
    for collector in list(registry._collector_to_names):  # noqa: SLF001 - there is no other way to ask
        describe = getattr(collector, "describe", None) or collector.collect
        found |= {one.name: one for one in describe() if one.name.startswith("antre_")}
    return [found[name] for name in sorted(found)]


def name(metric: Metric) -> str:
    """What a query calls it."""
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _gateway_metrics() -> CollectorRegistry:
    registry = CollectorRegistry()
    GatewayMetrics(registry, "", lambda: 0)
    LoopLag(registry)
    spans_counted(registry)
    Durability("Redis", registry, required=False)
    return registry


def _allocator_metrics() -> CollectorRegistry:
    registry = AllocatorMetrics("").registry
    LoopLag(registry)
    spans_counted(registry)
    for store in ("Redis", "Postgres"):
        Durability(store, registry, required=False)
    return registry


def diagram() -> str:
    """The states of a session and their moves, for Mermaid."""
    return "```mermaid\nstateDiagram-v2\n" + "".join(f"    {line}\n" for line in arrows()) + "```\n"


def arrows() -> Iterator[str]:
    """Every move of the table."""
    yield f"[*] --> {State.WAITING.name}"
    for state, targets in MOVES.items():
        yield from (f"{state.name} --> {target.name}" for target in sorted(targets, key=list(State).index))
        by_hand = sorted(MOVES_BY_HAND.get(state, ()), key=list(State).index)
        yield from (f"{state.name} --> {target.name}: a person asks" for target in by_hand)
        if state not in OPEN:
            yield f"{state.name} --> [*]"


if __name__ == "__main__":
    sys.exit(main())
