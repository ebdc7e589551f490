"""The rules as they are shipped, and the same for somebody in a hurry."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "helm" / "antre" / "rules" / "antre.yaml"
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def alerts() -> list[dict[str, Any]]:
    """Every alert, in the order of the file."""
    return [rule for group in _read()["groups"] for rule in group["rules"] if "alert" in rule]


def hurried(factor: float) -> str:
    """The rules with every `for:`, every window and every limit in seconds divided by ``factor``."""
    rules = _read()
    for group in rules["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            rule["expr"] = _faster(rule["expr"], factor)
            if "for" in rule:
                rule["for"] = _shorter(rule["for"], factor)
    return str(yaml.safe_dump(rules, sort_keys=False))


def _faster(expr: str, factor: float) -> str:
    expr = re.sub(r"\[(\d+[smhd])\]", lambda found: f"[{_shorter(found[1], factor, 6000)}]", expr)
    return re.sub(
        r"(antre_\w*_seconds(?:\[\w+\])?\)* > )(\d+)",
        lambda found: f"{found[1]}{max(int(found[2]) / factor, 0):g}",
        expr,
    )


def _shorter(span: str, factor: float, at_least_ms: int = 3000) -> str:
    """A few scrapes, a second each, have to fit in, and as many looks."""
    return f"{max(at_least_ms, int(1000 * int(span[:-1]) * _UNITS_S[span[-1]] / factor))}ms"


def _read() -> Any:
    return yaml.safe_load(RULES.read_text())
