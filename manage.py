#!/usr/bin/env python
import os
import sys

from eventfeed.startup import CannotStart


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventfeed.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except CannotStart as trouble:
        sys.exit(str(trouble))


if __name__ == "__main__":
    main()
