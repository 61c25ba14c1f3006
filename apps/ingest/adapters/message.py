"""What every adapter takes and gives: a message as it arrived, and the drafts that are in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.events.draft import Draft
from apps.ingest.strict_json import Path


@dataclass(frozen=True)
class Message:
    """Bytes as they arrived, untrusted, with what came beside them."""

    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their lower-case names."""
    kind: str = ""
    """What the path says of the body, where it says something: Flyte's `tasks`."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where, and of which type (those of pydantic, in Prefect's case)."""

    path: Path
    type: str
    reason: str
    found: str | None = None

    @property
    def where(self) -> str:
        """The path as one reads it: `related[3].prefect.resource.role`."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return "".join(steps).removeprefix(".")


@dataclass(frozen=True)
class Unreadable:
    """Why a message, or an event in it, cannot be read; and the status that says so over HTTP."""

    status: int
    problems: tuple[Problem, ...]
    event_id: str | None = None

    @classmethod
    def because(
        cls, status: int, reason: str, *path: str | int, type: str = "value_error"
    ) -> "Unreadable":
        return cls(status, (Problem(path, type, reason),))


@dataclass(frozen=True, slots=True)
class Element:
    """A part of a message: which one (None for the whole), its bytes, and what it says."""

    index: int | None
    raw: bytes
    reading: tuple[Draft, ...] | Unreadable


class Adapter(Protocol):
    """Reads one system's dialect. It is pure: the same message gives the same drafts."""

    def __call__(self, message: Message) -> Iterator[Element]: ...


def media_type(message: Message) -> str:
    """Return the content type without its parameters: `application/json`."""
    return message.content_type.partition(";")[0].strip().lower()


def cut(text: str, most: int = 100) -> str:
    """Cut a text to one short piece of it: nobody wants megabytes back."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def one_line(text: str, most: int = 200) -> str:
    """Write what is worth reading on one line, as the column `message` holds it."""
    # Cut before splitting: a message may hold a hundred thousand characters.
    return cut(" ".join(text[: 10 * most].split()), most)


def labels_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Write values as labels, which are strings; what is None or empty is no label."""
    return {key: _label(value) for key, value in values.items() if value not in (None, "")}


def _label(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
