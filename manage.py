#!/usr/bin/env python
import os
import sys

from eventfeed.startup import CannotStart


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventfeed.settings")
    try:
        run()
    except CannotStart as trouble:
        sys.exit(str(trouble))


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
