"""Eventfeed's settings over a data folder of the test run's own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Before the settings are read. Without DATABASE_URL an embedded cluster starts in this folder,
# and until it does nothing is made: type checkers read these settings too.
DATA = Path(tempfile.gettempdir(), f"eventfeed-tests-{os.getpid()}")
os.environ["EVENTFEED_DATA"] = str(DATA)
os.environ["EVENTFEED_SECRET_KEY"] = "only-for-tests, where nobody has secrets"
# Runs after the cluster has stopped, which is asked for later: last in, first out.
atexit.register(shutil.rmtree, DATA, ignore_errors=True)

from eventfeed.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
