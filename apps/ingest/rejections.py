"""Refused messages as a page shows them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from apps.events.models import Rejection, Source
from apps.ingest.masking import Rules
from apps.ingest.overwriting import masked_bytes

PAGE = 50


@dataclass(frozen=True)
class Body:
    """The kept beginning of a message, as text where it is text."""

    text: str
    size: int
    cut: bool
    binary: bool


def older_rejections(
    after: int | None, source: Source | None = None
) -> tuple[list[Rejection], str]:
    """Return a page of rejections, newest first, and the link to the next."""
    found = Rejection.objects.select_related("source").defer("body").order_by("-id")
    asked: dict[str, int] = {}
    if source is not None:
        found = found.filter(source=source)
        asked["source"] = source.id
    if after is not None:
        found = found.filter(id__lt=after)
    page = list(found[: PAGE + 1])
    if len(page) <= PAGE:
        return page, ""
    return page[:PAGE], f"/rejections?{urlencode(asked | {'after': page[PAGE - 1].id})}"


def shown(rejection: Rejection) -> Body:
    body = shown_bytes(rejection)
    binary = b"\x00" in body[:1_000]
    text = body[:1_000].hex(" ") if binary else body.decode("utf-8", "replace")
    return Body(text, rejection.body_size, len(body) < rejection.body_size, binary)


def shown_bytes(rejection: Rejection) -> bytes:
    """Return what was kept, by the rules of today: what was kept under former ones is masked too.

    So is the address by which a subscription is confirmed, which lies there whole.
    """
    return masked_bytes(bytes(rejection.body), Rules.of(rejection.source.masks))
