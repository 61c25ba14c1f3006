#!/usr/bin/env python
import os
import select
import sys

from eventfeed.startup import CannotStart


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventfeed.settings")
    try:
        run()
        sys.stdout.flush()
    except CannotStart as trouble:
        sys.exit(str(trouble))
    except BrokenPipeError:
        if not nobody_listens():
            raise
        # What is still to be written goes nowhere, also at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def nobody_listens() -> bool:
    """Whether the reader of our output is gone, as `| head` is when it has enough."""
    output = select.poll()
    output.register(sys.stdout, select.POLLOUT)
    return any(state & (select.POLLERR | select.POLLHUP) for _, state in output.poll(0))


def run() -> None:
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError:
        from eventfeed.database import reach

        reach()  # a sentence instead, when that is what went wrong
        raise


if __name__ == "__main__":
    main()
