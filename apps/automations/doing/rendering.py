"""The process in which an automation's templates run, bounded in time, memory and output.

It knows nothing of ours but the sandbox: no settings, no database, no environment. It is a process
because only that can be ended from outside, whatever a template has found to do for ever.
"""

import signal
import sys
import traceback
from collections.abc import Mapping
from types import FrameType
from typing import Any

import msgspec

from apps.automations.doing.confined import confine
from apps.automations.doing.frames import Frame, read_frame, write_frame
from apps.automations.doing.sandbox import (
    MOST_OUTPUT,
    BadTemplate,
    Event,
    Labels,
    Resource,
    Told,
    TooMuch,
    is_template,
    template_of,
)

MEBIBYTE = 1024 * 1024
MOST_MEMORY = 512 * MEBIBYTE
# Of this process's own time, so that a busy machine fails no template.
MOST_SECONDS = 1.0
TEMPLATE = "<template>"


class Asked(msgspec.Struct):
    """Templates with the context to show them."""

    templates: list[str]
    context: dict[str, Any]


class Failed(msgspec.Struct):
    """Why there is no text: of which template, in which line of it."""

    say: str
    at: int
    line: int | None = None


class Rendered(msgspec.Struct):
    texts: list[str] = []
    failed: Failed | None = None


ASKED = msgspec.msgpack.Decoder(Asked)
RENDERED = msgspec.msgpack.Decoder(Rendered)


class OutOfTime(BaseException):
    """Not an Exception: no filter takes it for a value that it cannot read."""


def main() -> None:
    confine(MOST_MEMORY)
    signal.signal(signal.SIGPROF, _out_of_time)
    while frame := read_frame(sys.stdin.buffer):
        answer = msgspec.msgpack.encode(rendered(ASKED.decode(frame.content)))
        write_frame(sys.stdout.buffer, Frame(frame.number, answer))


def rendered(asked: Asked) -> Rendered:
    context = told(asked.context)
    texts: list[str] = []
    for at, template in enumerate(asked.templates):
        text = _bounded(template, context, at)
        if isinstance(text, Failed):
            return Rendered(failed=text)
        texts.append(text)
    return Rendered(texts)


def told(context: Mapping[str, Any]) -> dict[str, Any]:
    """Make of plain values what templates ask: resources with their labels, fields by a dot."""
    made = {name: _told(value) for name, value in context.items()}
    made["labels"] = Labels(context.get("labels") or {})
    return made


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        if "prefect.resource.id" in value:
            return Resource(value)
        kind = Event if "resource" in value and "related" in value else Told
        # What a sender has written stays what it is.
        return kind({key: one if key == "payload" else _told(one) for key, one in value.items()})
    return [_told(one) for one in value] if isinstance(value, list) else value


def _bounded(template: str, context: Mapping[str, Any], at: int) -> str | Failed:
    """Do what somebody has written, for as long as it may take; return what went wrong in it."""
    if not is_template(template):
        return template
    try:
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        try:
            return _text(template, context)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except OutOfTime:
        return Failed(f"It did not end within {MOST_SECONDS:.0f} s of computing.", at)
    except MemoryError:
        return Failed(f"It needs more than {MOST_MEMORY // MEBIBYTE} MiB.", at)
    except RecursionError:
        return Failed("It calls itself without end.", at)
    except BadTemplate as error:
        return Failed(_plain(error.message), at, error.line)
    except TooMuch as error:
        return Failed(_plain(str(error)), at, _line_of(error))
    except Exception as error:
        # Whatever a template makes of an event: dividing by nothing, adding texts to numbers.
        return Failed(_plain(f"{type(error).__name__}: {error}")[:500], at, _line_of(error))


def _text(template: str, context: Mapping[str, Any]) -> str:
    size, parts = 0, []
    for part in template_of(template).generate(context):
        size += len(part)
        if size > MOST_OUTPUT:
            raise TooMuch(f"It writes more than {MOST_OUTPUT:,} characters.")
        parts.append(part)
    return _plain("".join(parts))


def _plain(text: str) -> str:
    """Return a text without what a template can write and nobody keep: NUL, half surrogates."""
    return str(text).encode(errors="replace").decode().replace("\0", "�")


def _line_of(error: BaseException) -> int | None:
    frames = traceback.extract_tb(error.__traceback__)
    return next((at.lineno for at in reversed(frames) if at.filename == TEMPLATE), None)


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise OutOfTime


if __name__ == "__main__":
    main()
