"""The process in which templates of hooks run, bounded in time, memory and output.

It knows nothing of ours but the sandbox: no settings, no database, no environment. It is a process
because only that can be ended from outside, whatever a template has found to do for ever.

Requests and answers are msgpack, each behind its length in four bytes.
"""

import resource
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import IO, Any, TypeVar

import msgspec
from jinja2 import TemplateError, TemplateSyntaxError

from apps.ingest.hooks.body import Headers, told_body
from apps.ingest.hooks.sandbox import Skip, expression_of, template_of

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
    """Why there is no text, and in which line of the template."""

    say: str
    where: str = "template"
    line: int | None = None

    @property
    def place(self) -> str:
        has_lines = self.line and self.where == "template"
        return f"{self.where}, line {self.line}" if has_lines else self.where


class Skipped(msgspec.Struct, tag=True):
    """The template has said that it wants nothing of this delivery."""


Answer = Rendered | Skipped | Failed
Values = Mapping[str, Any]
T = TypeVar("T")
ANSWER = msgspec.msgpack.Decoder(Answer)
ASKED = msgspec.msgpack.Decoder(Asked)


class OutOfTime(BaseException):
    """Not an Exception: no filter takes it for a value that it cannot read."""


class TooMuch(Exception):
    """More text than any event has."""


def main() -> None:
    # Not every system knows this limit; the others hold there.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Who stops the server at a terminal stops its group; this process ends with its pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, _out_of_time)
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        write_frame(sys.stdout.buffer, msgspec.msgpack.encode(answered(ASKED.decode(frame))))


def answered(asked: Asked) -> Answer:
    """Render the template, and evaluate the expression of the delivery's id beside it."""
    values = _bounded("body", lambda: _values(asked))
    if isinstance(values, Skipped | Failed):
        return values
    text = _bounded("template", lambda: _text(asked, values))
    if isinstance(text, Skipped | Failed):
        return text
    delivery = _bounded("delivery id", lambda: _delivery(asked, values))
    return delivery if isinstance(delivery, Skipped | Failed) else Rendered(text, delivery)


def _values(asked: Asked) -> Values:
    return {
        "method": asked.method,
        "headers": Headers(asked.headers),
        "body": told_body(asked.body or b"", asked.content_type),
    }


def _text(asked: Asked, values: Values) -> str:
    template = template_of(asked.template)
    size, parts = 0, []
    for part in template.generate(values) if asked.body is not None else ():
        size += len(part)
        if size > MOST_OUTPUT:
            raise TooMuch
        parts.append(part)
    return _plain("".join(parts))


def _delivery(asked: Asked, values: Values) -> str | None:
    if not asked.delivery.strip():
        return None
    expression = expression_of(asked.delivery)
    delivery = expression(values) if asked.body is not None else None
    return None if delivery in (None, "") else _plain(str(delivery))[:MOST_DELIVERY]


def _bounded(where: str, work: Callable[[], T]) -> T | Skipped | Failed:
    """Do what somebody has written, for as long as it may take; return what went wrong in it."""
    try:
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        try:
            return work()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except Skip:
        return Skipped()
    except OutOfTime:
        return Failed(f"It did not end within {MOST_SECONDS:.0f} s of computing.", where)
    except MemoryError:
        return Failed(f"It needs more than {MOST_MEMORY // MEBIBYTE} MiB.", where)
    except RecursionError:
        return Failed("It calls itself without end.", where)
    except TooMuch:
        return Failed(f"It writes more than {MOST_OUTPUT // MEBIBYTE} MiB.", where)
    except TemplateSyntaxError as error:
        return Failed(_plain(error.message or "It is no template."), where, error.lineno)
    except Exception as error:
        # Whatever a template makes of a message: dividing by nothing, adding texts to numbers.
        say = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        return Failed(_plain(say), where, _line_of(error))


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
