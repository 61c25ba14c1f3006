import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
import pytest

from eventfeed.embedded import Cluster
from eventfeed.embedded.cluster import binaries
from eventfeed.startup import CannotStart
from tests.waiting import wait_until

AS_ROOT = os.geteuid() == 0
ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster_in(tmp_path: Path) -> Iterator[Callable[[str], Cluster]]:
    made = []

    def make(name: str) -> Cluster:
        made.append(Cluster(tmp_path.resolve() / name))
        return made[-1]

    yield make
    for cluster in made:
        cluster.leave()


@pytest.fixture
def cluster(cluster_in: Callable[[str], Cluster]) -> Cluster:
    return cluster_in("data")


def ask(cluster: Cluster, question: LiteralString) -> object:
    with psycopg.connect(cluster.dsn()) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def answers(cluster: Cluster) -> bool:
    try:
        return ask(cluster, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False


def postmaster(cluster: Cluster) -> psutil.Process:
    return psutil.Process(int((cluster.place.cluster / "postmaster.pid").read_text().split()[0]))


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    "name",
    ["data", "with a space", 'it\'s, "quoted"', "deep/" + "er" * 60],
    ids=["plain", "a space", "what SQL and libpq quote", "longer than a socket's path"],
)
def test_it_starts_in_any_folder(cluster_in: Callable[[str], Cluster], name: str) -> None:
    cluster = cluster_in(name)
    cluster.use()
    assert ask(cluster, "SELECT current_setting('server_version_num')::int / 10000") == 18
    assert ask(cluster, "SELECT datlocprovider::text || datlocale FROM pg_database LIMIT 1") == (
        "bC.UTF-8"
    )


def test_it_keeps_what_was_written(cluster: Cluster) -> None:
    cluster.use()
    with psycopg.connect(cluster.dsn()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    cluster.leave()
    cluster.use()
    assert ask(cluster, "SELECT one FROM kept") == 1


def test_the_last_to_leave_stops_it(cluster: Cluster) -> None:
    other = Cluster(cluster.place.data)
    cluster.use()
    other.use()
    cluster.leave()
    assert answers(cluster)
    other.leave()
    assert not answers(cluster)


def test_it_is_started_again_when_its_postmaster_is_killed(cluster: Cluster) -> None:
    cluster.use()
    before = postmaster(cluster)
    before.kill()
    wait_until(lambda: has_ended(before))
    wait_until(lambda: answers(cluster))
    assert postmaster(cluster) != before


def test_it_recovers_when_everybody_was_killed(cluster: Cluster) -> None:
    script = (
        "import sys; from pathlib import Path; from eventfeed.embedded import Cluster;"
        "Cluster(Path(sys.argv[1])).use(); print('up', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, cluster.place.data],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"up\n"
        # Its own children live on: the cluster is their parent's parent no more.
        backends = postmaster(cluster).children()
        postmaster(cluster).kill()
        user.kill()
    assert backends
    cluster.use()
    assert answers(cluster)


def test_a_pid_file_that_names_another_program_by_now_is_no_obstacle(cluster: Cluster) -> None:
    cluster.use()
    cluster.leave()
    stale = cluster.place.cluster / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{cluster.place.cluster}\n1\n5432\n\n\n 1 1\nready\n")
    cluster.use()
    assert answers(cluster)


def test_data_of_another_version_is_left_alone(cluster: Cluster) -> None:
    cluster.use()
    cluster.leave()
    (cluster.place.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(CannotStart, match="is of PostgreSQL 17"):
        cluster.use()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="Set EVENTFEED_DATA"):
        Cluster(tmp_path / "file" / "data").use()


def test_a_failing_start_ends_with_what_the_log_says(cluster: Cluster) -> None:
    cluster.use()
    cluster.leave()
    (cluster.place.cluster / "global" / "pg_control").unlink()
    with pytest.raises(CannotStart, match="pg_control"):
        cluster.use()


def test_who_finds_it_being_started_waits_for_so_long_and_no_longer(cluster: Cluster) -> None:
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with cluster._one_at_a_time:
            held.set()
            enough.wait()

    starting = threading.Thread(target=hold)
    starting.start()
    held.wait()
    try:
        with pytest.raises(CannotStart, match="being started"):
            cluster.check(within=0.05)
    finally:
        enough.set()
        starting.join()


@pytest.mark.skipif(not AS_ROOT, reason="only root can be somebody else")
def test_nobody_else_may_connect(cluster_in: Callable[[str], Cluster]) -> None:
    cluster = cluster_in("data")
    cluster.use()
    cluster.place.cluster.chmod(0o711)  # as if the folder did not keep strangers out
    refused = subprocess.run(
        [binaries() / "psql", "--no-password", cluster.dsn(), "-c", "SELECT 1"],
        user="daemon",
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
    )
    cluster.place.cluster.chmod(0o700)
    assert refused.returncode != 0
    assert "ermission denied" in refused.stderr or "Peer authentication failed" in refused.stderr


@pytest.mark.skipif(not AS_ROOT, reason="who is not root runs it as himself")
def test_root_opens_folders_for_its_account_to_walk_through_and_no_further(
    cluster_in: Callable[[str], Cluster], tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    cluster = cluster_in("closed/data")
    cluster.use()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    assert stat.S_IMODE(cluster.place.data.stat().st_mode) == 0o701
    assert stat.S_IMODE(cluster.place.cluster.stat().st_mode) == 0o700
    assert postmaster(cluster).uids().real != 0


def test_a_ctrl_c_in_the_terminal_is_not_for_it(cluster: Cluster) -> None:
    cluster.use()
    assert os.getpgid(postmaster(cluster).pid) != os.getpgid(0)


@pytest.mark.parametrize("connected", [False, True], ids=["idle", "while somebody is connected"])
def test_a_smart_shutdown_from_elsewhere_is_undone(cluster: Cluster, connected: bool) -> None:
    cluster.use()
    with psycopg.connect(cluster.dsn()) if connected else nullcontext():
        before = postmaster(cluster)
        before.send_signal(signal.SIGTERM)
        wait_until(lambda: has_ended(before))
        wait_until(lambda: answers(cluster))
        assert postmaster(cluster) != before


def test_who_comes_during_a_smart_shutdown_need_not_wait_for_who_is_connected(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "_watch", lambda self: None)
    cluster.use()
    with psycopg.connect(cluster.dsn()):
        postmaster(cluster).send_signal(signal.SIGTERM)
        wait_until(lambda: not answers(cluster))
        cluster.check()
        assert answers(cluster)
