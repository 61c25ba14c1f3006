"""The pages of the way in: what was refused."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.events.models import Rejection
from apps.ingest.rejections import older_rejections, shown


@require_safe
def rejections(request: HttpRequest) -> HttpResponse:
    """What was refused, newest first."""
    after = request.GET.get("after", "")
    found, older = older_rejections(int(after) if after.isdecimal() else None)
    values = {"nav": "rejections", "rejections": found, "older": older, "after": after}
    return render(request, "rejections/list.html", values)


@require_safe
def rejection(request: HttpRequest, id: int) -> HttpResponse:
    found = Rejection.objects.select_related("source").filter(id=id).first()
    if found is None:
        raise Http404("This rejection is gone: only the newest of each source are kept.")
    values = {"nav": "rejections", "rejection": found, "body": shown(found)}
    return render(request, "rejections/detail.html", values)
