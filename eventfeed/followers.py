"""The durable followers of the log, which the worker runs."""

from collections.abc import Sequence

from apps.automations.watching import watching
from apps.events.follower import Follower, Paced
from apps.events.rollups import rollups
from apps.ingest.source_counts import source_counts
from apps.resources.registry import registry

FOLLOWERS: Sequence[Follower | Paced] = (registry, source_counts, rollups, watching)
