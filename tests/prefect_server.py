"""A real Prefect server, with a database of its own."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from tests.environments import environment_with
from tests.ports import free_port
from tests.waiting import wait_until


class Server:
    """A `prefect server` of this test, with a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        program = environment_with("server") / "bin" / "prefect"
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "server", "start", "--port", str(self.port)],
                env=variables,
                stdout=log,
                stderr=log,
            )
        wait_until(self.answers, what="the Prefect server answers", within=180)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.api}/health").status_code == 200
        except httpx.HTTPError:
            return False

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask as Prefect's own client does: again when the server's SQLite is locked (503)."""
        answers: list[httpx.Response] = []

        def is_there() -> bool:
            url = f"{self.api}{path}"
            answers.append(httpx.request(method, url, json=body, timeout=60))
            return answers[-1].status_code != 503

        wait_until(is_there, what="the server's SQLite is free", within=120)
        return answers[-1]

    def end(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(60)

    def tell(self, *events: dict[str, Any]) -> None:
        """Have events stored; while its SQLite is locked, the server drops what it has accepted."""
        ids = [event["id"] for event in events]
        told_at = 0.0

        def all_kept() -> bool:
            nonlocal told_at
            if time.monotonic() > told_at + 15:
                told_at = time.monotonic()
                httpx.post(f"{self.api}/events", json=events).raise_for_status()
            return self.keeps(ids)

        wait_until(all_kept, what="the server keeps what it was told", within=120)

    def keeps(self, ids: list[str]) -> bool:
        body = {"filter": {"id": {"id": ids}, "occurred": ALWAYS}}
        answer = httpx.post(f"{self.api}/events/filter", json=body)
        return answer.status_code == 200 and answer.json()["total"] == len(ids)


ALWAYS = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
