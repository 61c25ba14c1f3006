"""Characters of senders that nobody sees, but that turn or hide what stands around them.

In whatever page they stand, each is drawn as its code and kept apart from the text around it. The
character itself stays in the page, so that what is copied and filtered by is what was sent.
"""

import re
from collections.abc import Callable
from unicodedata import name

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString, mark_safe

# Controls, what writes from right to left, what has no width, and other ends of lines.
HIDDEN = (
    "\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u2064\u2066-\u206f\ufeff"
)
PLACEHOLDER = "\ufffd"

_HIDDEN = re.compile(f"[{HIDDEN}]")
# What has been drawn already; what holds text alone; tags; and the text between them.
_PIECE = re.compile(
    r"(?P<drawn><bdi class=\"sign\"[^>]*>.</bdi>)"
    r"|(?P<title><title\b[^>]*>[^<]*</title>)"
    r"|(?P<kept><(?P<of>textarea|option|script|style)\b.*?</(?P=of)>|<!--.*?-->)"
    r"|(?P<tag><(?:\"[^\"]*\"|'[^']*'|[^'\"<>])*>)"
    r"|(?P<text>[^<]+)",
    re.DOTALL | re.IGNORECASE,
)
_SAID = re.compile(r"""(?<=\s)(?:title|aria-label)="[^"]*\"""")


class Visible:
    """Draws them in every page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        is_page = answer.get("Content-Type", "").startswith("text/html")
        if is_page and isinstance(answer, HttpResponse):
            html = answer.content.decode()
            if _HIDDEN.search(html):
                answer.content = visible(html).encode()
        return answer


def visible(html: str) -> SafeString:
    """Return a piece of a page in which nothing is hidden."""
    drawn = _PIECE.sub(_drawn, html) if _HIDDEN.search(html) else html
    return mark_safe(drawn)  # noqa: S308 - it adds to HTML that is escaped


def _drawn(piece: re.Match[str]) -> str:
    match piece.lastgroup:
        case "text":
            return _HIDDEN.sub(lambda hidden: _sign(hidden[0]), piece[0])
        case "title":
            return _HIDDEN.sub(PLACEHOLDER, piece[0])
        case "tag":
            return _SAID.sub(lambda said: _HIDDEN.sub(PLACEHOLDER, said[0]), piece[0])
    return piece[0]


def _sign(hidden: str) -> str:
    code = f"U+{ord(hidden):04X}"
    title = f"{code} {name(hidden, 'control character').lower()}"
    return f'<bdi class="sign" data-code="{code}" title="{title}">{hidden}</bdi>'
