"""Real clients in environments of their own, made once: they need what ours must not have."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.up import CHECKOUT

REQUIREMENTS = {
    "latest": ["prefect>=3.6.22,<4"],
    # It needs importlib-metadata and does not say so.
    "3.4.25": ["prefect==3.4.25", "importlib-metadata"],
    # Newer ones of FastAPI refuse the server's own routes.
    "server": ["prefect>=3.6.22,<4", "fastapi<0.120"],
    # Newer ones of dbt-core download what PyPI has not.
    "dbt-ol": ["dbt-core==1.10.15", "dbt-duckdb<1.11", "openlineage-dbt"],
}


def environment_with(name: str) -> Path:
    """Return the folder of an environment; skips the test where PyPI cannot be reached."""
    folder = CHECKOUT / ".venv-sdk" / name
    # Written last, so that one whose making was cut short is made anew.
    made = folder / "made"
    if not made.exists():
        _make(folder, REQUIREMENTS[name])
        made.touch()
    return folder


def _make(folder: Path, requirements: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    shutil.rmtree(folder)
    say = f"pip could not install {' '.join(requirements)}: {done.stderr[-500:]}"
    if os.environ.get("CI"):
        pytest.fail(say)
    pytest.skip(say)
