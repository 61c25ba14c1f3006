"""How much of what was sent is held in memory at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from apps.events.recorder import Overloaded

MEBIBYTE = 1024 * 1024


class Room:
    """The messages of all calls that are under way; one alone may be of any size."""

    def __init__(self, most: int = 128 * MEBIBYTE) -> None:
        self.most = most
        self.held = 0

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Make room for a message while it is looked after; raises Overloaded."""
        if self.held and self.held + size > self.most:
            raise Overloaded("Too much is being sent at this moment; send it again in a moment.")
        self.held += size
        try:
            yield
        finally:
            self.held -= size


room = Room()
"""Of all ports of this process together."""
