"""Bodies of requests: whole, bounded, inflated under a count."""

import zlib
from collections.abc import Mapping

from apps.ingest.doors.asgi import Receive

# zlib's number for a gzip header and trailer.
GZIP = 16 + zlib.MAX_WBITS


class BodyRefused(Exception):
    """The body cannot be taken as it comes; the status and a sentence for its sender."""

    def __init__(self, status: int, say: str) -> None:
        super().__init__(say)
        self.status = status
        self.say = say


class Gone(Exception):
    """The client hung up before its body was whole."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], *, most: int) -> bytes:
    """Return the whole body, inflated; raises BodyRefused beyond so many bytes, or Gone."""
    body = _decoder(headers.get(b"content-encoding", b""), most=most)
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        body.feed(message["body"])
        more = message["more_body"]
    return body.whole()


def _decoder(encoding: bytes, *, most: int) -> "Plain":
    match encoding.strip().lower():
        case b"" | b"identity":
            return Plain(most)
        case b"gzip" | b"x-gzip":
            return Gzipped(most)
        case _:
            raise BodyRefused(415, "The Content-Encoding must be gzip, or absent.")


class Plain:
    def __init__(self, most: int) -> None:
        self.most = most
        self.body = bytearray()

    def feed(self, chunk: bytes) -> None:
        if len(self.body) + len(chunk) > self.most:
            raise BodyRefused(413, f"The body is larger than {self.most:,} bytes.")
        self.body += chunk

    def whole(self) -> bytes:
        return bytes(self.body)


class Gzipped(Plain):
    """One or more gzip members; never holds more than `most` bytes of what they unfold to."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.member = zlib.decompressobj(GZIP)

    def feed(self, chunk: bytes) -> None:
        while chunk:
            if self.member.eof:
                self.member = zlib.decompressobj(GZIP)
            super().feed(self._inflate(chunk))
            chunk = self.member.unused_data

    def _inflate(self, chunk: bytes) -> bytes:
        try:
            return self.member.decompress(chunk, self.most - len(self.body) + 1)
        except zlib.error:
            raise BodyRefused(400, "The body is no gzip, as its Content-Encoding says.") from None

    def whole(self) -> bytes:
        if not self.member.eof:
            raise BodyRefused(400, "The gzip body is truncated.")
        return super().whole()
