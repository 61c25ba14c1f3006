"""What the server refuses by itself, before any application sees it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Refused:
    """A request that is too large, or comes while too much is being sent, and why."""

    method: str
    path: str
    content_type: str
    status: HTTPStatus
    sentence: str


Refusal = Callable[[Refused], tuple[Mapping[str, str], bytes]]
"""Writes the answer: its headers and its body."""


def in_json(refused: Refused) -> tuple[dict[str, str], bytes]:
    # The second key is where Prefect's clients look.
    told = {"detail": refused.sentence, "exception_message": refused.sentence}
    again = {"Retry-After": "1"} if refused.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return {"Content-Type": "application/json", **again}, json.dumps(told).encode()
