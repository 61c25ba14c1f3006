"""Processes that may end while they are looked at."""

import psutil


def command_of(process: psutil.Process) -> list[str]:
    """Return the words of its command line; none of one that has ended."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
