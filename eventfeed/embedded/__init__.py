"""A PostgreSQL of our own in the data folder, for people who have none."""

from eventfeed.embedded.cluster import Cluster

__all__ = ["Cluster"]
