"""A real Prometheus that looks at our real processes. Blocking calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from one_machine.ports import HOST, free_port
from support import Processes
from support.shape import PATIENCE

NAMESPACE = "test"
START_S = 30.0


class Prometheus:
    """Scrapes ``targets`` (a name for each port) once a second and evaluates ``rules``."""

    def __init__(self, folder: Path, targets: Mapping[str, int], rules: str) -> None:
        self._folder = folder / "prometheus"
        self._folder.mkdir()
        self._port = free_port()
        (self._folder / "rules.yaml").write_text(rules)
        (self._folder / "prometheus.yaml").write_text(yaml.safe_dump(_config(targets)))
        self._client = httpx.Client(base_url=f"http://{HOST}:{self._port}", timeout=10.0, trust_env=False)

    def start(self, processes: Processes, program: str) -> None:
        """Return when it answers."""
        running = processes.start(
            program,
            f"--config.file={self._folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={HOST}:{self._port}",
            "--log.level=warn",
            name="prometheus",
        )
        running.wait_ready(f"http://{HOST}:{self._port}/-/ready", timeout_s=START_S * PATIENCE)

    def alerts(self) -> dict[str, str]:
        """Each alert that is pending or firing, by its name."""
        found = self._ask("/api/v1/alerts")["alerts"]
        states: dict[str, str] = {}
        for one in sorted(found, key=lambda one: one["state"] == "firing"):
            states[one["labels"]["alertname"]] = one["state"]
        return states

    def query(self, text: str) -> list[Any]:
        """The series that an expression has now. Fails if it is none."""
        return list(self._ask("/api/v1/query", query=text)["result"])

    def query_range(self, text: str, since: float, until: float, step_s: float = 1.0) -> list[Any]:
        """The series of an expression between two Unix times."""
        found = self._ask("/api/v1/query_range", query=text, start=since, end=until, step=step_s)
        return list(found["result"])

    def wrong(self) -> list[str]:
        """What went wrong with the rules themselves."""
        groups = self._ask("/api/v1/rules")["groups"]
        return [
            f"{rule['name']}: {rule['lastError']}"
            for group in groups
            for rule in group["rules"]
            if rule.get("lastError")
        ]

    def _ask(self, path: str, **query: object) -> Any:
        answer = self._client.get(path, params={name: str(value) for name, value in query.items()})
        assert answer.status_code == 200, f"{query or path}: {answer.text}"
        return answer.json()["data"]


def _config(targets: Mapping[str, int]) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": "antre",
                "static_configs": [
                    {"targets": [f"{HOST}:{port}"], "labels": {"namespace": NAMESPACE, "pod": name}}
                    for name, port in targets.items()
                ],
            }
        ],
    }
