"""Refused messages as a page shows them."""

from dataclasses import dataclass

from apps.events.models import Rejection

PAGE = 50


@dataclass(frozen=True)
class Body:
    """The kept beginning of a message, as text where it is text."""

    text: str
    size: int
    cut: bool
    binary: bool


def older_rejections(after: int | None) -> tuple[list[Rejection], str]:
    """Return a page of rejections, newest first, and the link to the next."""
    found = Rejection.objects.select_related("source").defer("body").order_by("-id")
    if after is not None:
        found = found.filter(id__lt=after)
    page = list(found[: PAGE + 1])
    older = f"/rejections?after={page[PAGE - 1].id}" if len(page) > PAGE else ""
    return page[:PAGE], older


def shown(rejection: Rejection) -> Body:
    body = bytes(rejection.body)
    binary = b"\x00" in body[:1_000]
    text = body[:1_000].hex(" ") if binary else body.decode("utf-8", "replace")
    return Body(text, rejection.body_size, len(body) < rejection.body_size, binary)
