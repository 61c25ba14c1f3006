"""The durable followers of the log, which the worker runs."""

from collections.abc import Sequence

from apps.events.follower import Follower
from apps.resources.registry import registry

FOLLOWERS: Sequence[Follower] = (registry,)
