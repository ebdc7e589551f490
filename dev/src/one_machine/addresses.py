"""Where each part listens: the usual ports, or others when somebody has them."""

from dataclasses import dataclass, fields

from one_machine.ports import HOST, port_near


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The ports on loopback. The defaults are below what the kernel takes for outgoing connections."""

    gateway: int = 8080
    simulator: int = 8090
    gateway_metrics: int = 9090
    allocator_1: int = 9091
    allocator_2: int = 9092
    postgres: int = 15_432
    valkey: int = 16_379


USUAL = Addresses()


def choose() -> Addresses:
    """Take the usual ports where they are free, others where they are not."""
    return Addresses(**{field.name: port_near(getattr(USUAL, field.name)) for field in fields(Addresses)})


def moved(addresses: Addresses) -> list[str]:
    """One sentence for each part that had to leave its usual port."""
    return [
        f"Port {usual} is taken, so {field.name.replace('_', ' ')} listens on {port}."
        for field in fields(Addresses)
        if (port := getattr(addresses, field.name)) != (usual := getattr(USUAL, field.name))
    ]


def url(port: int, path: str = "") -> str:
    """The address of a path on a port of this machine."""
    return f"http://{HOST}:{port}{path}"
