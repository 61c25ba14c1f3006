"""The worker as a child of `up`: started again when it dies, gone when its parent is."""

import logging
import os
import subprocess
import sys
import threading

from django.conf import settings

AGAIN_AFTER_SECONDS = 1
LEAVE_SECONDS = 10

logger = logging.getLogger(__name__)


class WorkerProcess:
    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._process = self._start()
        self._watch = threading.Thread(target=self._keep, name="worker-watch", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        self._stopping.set()
        self._process.terminate()
        try:
            self._process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._watch.join()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, settings.BASE_DIR / "manage.py", "worker", "--until-stdin-ends"],
            # Nothing is ever written to it: its end says that this process has ended.
            stdin=subprocess.PIPE,
            # A Ctrl-C in the terminal is for us: we stop it after the web server.
            start_new_session=True,
            # What it sends has links to the pages that are served here.
            env=os.environ | {"EVENTFEED_ADDRESS": settings.EVENTFEED_ADDRESS},
        )

    def _keep(self) -> None:
        while True:
            status = self._process.wait()
            if self._stopping.wait(AGAIN_AFTER_SECONDS):
                return
            logger.error("The worker ended with %s and is started again", status)
            self._process = self._start()
