"""What was acknowledged stays, whatever is killed in the middle of ingest."""

import signal

import psutil
import pytest

from tests.crash.acknowledged import assert_all_stored_once, wait_for_more
from tests.crash.senders import Poster, Sender, SocketSender
from tests.crash.up import Up
from tests.waiting import wait_until


@pytest.fixture
def senders(up: Up) -> list[Sender]:
    senders = [Poster(up.port), SocketSender(up.port)]
    for sender in senders:
        sender.start()
    wait_for_more(senders)
    return senders


def test_killed_server_has_lost_nothing(up: Up, senders: list[Sender]):
    up.send(signal.SIGKILL)
    up.start()
    wait_for_more(senders)
    assert_all_stored_once(senders, dsn=up.dsn)


def test_terminated_server_has_lost_nothing_and_leaves_no_process(up: Up, senders: list[Sender]):
    everything = up.processes()
    assert up.send(signal.SIGTERM) == 0
    wait_until(lambda: not any(map(psutil.Process.is_running, everything)), what="all are gone")
    up.start()
    wait_for_more(senders)
    assert_all_stored_once(senders, dsn=up.dsn)


def test_everything_killed_recovers_at_the_next_start(up: Up, senders: list[Sender]):
    up.kill_everything()
    up.start()
    wait_for_more(senders)
    assert_all_stored_once(senders, dsn=up.dsn)


@pytest.mark.parametrize("victim", ["backend", "postmaster"])
def test_killed_postgresql_recovers_by_itself(up: Up, senders: list[Sender], victim: str):
    process = up.writing_backend() if victim == "backend" else up.postmasters()[0]
    process.kill()
    wait_for_more(senders)
    wait_until(up.is_ready, what="ready again")
    assert_all_stored_once(senders, dsn=up.dsn)
