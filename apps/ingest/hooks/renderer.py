"""The process in which templates of hooks run, bounded in time, memory and output.

It knows nothing of ours but the sandbox: no settings, no database, no environment. It is a process
because only that can be ended from outside, whatever a template has found to do for ever.

Requests and answers are msgpack, each behind its length in four bytes.
"""

import resource
import signal
import sys
import traceback
from types import FrameType
from typing import IO

import msgspec
from jinja2 import TemplateError, TemplateSyntaxError

from apps.ingest.hooks.body import Headers, told_body
from apps.ingest.hooks.sandbox import expression_of, template_of

MEBIBYTE = 1024 * 1024
MOST_MEMORY = 512 * MEBIBYTE
MOST_OUTPUT = 2 * MEBIBYTE
MOST_DELIVERY = 1_000
# Of this process's own time, so that a busy machine fails no template.
MOST_SECONDS = 1.0
TEMPLATE = "<template>"


class Asked(msgspec.Struct):
    """A template with the delivery to show it; without one it is only read."""

    template: str
    delivery: str = ""
    method: str = "POST"
    headers: dict[str, str] = {}
    body: bytes | None = None
    content_type: str = ""


class Rendered(msgspec.Struct, tag=True):
    text: str = ""
    delivery: str | None = None


class Failed(msgspec.Struct, tag=True):
    """Why there is no text, and the line of the template that says it."""

    say: str
    line: int | None = None


Answer = Rendered | Failed
ANSWER = msgspec.msgpack.Decoder(Answer)
ASKED = msgspec.msgpack.Decoder(Asked)


class OutOfTime(BaseException):
    """Not an Exception: no filter takes it for a value that it cannot read."""


class TooMuch(Exception):
    """More text than any event has."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Who stops the server at a terminal stops its group; this process ends with its pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, _out_of_time)
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        write_frame(sys.stdout.buffer, msgspec.msgpack.encode(answered(ASKED.decode(frame))))


def answered(asked: Asked) -> Answer:
    try:
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        try:
            return _rendered(asked)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except OutOfTime:
        return Failed(f"The template did not end within {MOST_SECONDS:.0f} s of computing.")
    except MemoryError:
        return Failed(f"The template needs more than {MOST_MEMORY // MEBIBYTE} MiB.")
    except RecursionError:
        return Failed("The template calls itself without end.")
    except TooMuch:
        return Failed(f"The template writes more than {MOST_OUTPUT // MEBIBYTE} MiB.")
    except TemplateSyntaxError as error:
        return Failed(_plain(error.message or "It is no template."), error.lineno)
    except Exception as error:
        # Whatever a template makes of a message: dividing by nothing, adding texts to numbers.
        say = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        return Failed(_plain(say), _line_of(error))


def _rendered(asked: Asked) -> Rendered:
    template = template_of(asked.template)
    expression = expression_of(asked.delivery) if asked.delivery.strip() else None
    if asked.body is None:
        return Rendered()
    values = {
        "method": asked.method,
        "headers": Headers(asked.headers),
        "body": told_body(asked.body, asked.content_type),
    }
    size, parts = 0, []
    for part in template.generate(values):
        size += len(part)
        if size > MOST_OUTPUT:
            raise TooMuch
        parts.append(part)
    delivery = expression(values) if expression else None
    told = None if delivery in (None, "") else _plain(str(delivery))[:MOST_DELIVERY]
    return Rendered(_plain("".join(parts)), told)


def _plain(text: str) -> str:
    """Return a text without half surrogate pairs, which a template can write and nobody send."""
    return str(text).encode(errors="replace").decode()


def _line_of(error: BaseException) -> int | None:
    frames = traceback.extract_tb(error.__traceback__)
    return next((at.lineno for at in reversed(frames) if at.filename == TEMPLATE), None)


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise OutOfTime


def read_frame(pipe: IO[bytes]) -> bytes | None:
    """Return the next frame, or None at the end."""
    head = pipe.read(4)
    return pipe.read(int.from_bytes(head)) if len(head) == 4 else None


def write_frame(pipe: IO[bytes], content: bytes) -> None:
    pipe.write(len(content).to_bytes(4) + content)
    pipe.flush()


if __name__ == "__main__":
    main()
