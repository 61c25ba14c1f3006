"""How a process that does what others have written is kept small, and ends with its pipe."""

import resource
import signal
from contextlib import suppress


def confine(memory: int) -> None:
    """Bound this process to so many bytes of memory."""
    # Not every system knows this limit; the others hold there.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Who stops the server at a terminal stops its group; this process ends with its pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
