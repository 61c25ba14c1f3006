"""Whatever is sent to whichever door over HTTP: never a 5xx, and the server lives."""

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ingest.doorways import HTTP, PREFIXES
from tests.ingest.conftest import Eventfeed

DOORS = sorted(
    {path for method, path in HTTP if method == "POST"}
    | {f"{path}/nobody" for method, path in PREFIXES if method == "POST"}
)
TYPES = [
    "",
    "application/json",
    "application/json; charset=utf-16",
    "application/x-protobuf",
    "application/octet-stream",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/cloudevents+protobuf",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain; charset=nonsense",
    "\xe4/\xff",
]
ENCODINGS = ["", "gzip", "identity", "x-gzip", "br", "deflate", "gzip, gzip", "\xff"]
SAMPLES = [
    path.read_bytes()[:200_000]
    for path in sorted((Path(__file__).parent / "samples").glob("*/*"))
    if not path.name.endswith(".meta.json")
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@st.composite
def altered(draw: st.DrawFn) -> bytes:
    """Take a message as some system sends it, and spoil a byte of it or two."""
    body = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(body) - 1)))
        body[at : at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(body[: draw(st.integers(0, len(body)))]) if draw(st.booleans()) else bytes(body)


BODIES = (
    st.binary(max_size=2_000)
    | JSON.map(lambda value: json.dumps(value).encode())
    | altered()
    | st.sampled_from([b"[" * 50_000, b'{"a":' * 50_000, b'"\\ud800"', b"\xff\xfe[\0]\0", b"-"])
)
PACKED = [
    lambda body: body,
    gzip.compress,
    lambda body: gzip.compress(body)[:-5],
    lambda body: gzip.compress(body) + b"more",
]
fuzzed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def sender() -> Iterator[httpx.Client]:
    """One connection for all: a new one each takes longer than its answer."""
    with httpx.Client(timeout=60) as sender:
        yield sender


@pytest.mark.parametrize("path", DOORS)
@fuzzed
@given(
    body=BODIES,
    pack=st.sampled_from(PACKED),
    type=st.sampled_from(TYPES),
    encoding=st.sampled_from(ENCODINGS),
    more=st.dictionaries(
        st.sampled_from(["ce-id", "ce-type", "x-amz-sns-message-type", "authorization", "key"]),
        st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=9),
    ),
)
def test_nothing_that_is_sent_is_our_mistake(
    eventfeed: Eventfeed, sender: httpx.Client, path: str, body: bytes, pack: Any, type: str,
    encoding: str, more: dict[str, str],
) -> None:  # fmt: skip
    told = {"content-type": type, "content-encoding": encoding, **more}
    headers = {name.encode(): value.encode("latin-1") for name, value in told.items() if value}
    answer = sender.post(
        f"http://127.0.0.1:{eventfeed.port}{path}", content=pack(body), headers=headers
    )
    assert answer.status_code < 500, answer.text


BROKEN = {
    "a body that ends early": "Content-Length: 100\r\n\r\n[1, 2",
    "a length that is none": "Content-Length: many\r\n\r\n[]",
    "a length below nothing": "Content-Length: -1\r\n\r\n[]",
    "two lengths": "Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
    "a chunk that is none": "Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n",
    "a chunk that ends early": "Transfer-Encoding: chunked\r\n\r\nff\r\n[]",
    "a length and chunks": "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "a header without a colon": "Nothing\r\n\r\n",
    "a type in binary": "Content-Type: \x01\x02\r\nContent-Length: 2\r\n\r\n[]",
    "no end of the headers": "Content-Type: application/json\r\n",
}


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_request_ends_with_its_connection(
    eventfeed: Eventfeed, path: str, broken: str
) -> None:
    with socket.create_connection(("127.0.0.1", eventfeed.port), timeout=60) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{eventfeed.port}\r\n"
        connection.sendall(f"{head}Connection: close\r\n{broken}".encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert not answer.startswith(b"HTTP/1.1 5"), answer


def test_the_server_lives(eventfeed: Eventfeed) -> None:
    assert httpx.get(f"http://127.0.0.1:{eventfeed.port}/readyz").status_code == 200
    eventfeed.post([eventfeed.event()])
    assert len(eventfeed.stored()) == 1
