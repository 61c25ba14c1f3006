"""Asking Prefect's evaluator in an environment of its own, and recording what it answers.

python -m tests.automations.oracle.asking .venv-sdk/latest/bin/python
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.automations.oracle.cases import cases

HERE = Path(__file__).parent
ANSWERS = HERE / "answers.json"


def ask(python: Path, cases: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return at which seconds each case fires there."""
    done = subprocess.run(
        [python, HERE / "ask_prefect.py"],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def record(python: Path) -> None:
    asked = cases()
    answers = ask(python, asked)
    lines = [
        f"{json.dumps(name)}: {json.dumps(case | {'fires': answers[name]})}"
        for name, case in asked.items()
    ]
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
