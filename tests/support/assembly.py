"""How the parts of a system under test are put together: ports, environments, proxies between them."""

from collections.abc import Mapping
from pathlib import Path

from one_machine.ports import HOST, free_port
from one_machine.stores import Postgres, Valkey
from support.network import Proxy
from support.shape import DURATIONS, Part, Shape

TESTS = Path(__file__).parents[1]


class Assembly:
    """The parts of a system of this shape, by name, and the proxies between them; nothing is started here."""

    def __init__(self, shape: Shape, *, folder: Path, postgres: Postgres, redis: Valkey, database_url: str) -> None:
        self.shape, self.folder = shape, folder
        self.apps = {f"sim-app{number}": f"secret-{shape.seed}-of-app{number}" for number in range(1, shape.apps + 1)}
        self.tokens = {app: f"token-{shape.seed}-of-{app}" for app in self.apps}
        self.parts: dict[str, Part] = {}
        self.proxies: list[Proxy] = []
        self.policy_file = folder / "policy.yaml"
        self.policy_file.write_text(shape.policy)
        self.simulator_port = free_port()
        self._redis, self._postgres, self._database_url = redis, postgres, database_url
        self._add_parts()
        ports = [part.port for part in self.parts.values() if part.port]
        self.door = ports[0] if len(ports) == 1 else self._proxy(*ports).port
        """The port that webhooks come in by."""

    def simulator_words(self) -> list[str]:
        """What the simulator is told when it starts."""
        shape = self.shape
        options: dict[str, object] = {
            "port": self.simulator_port,
            "app": ",".join(f"{app}:{secret}" for app, secret in self.apps.items()),
            "seed": shape.seed,
            "agents": shape.agents,
            "capacity": shape.capacity,
            "service_s": shape.service_s,
            **shape.simulator,
        }
        return [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]

    def hooks_of(self, name: str) -> Path:
        """The folder by which a hooked part is stopped."""
        return self.folder / "hooks" / name

    def _add_parts(self) -> None:
        for number in range(1, self.shape.gateways + 1):
            self._add(f"gateway-{number}", ("webhook-gateway",), {"REDIS_URL": self._redis.url}, serves=True)
        for number in range(1, self.shape.allocators + 1):
            name = f"allocator-{number}"
            proxies = self._proxies_of() if self.shape.proxied else {}
            self._add(name, self._allocator(name), self._allocator_env(proxies), proxies=proxies)

    def _allocator(self, name: str) -> tuple[str, ...]:
        if not self.shape.hooked:
            return ("allocator", "allocate")
        self.hooks_of(name).mkdir(parents=True)
        return ("python", "-m", "support.hooked", str(self.hooks_of(name)), "allocate")

    def _add(
        self,
        name: str,
        command: tuple[str, ...],
        env: Mapping[str, str],
        *,
        serves: bool = False,
        proxies: Mapping[str, Proxy] | None = None,
    ) -> None:
        port, metrics_port = free_port() if serves else 0, free_port()
        common = {"ANTRE_METRICS_HOST": HOST, "ANTRE_METRICS_PORT": str(metrics_port), **self._app_env()}
        door = {"ANTRE_HTTP_HOST": HOST, "ANTRE_HTTP_PORT": str(port)} if serves else {}
        if serves and self.shape.apps == 1:
            door["ANTRE_WEBHOOK_TOKENS"] = ",".join(self.tokens.values())
        self.parts[name] = Part(
            name=name,
            command=command,
            env={**common, **door, **env, **self.shape.env},
            port=port,
            metrics_port=metrics_port,
            proxies=proxies or {},
        )

    def _app_env(self) -> dict[str, str]:
        if self.shape.apps == 1:
            ((app, secret),) = self.apps.items()
            return {"QISCUS_APP_ID": app, "QISCUS_SECRET_KEY": secret}
        file = self.folder / "apps.toml"
        file.write_text(
            "".join(
                f'[[app]]\nid = "{app}"\nsecret_key = "{secret}"\nwebhook_tokens = ["{self.tokens[app]}"]\n'
                for app, secret in self.apps.items()
            )
        )
        return {"ANTRE_APPS_FILE": str(file)}

    def _allocator_env(self, proxies: Mapping[str, Proxy]) -> dict[str, str]:
        ports = self._ports() | {name: proxy.port for name, proxy in proxies.items()}
        return {
            **DURATIONS,
            "ANTRE_POLICY_FILE": str(self.policy_file),
            "DATABASE_URL": self._database_url.replace(f":{self._postgres.port}/", f":{ports['postgres']}/"),
            "QISCUS_BASE_URL": f"http://{HOST}:{ports['platform']}",
            "REDIS_URL": f"redis://{HOST}:{ports['redis']}",
            **({"PYTHONPATH": str(TESTS)} if self.shape.hooked else {}),
        }

    def _ports(self) -> dict[str, int]:
        return {"redis": self._redis.port, "postgres": self._postgres.port, "platform": self.simulator_port}

    def _proxies_of(self) -> dict[str, Proxy]:
        return {name: self._proxy(port) for name, port in self._ports().items()}

    def _proxy(self, *ports: int) -> Proxy:
        self.proxies.append(Proxy(ports))
        return self.proxies[-1]
