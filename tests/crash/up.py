"""Eventfeed as a process of its own, to be stopped in every way a process can be."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from eventfeed.embedded import Cluster
from tests.waiting import WITHIN, wait_until

CHECKOUT = Path(__file__).resolve().parents[2]


class Up:
    """`manage.py up` on one data folder and one port, started as often as wanted."""

    def __init__(self, data: Path, *, database_url: str | None = None) -> None:
        data.mkdir(exist_ok=True)
        self.data = data
        self.port = _free_port()
        self.dsn = database_url or Cluster(data).dsn()
        self._output = (data.parent / "up.log").open("ab")
        self._environment = os.environ | {"EVENTFEED_DATA": str(data)}
        self._environment.pop("DATABASE_URL", None)
        if database_url:
            self._environment |= {"DATABASE_URL": database_url, "EVENTFEED_AUTH": "off"}

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(self.port)],
            cwd=CHECKOUT,
            env=self._environment | {"DJANGO_SETTINGS_MODULE": "eventfeed.settings"},
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_until(self.is_ready, what=f"ready; its output is in {self._output.name}")

    def is_ready(self) -> bool:
        assert self._process.poll() is None, Path(self._output.name).read_text()[-3000:]
        try:
            return self.get("/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def get_json(self, path: str) -> Any:
        return json.load(self.get(path))

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN)
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def send(self, number: signal.Signals) -> int:
        """Signal the web process and wait for its end; children are left to their own devices."""
        self._process.send_signal(number)
        return self._process.wait(WITHIN)

    def kill_everything(self) -> None:
        everything = self.processes()
        for process in everything:
            # A backend of PostgreSQL may have ended since.
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(WITHIN)
        psutil.wait_procs(everything, timeout=WITHIN)

    def processes(self) -> list[psutil.Process]:
        roots = [psutil.Process(self._process.pid), *self.postmasters()]
        return list({p for root in roots for p in [root, *root.children(recursive=True)]})

    def postmasters(self) -> list[psutil.Process]:
        return [p for p in [postmaster(self.data / "postgres")] if p]

    def writing_backend(self) -> psutil.Process:
        """The PostgreSQL process that copies events into the log."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(
                "select pid from pg_stat_activity where application_name = 'eventfeed recorder'"
            ).fetchone()
        assert row, "no recorder is connected"
        return psutil.Process(row[0])

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(WITHIN)
            except subprocess.TimeoutExpired:
                self.kill_everything()
                raise
        self._output.close()


def postmaster(cluster: Path) -> psutil.Process | None:
    try:
        return psutil.Process(int((cluster / "postmaster.pid").read_text().split("\n", 1)[0]))
    except (OSError, psutil.NoSuchProcess):
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
