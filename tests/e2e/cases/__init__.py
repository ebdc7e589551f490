"""The cases, in the order in which they are played. Each module enters its own when it is imported."""

from e2e.cases import installing, upgrading, pods, nodes, scaling, stores, credentials  # isort: skip
from e2e.cases import policies, neighbours, leaving  # isort: skip

ALL = (installing, upgrading, pods, nodes, scaling, stores, credentials, policies, neighbours, leaving)
