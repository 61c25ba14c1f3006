"""The socket `/api/events/in` of a running Eventfeed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.ingest.conftest import Eventfeed

PREFECT = [Subprotocol("prefect")]


@contextmanager
def legacy(eventfeed: Eventfeed, **options: Any) -> Iterator[ClientConnection]:
    """Connect as SDKs before 3.6.14 do: no subprotocol, no handshake."""
    with connect(eventfeed.socket_url, max_size=None, **options) as connection:
        yield connection


@contextmanager
def shaking_hands(eventfeed: Eventfeed, token: str | None = None) -> Iterator[ClientConnection]:
    with connect(eventfeed.socket_url, subprotocols=PREFECT) as connection:
        assert connection.subprotocol == "prefect"
        connection.send(json.dumps({"type": "auth", "token": token}))
        assert json.loads(connection.recv()) == {"type": "auth_success"}
        yield connection


def confirm(connection: ClientConnection) -> None:
    """Do what the SDK takes for a proof of delivery."""
    assert connection.ping().wait(60)


@pytest.mark.parametrize("opened", [legacy, shaking_hands])
def test_a_pong_is_said_after_the_commit_of_what_came_before(
    eventfeed: Eventfeed, opened: Any
) -> None:
    sent = [eventfeed.event() for _ in range(1_000)]
    with opened(eventfeed) as connection:
        for event in sent:
            connection.send(json.dumps(event))
        confirm(connection)
        assert eventfeed.stored() == [event["id"] for event in sent]


def test_a_close_is_answered_after_the_commit_of_what_came_before(eventfeed: Eventfeed) -> None:
    with legacy(eventfeed) as connection:
        for _ in range(1_000):
            connection.send(json.dumps(eventfeed.event()))
    assert len(eventfeed.stored()) == 1_000
    assert connection.close_code == 1000


def test_what_was_sent_before_the_line_was_cut_is_stored(eventfeed: Eventfeed) -> None:
    with legacy(eventfeed) as connection:
        for _ in range(50):
            connection.send(json.dumps(eventfeed.event()))
        connection.socket.close()
    eventfeed.wait_for(50)


@pytest.mark.parametrize(
    ("poison", "path", "reason"),
    [
        (b"{", "", "The JSON is broken at character"),
        (b"[]", "", "An event must be an object."),
        (b'{"payload": {"a": NaN}}', "occurred", "The field occurred is required."),
        (b'{"event": "a\\u0000b"}', "occurred", "The field occurred is required."),
    ],
)
def test_one_poison_frame_is_put_aside_and_the_stream_goes_on(
    eventfeed: Eventfeed, poison: bytes, path: str, reason: str
) -> None:
    marked = poison + b" " + eventfeed.corner.encode() if poison == b"{" else poison
    before = eventfeed.query("SELECT count(*) FROM rejection")[0][0]
    with legacy(eventfeed) as connection:
        connection.send(json.dumps(eventfeed.event()))
        connection.send(marked, text=True)
        connection.send(json.dumps(eventfeed.event()))
        confirm(connection)
        assert len(eventfeed.stored()) == 2
    kept = eventfeed.query(
        "SELECT doorway, path, reason FROM rejection ORDER BY id OFFSET %s LIMIT 1", before
    )
    assert kept[0][:2] == ("WS /api/events/in", path)
    assert kept[0][2].startswith(reason)


def test_an_oversize_event_is_a_rejection_and_a_large_one_is_stored(eventfeed: Eventfeed) -> None:
    large = eventfeed.event(payload={"text": "x" * 1_400_000})
    oversize = eventfeed.event(payload={"text": "x" * 1_500_000})
    with legacy(eventfeed) as connection:
        connection.send(json.dumps(large))
        connection.send(json.dumps(oversize))
        confirm(connection)
    assert eventfeed.stored() == [large["id"]]
    [(doorway, index, path, reason)] = eventfeed.rejections()
    assert (doorway, index, path) == ("WS /api/events/in", None, "")
    assert "the limit is 1,500,000" in reason


def test_events_sent_again_after_a_reconnect_change_nothing(eventfeed: Eventfeed) -> None:
    sent = [json.dumps(eventfeed.event()) for _ in range(100)]
    for _ in range(2):
        with legacy(eventfeed) as connection:
            for event in sent:
                connection.send(event)
    assert len(eventfeed.stored()) == 100


def test_a_frame_may_be_binary(eventfeed: Eventfeed) -> None:
    with legacy(eventfeed) as connection:
        connection.send(json.dumps(eventfeed.event()).encode())
    assert len(eventfeed.stored()) == 1


@pytest.mark.parametrize("first", ["{", "[]", '{"type": "filter"}', '{"type": "auth", "token": 5}'])
def test_who_does_not_shake_hands_is_closed_with_1008(eventfeed: Eventfeed, first: str) -> None:
    with connect(eventfeed.socket_url, subprotocols=PREFECT) as connection:
        connection.send(first)
        with pytest.raises(ConnectionClosed):
            connection.recv()
    assert connection.close_code == 1008


def test_pings_and_the_close_are_answered_before_the_handshake(eventfeed: Eventfeed) -> None:
    with connect(eventfeed.socket_url, subprotocols=PREFECT) as connection:
        confirm(connection)
    assert connection.close_code == 1000
