"""Eventfeed's settings over a data folder of the test run's own."""

import atexit
import os
import shutil
import tempfile

# Before the settings are read: without DATABASE_URL an embedded cluster starts in this folder.
DATA = tempfile.mkdtemp(prefix="eventfeed-tests-")
os.environ["EVENTFEED_DATA"] = DATA
# Runs after the cluster has stopped, which is asked for later: last in, first out.
atexit.register(shutil.rmtree, DATA, ignore_errors=True)

from eventfeed.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
