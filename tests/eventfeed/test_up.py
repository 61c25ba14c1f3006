import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from tests.processes import command_of
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PATIENCE = 120


@dataclass
class Up:
    """`manage.py up` as a person's shell starts it, with a terminal's signals."""

    data: Path
    arguments: tuple[str, ...] = ()
    process: "subprocess.Popen[str]" = field(init=False)
    said: str = ""

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", "0", *self.arguments],
            cwd=ROOT,
            env=environment(self.data),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_said(self, text: str) -> None:
        assert self.process.stdout is not None
        while text not in self.said:
            line = self.process.stdout.readline()
            assert line, f"ended before it said {text!r}:\n{self.said}"
            self.said += line

    def wait_until_up(self) -> "Up":
        self.wait_until_said("Ctrl-C stops everything")
        return self

    @property
    def address(self) -> str:
        found = re.search(r"Eventfeed is at (?:\x1b\[\S*m)?(http://[\d.]+:\d+)", self.said)
        assert found is not None
        return found[1]

    @property
    def everything(self) -> list[psutil.Process]:
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def child(self, name: str) -> psutil.Process:
        return next(one for one in self.everything[1:] if name in " ".join(command_of(one)))

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        return self.process.wait(PATIENCE)


def environment(data: Path, **more: str) -> dict[str, str]:
    ours = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "EVENTFEED_SECRET_KEY")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "EVENTFEED_DATA": str(data), **more}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started = []

    def start(folder: str = "data", *arguments: str) -> Up:
        started.append(Up(tmp_path / folder, arguments))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.process.kill()
            up.process.wait()
        assert up.process.stdout is not None
        up.process.stdout.close()
        for left in in_folder(up.data):
            left.kill()


def in_folder(data: Path) -> list[psutil.Process]:
    """Return what still runs for this data folder."""
    return [one for one in psutil.process_iter() if is_alive(one) and works_in(one, data)]


def works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return (
            process.environ().get("EVENTFEED_DATA") == str(data)
            or Path(process.cwd()) == data.resolve() / "postgres"
        )
    except psutil.Error:
        return False


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    "folder", ["data", "with a space", "long" * 30], ids=["plain", "a space", "a long path"]
)
def test_it_starts_and_a_ctrl_c_leaves_nothing_behind(
    start: Callable[..., Up], folder: str
) -> None:
    up = start(folder).wait_until_up()
    assert f"PREFECT_API_URL={up.address}/api" in up.said
    assert "Local mode" in up.said
    assert httpx.get(f"{up.address}/readyz").json()["ready"] is True
    assert httpx.get(f"{up.address}/").status_code == 200
    assert in_folder(up.data)
    assert up.end(signal.SIGINT) == 0
    assert in_folder(up.data) == []


def test_the_first_password_is_said_once(start: Callable[..., Up]) -> None:
    first = start().wait_until_up()
    assert re.search(
        r"The first admin is admin, with the password \S{16} \(shown only now\)", first.said
    )
    first.end(signal.SIGTERM)
    second = start().wait_until_up()
    assert "The first admin" not in second.said


def test_a_second_one_in_the_folder_is_refused(start: Callable[..., Up]) -> None:
    first = start().wait_until_up()
    second = start()
    second.process.wait(PATIENCE)
    assert second.process.returncode == 1
    with pytest.raises(AssertionError, match=r"is in use: another Eventfeed runs in it\."):
        second.wait_until_up()
    assert httpx.get(f"{first.address}/healthz").status_code == 200


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "manage.py", "up", "--port", str(port)],
            cwd=ROOT,
            env=environment(tmp_path / "data"),
            capture_output=True,
            text=True,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Cannot listen on 127.0.0.1:{port}: Address already in use.")
    assert "--port" in ended.stderr


def test_it_recovers_after_everything_was_killed(start: Callable[..., Up]) -> None:
    first = start().wait_until_up()
    for process in first.everything:
        process.kill()
    second = start().wait_until_up()
    assert httpx.get(f"{second.address}/readyz").json()["ready"] is True
    assert second.end(signal.SIGINT) == 0


def test_nothing_outlives_it_when_it_alone_is_killed(start: Callable[..., Up]) -> None:
    up = start().wait_until_up()
    up.process.kill()
    up.process.wait()
    wait_until(lambda: in_folder(up.data) == [], within=PATIENCE)


def test_a_killed_worker_and_a_killed_postgres_are_started_again(start: Callable[..., Up]) -> None:
    up = start().wait_until_up()
    worker, postgres = up.child("worker"), up.child("postgres")
    worker.kill()
    postgres.kill()
    wait_until(
        lambda: any("worker" in command_of(one) for one in in_folder(up.data) if one != worker),
        within=PATIENCE,
    )
    wait_until(
        lambda: httpx.get(f"{up.address}/readyz", timeout=PATIENCE).status_code == 200,
        within=PATIENCE,
    )
    assert up.end(signal.SIGTERM) == 0
    assert in_folder(up.data) == []


def test_it_can_be_stopped_before_it_is_up(start: Callable[..., Up]) -> None:
    up = start()
    up.wait_until_said("Preparing the database")
    assert up.end(signal.SIGTERM) in (0, 1)
    assert in_folder(up.data) == []


def test_bound_elsewhere_people_sign_in(start: Callable[..., Up]) -> None:
    up = start("data", "--host", "0.0.0.0").wait_until_up()
    assert "Local mode" not in up.said
    assert httpx.get(f"{up.address}/").headers["Location"].startswith("/sign-in")


def test_without_sign_in_it_says_that_everybody_gets_in(
    start: Callable[..., Up], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTFEED_AUTH", "off")
    monkeypatch.setenv("EVENTFEED_ALLOWED_HOSTS", "events.example.com")
    up = start("data", "--host", "0.0.0.0").wait_until_up()
    page = httpx.get(f"{up.address}/").text
    for said in (up.said, page):
        assert "Sign-in is off" in said
        assert "everybody who can reach" in said
        assert "localhost, 127.0.0.1, [::1], events.example.com" in said
        assert "this machine" not in said


def test_a_lone_command_starts_postgres_and_stops_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for arguments in (["migrate", "-v0"], ["check", "--database", "default"]):
        ended = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment(data)
        )
        assert ended.returncode == 0
        assert in_folder(data) == []
    assert (data / "postgres" / "PG_VERSION").exists()
