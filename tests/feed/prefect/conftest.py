"""The real Prefect SDK and CLI, unmodified: the newest, and 3.4.25."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crash.up import Up
from tests.environments import environment_with
from tests.feed.prefect.corner import PATIENCE, Corner


@pytest.fixture
def corner(up: Up) -> Corner:
    return Corner(up.port)


@pytest.fixture(scope="session", params=["latest", "3.4.25"])
def environment(request: pytest.FixtureRequest) -> Path:
    return environment_with(request.param)


@pytest.fixture
def latest() -> Path:
    return environment_with("latest")


@pytest.fixture
def start(corner: Corner, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start a program of an environment against Eventfeed."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": corner.api,
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
        # Else the command breaks its lines.
        "COLUMNS": "100000",
    }

    def start(environment: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [environment / "bin" / program, *arguments],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run(start: Callable[..., subprocess.Popen[str]], corner: Corner) -> Callable[..., Any]:
    """Run a script, which is given the corner's name, and return the JSON it prints."""

    def run(environment: Path, script: str) -> Any:
        program = start(environment, "python", "-c", script, corner.name)
        said, wrong = program.communicate(timeout=PATIENCE)
        assert program.returncode == 0, wrong
        return json.loads(said)

    return run
