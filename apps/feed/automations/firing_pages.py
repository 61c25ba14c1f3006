"""The page of a firing, and what can be done there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.automations import keeping
from apps.automations.doing.outbox import try_again
from apps.automations.models import Firing
from apps.feed.automations.access import for_changers, may_change, name_of
from apps.feed.automations.firings import FiringPage


@require_safe
def firing(request: HttpRequest, id: UUID) -> HttpResponse:
    values = {
        "nav": "automations",
        "page": FiringPage(_one(id)),
        "may_change": may_change(request),
        "tried": "again" in request.GET,
    }
    return render(request, "automations/firing.html", values)


@require_POST
@for_changers
def done(request: HttpRequest, id: UUID, what: str) -> HttpResponse:
    """Do one thing to a firing: what the buttons on its page say."""
    return DEEDS[what](request, _one(id))


def acknowledge(request: HttpRequest, firing: Firing) -> HttpResponse:
    keeping.acknowledge(firing, by=name_of(request))
    return redirect(_page(firing))


def again(request: HttpRequest, firing: Firing) -> HttpResponse:
    """Let an action that failed be tried again, now."""
    said = request.POST.get("task", "")
    task = next((one for one in firing.tasks.all() if str(one.id) == said), None)
    if task is None:
        raise Http404("There is no such action of this firing.")
    try_again(task)
    return redirect(f"{_page(firing)}?again")


DEEDS: Mapping[str, Callable[[HttpRequest, Firing], HttpResponse]] = {
    "acknowledge": acknowledge,
    "again": again,
}


def _one(id: UUID) -> Firing:
    return get_object_or_404(Firing.objects.select_related("automation"), id=id)


def _page(firing: Firing) -> str:
    return f"/automations/firings/{firing.id}"
