"""What several kinds of tests share: processes of ours, stores, ports."""

from one_machine.ports import free_port
from support.processes import Processes, Running

__all__ = ["Processes", "Running", "free_port"]
