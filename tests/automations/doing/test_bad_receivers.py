"""A receiver that is slow, dead, or answers nonsense or for ever, hurts nobody else."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.automations.doing import outbox
from apps.automations.doing.job import SENDER
from apps.automations.models import Attempt, Task
from tests.automations.doing.fired import again, fired
from tests.automations.doing.waiting import ended, tried

pytestmark = pytest.mark.usefixtures("delivering", "allowed")

Speaking = Callable[[socket.socket], None]


@contextmanager
def speaking(speak: Speaking) -> Iterator[str]:
    """A server that says what it wants to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    conn, _ = server.accept()
                    threading.Thread(target=spoken, args=[conn], daemon=True).start()

        def spoken(conn: socket.socket) -> None:
            with suppress(OSError), conn:
                conn.recv(65_536)
                speak(conn)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)


def silent(conn: socket.socket) -> None:
    time.sleep(120)


def dripping(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        conn.sendall(b"X-A: b\r\n")
        time.sleep(0.2)


def dripping_body(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        conn.sendall(b"x")
        time.sleep(0.2)


def endless(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        conn.sendall(b"x" * 65_536)


def endless_headers(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        conn.sendall(b"X-A: " + b"b" * 8_000 + b"\r\n")


def nonsense(conn: socket.socket) -> None:
    conn.sendall(b"\x00\xff what do you want?\r\n\r\n")


def hanging_up(conn: socket.socket) -> None:
    conn.close()


def bomb(conn: socket.socket) -> None:
    body = gzip.compress(b"\0" * 50_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    conn.sendall(head.encode() + body)


@pytest.mark.parametrize("speak", [nonsense, hanging_up, endless_headers])
def test_what_is_no_answer_is_tried_again(speak):
    with speaking(speak) as url:
        (task,) = fired({"type": "webhook", "url": url})
        assert tried(task, 1).state == Task.State.WAITING
    assert "could not be reached" in Attempt.objects.get(task=task).error


@pytest.mark.parametrize("speak", [endless, bomb])
def test_an_answer_without_end_is_cut(speak):
    with speaking(speak) as url:
        (task,) = fired({"type": "webhook", "url": url})
        assert ended(task).state == Task.State.DONE
    assert len(Attempt.objects.get(task=task).response) == 1_000


def test_slow_receivers_hold_up_no_other(receiver):
    with speaking(silent) as one, speaking(dripping) as two, speaking(dripping_body) as three:
        slow = [
            task
            for url in (one, two, three)
            for task in fired(*({"type": "webhook", "url": url} for _ in range(5)))
        ]
        start = time.monotonic()
        tasks = fired(*({"type": "webhook", "url": receiver.url} for _ in range(20)))
        assert all(ended(task).state == Task.State.DONE for task in tasks)
        assert time.monotonic() - start < 10
        for task in slow[:2]:
            assert tried(task, 1).state == Task.State.WAITING
        assert "within 15 s" in Attempt.objects.get(task=slow[0]).error
        assert 14 < Attempt.objects.get(task=slow[0]).seconds < 20


def test_a_long_queue_of_one_hides_nobody(receiver):
    with speaking(silent) as url:
        (task,) = fired({"type": "webhook", "url": url})
        Task.objects.bulk_create(
            Task(
                id=uuid4(),
                firing=task.firing,
                at=at,
                action=task.action,
                due=timezone.now() - timedelta(hours=1),
            )
            for at in range(1, 20_000)
        )
        start = time.monotonic()
        (other,) = fired({"type": "webhook", "url": receiver.url})
        assert ended(other).state == Task.State.DONE
        assert time.monotonic() - start < 5


def test_who_stops_waits_for_no_slow_receiver(delivering):
    begun = threading.Event()

    def slow(conn: socket.socket) -> None:
        begun.set()
        time.sleep(120)

    with speaking(slow) as url:
        (task,) = fired({"type": "webhook", "url": url})
        assert begun.wait(20)
        start = time.monotonic()
        delivering()
        assert time.monotonic() - start < 10
    assert again(task).state == Task.State.WAITING
    assert again(task).tries == 0


def test_a_sending_process_that_was_killed_is_started_again(receiver):
    (task,) = fired({"type": "webhook", "url": receiver.url})
    ended(task)
    SENDER._run.process.kill()
    SENDER._run.process.wait()
    (task,) = fired({"type": "webhook", "url": receiver.url})
    assert ended(task).state == Task.State.DONE


def test_a_sending_process_killed_at_work_loses_nothing(receiver, monkeypatch):
    monkeypatch.setattr(outbox, "PAUSES", (0.01,))
    begun, wait = threading.Event(), threading.Event()
    thanks = receiver.answering

    def hesitating(to) -> None:
        begun.set()
        wait.wait(20)
        thanks(to)

    receiver.answering = hesitating
    (task,) = fired({"type": "webhook", "url": receiver.url})
    assert begun.wait(20)
    SENDER._run.process.kill()
    wait.set()
    assert ended(task).state == Task.State.DONE
    assert again(task).attempts.count() == 2
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
