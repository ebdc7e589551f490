"""A way to a server that is always good: for those who hold the remote ports to what the others promise."""

from random import Random

from simulation.loop import Process
from simulation.network import Link, Server, Weather


def link() -> Link:
    """A new one, to a server of its own."""
    return Link(Process("near"), Server("near"), Weather(delay_s=(0.0, 0.0005)), Random(1))
