"""What the sending process is told to do, and what it answers: msgpack on its pipes."""

import msgspec

MOST_READ = 64 * 1024
"""Bytes of an answer that are read."""
# Seconds for all of it: a receiver that drips has no more than one that is silent.
LONGEST = 15.0


class Signed(msgspec.Struct):
    """How a request is signed: https://www.standardwebhooks.com."""

    id: str
    secret: str = ""
    """Without one it only names itself and its time."""


class Call(msgspec.Struct, tag=True):
    """One HTTP request."""

    method: str
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""
    signed: Signed | None = None
    private: bool = False
    """Whether the address may be one of a private network."""
    most: int = MOST_READ
    longest: float = LONGEST


class Notify(msgspec.Struct, tag=True):
    """One notification, to an address as apprise writes it."""

    url: str
    subject: str
    body: str
    private: bool = False


Asked = Call | Notify


class Answer(msgspec.Struct):
    """What came of it. Without an error it was taken."""

    status: int | None = None
    response: bytes = b""
    error: str = ""
    again: bool = False
    """Whether the same may succeed later."""
    after: float | None = None
    """Seconds that the receiver asks to wait."""
    location: str = ""
    """Where it was redirected to, which is not followed."""


ASKED = msgspec.msgpack.Decoder(Asked)
ANSWER = msgspec.msgpack.Decoder(Answer)
