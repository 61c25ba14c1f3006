import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A server in a process of its own; its reactor could not run twice in ours."""

    process: subprocess.Popen[str]
    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout


@pytest.fixture
def server() -> Iterator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.eventfeed.patient_app"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Running(process, port=int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
