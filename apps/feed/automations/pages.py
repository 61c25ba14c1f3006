"""The pages of automations: the list, and one with what can be done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.automations.keeping import delete, live
from apps.automations.keeping import mute as mute_it
from apps.automations.keeping import switch as switch_it
from apps.automations.models import Automation, LateEvents
from apps.feed.automations import editing
from apps.feed.automations.access import for_changers, may_change, name_of
from apps.feed.automations.beginnings import EXAMPLES
from apps.feed.automations.firings import firings_of
from apps.feed.automations.listing import listed, page_of

HERE = "/automations"
# What the button *Mute* offers: hours.
MUTES = (1, 8, 24)


@require_http_methods(["GET", "HEAD", "POST"])
def automations(request: HttpRequest) -> HttpResponseBase:
    """The list; a POST makes a new one."""
    if request.method == "POST":
        return editing.made(request)
    values = {
        "nav": "automations",
        "page": page_of(request.GET),
        "examples": EXAMPLES,
        "may_change": may_change(request),
    }
    return render(request, "automations/list.html", values)


@require_safe
def automation(request: HttpRequest, id: UUID) -> HttpResponse:
    """One automation: what it is, how it goes, and its firings."""
    found = get_object_or_404(Automation, id=id)
    [row] = listed([found])
    page = firings_of(found, request.GET.get("before", ""))
    values = {
        "nav": "automations",
        "row": row,
        "page": page,
        "late": LateEvents.objects.filter(automation=found).first(),
        "may_change": may_change(request),
        "mutes": MUTES,
        "saved": "saved" in request.GET,
    }
    return render(request, "automations/automation.html", values)


@require_POST
@for_changers
def done(request: HttpRequest, id: UUID, what: str) -> HttpResponse:
    """Do one thing to an automation: what the buttons beside it say."""
    return DEEDS[what](request, get_object_or_404(live(), id=id))


def switch(request: HttpRequest, automation: Automation) -> HttpResponse:
    switch_it(automation, request.POST.get("on") == "1", by=name_of(request))
    back = request.POST.get("from", "")
    return redirect(back if back == HERE or back.startswith(f"{HERE}?") else _page(automation))


def mute(request: HttpRequest, automation: Automation) -> HttpResponse:
    """Let it record its firings and do nothing, for so many hours; 0 ends that."""
    said = request.POST.get("hours", "")
    hours = int(said) if said.isdecimal() and len(said) < 4 else 0
    until = timezone.now() + timedelta(hours=hours) if hours else None
    mute_it(automation, until, by=name_of(request))
    return redirect(_page(automation))


def remove(request: HttpRequest, automation: Automation) -> HttpResponse:
    delete(automation, by=name_of(request))
    return redirect(HERE)


def _page(automation: Automation) -> str:
    return f"{HERE}/{automation.id}"


DEEDS: Mapping[str, Callable[[HttpRequest, Automation], HttpResponse]] = {
    "switch": switch,
    "mute": mute,
    "remove": remove,
}
