"""An Eventfeed of the benchmark's own: `manage.py up` on a data folder, as anyone runs it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

CHECKOUT = Path(__file__).resolve().parent.parent
START_WITHIN = 180
STOP_WITHIN = 30


class Server:
    """A running `up`: its ports, its database and all processes that belong to it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = _free_port()
        self.flyte_port = _free_port()
        self._environment = os.environ | {
            "EVENTFEED_DATA": str(data),
            "EVENTFEED_FLYTE_GRPC": f"127.0.0.1:{self.flyte_port}",
            "EVENTFEED_OTLP_GRPC": "off",
        }
        self._environment.pop("DATABASE_URL", None)
        self._log = (data / "bench.log").open("wb")
        self._up = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(self.port)],
            cwd=CHECKOUT,
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_ready()
        self.dsn = self.ask("from eventfeed.database import dsn; print(dsn())")

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + START_WITHIN
        while time.monotonic() < until:
            if self._up.poll() is not None:
                break
            with suppress(OSError, urllib.error.URLError):
                self.get("/readyz")
                return
            time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"Eventfeed did not start:\n{self.last_words()}")

    def last_words(self) -> str:
        return (self.data / "bench.log").read_text(errors="replace")[-4000:]

    def ask(self, code: str) -> str:
        """Run Python with Eventfeed's own settings and return what it prints."""
        prelude = "import django; django.setup(); "
        asked = subprocess.run(
            [sys.executable, "-c", prelude + code],
            cwd=CHECKOUT,
            env=self._environment | {"DJANGO_SETTINGS_MODULE": "eventfeed.settings"},
            check=True,
            capture_output=True,
            text=True,
        )
        return asked.stdout.strip()

    def get(self, path: str) -> bytes:
        address = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read()

    def post(self, path: str, body: bytes) -> None:
        address = f"http://127.0.0.1:{self.port}{path}"
        json = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(address, body, json), timeout=60):
            return

    @property
    def web(self) -> psutil.Process:
        return psutil.Process(self._up.pid)

    def processes(self) -> list[psutil.Process]:
        """Web, worker and PostgreSQL, which may have left our session."""
        roots = [*self._running_web(), *self._postmasters()]
        return list({p for root in roots for p in [root, *root.children(recursive=True)]})

    def _running_web(self) -> list[psutil.Process]:
        return [self.web] if self._up.poll() is None else []

    def cpu(self) -> dict[str, float]:
        """Seconds of a core spent so far, by who spent them."""
        postgresql = {p for root in self._postmasters() for p in root.children(recursive=True)}
        spent = {"web": 0.0, "worker": 0.0, "postgresql": 0.0}
        for process in self.processes():
            who = "postgresql" if process in postgresql else "worker"
            spent["web" if process == self.web else who] += cpu_seconds(process)
        return spent

    def _postmasters(self) -> Iterator[psutil.Process]:
        for file in self.data.rglob("postmaster.pid"):
            with suppress(psutil.NoSuchProcess):
                yield psutil.Process(int(file.read_text().split()[0]))

    def stop(self) -> None:
        """End it as a service manager does; a benchmark in the background is deaf to SIGINT."""
        everything = self.processes()
        self._up.terminate()
        try:
            self._up.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            print(f"Eventfeed did not stop within {STOP_WITHIN} s.", file=sys.stderr)
            for process in everything:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(everything, timeout=STOP_WITHIN)
        self._log.close()


def cpu_seconds(process: psutil.Process) -> float:
    """What a process spent, and its children that have ended: autovacuum comes and goes."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def running(data: Path) -> Iterator[Server]:
    data.mkdir(parents=True, exist_ok=True)
    server = Server(data)
    try:
        yield server
    except Exception:
        print(f"The end of what Eventfeed said:\n{server.last_words()}", file=sys.stderr)
        raise
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
