"""The pages of automations: the list, the editor, and one with what can be done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.automations.keeping import delete, live, save
from apps.automations.keeping import mute as mute_it
from apps.automations.keeping import switch as switch_it
from apps.automations.models import Automation, LateEvents
from apps.feed.automations.access import for_changers, may_change, name_of
from apps.feed.automations.beginnings import EXAMPLES, Beginning, beginning
from apps.feed.automations.editor import BadDocument, Editor, is_formed, take, written
from apps.feed.automations.firings import firings_of
from apps.feed.automations.listing import listed
from apps.feed.automations.saying import deeds, said_of, when_said
from apps.feed.automations.trial import DAYS, SPANS, Trial, pieces

HERE = "/automations"
# What the button *Mute* offers: hours.
MUTES = (1, 8, 24)


@require_http_methods(["GET", "HEAD", "POST"])
def automations(request: HttpRequest) -> HttpResponseBase:
    """The list; a POST makes a new one."""
    if request.method == "POST":
        return made(request)
    values = {
        "nav": "automations",
        "rows": listed(live()),
        "examples": EXAMPLES,
        "may_change": may_change(request),
    }
    return render(request, "automations/list.html", values)


@require_safe
@for_changers
def new(request: HttpRequest) -> HttpResponse:
    begun = beginning(request.GET)
    if request.GET.get("as") == "json":
        return _as_json(request, Automation(), EMPTY)
    return _as_form(request, Editor(begun=begun.fields), begun=begun)


@require_http_methods(["GET", "HEAD", "POST"])
@for_changers
def edit(request: HttpRequest, id: UUID) -> HttpResponse:
    """The editor of one that is; a POST changes it."""
    automation = _one(id)
    if request.method == "POST":
        return _taken(request, automation)
    if request.GET.get("as") == "json" or not is_formed(automation):
        return _as_json(request, automation, written(automation))
    return _as_form(request, Editor(automation))


@for_changers
def made(request: HttpRequest) -> HttpResponse:
    return _taken(request, Automation())


@require_POST
@for_changers
def preview(request: HttpRequest) -> HttpResponse:
    """What the form as it stands says: the piece of the page alone."""
    editor = Editor(posted=request.POST)
    return render(request, "automations/_preview.html", {"preview": _preview(editor)})


@require_POST
@for_changers
def tried(request: HttpRequest) -> HttpResponseBase:
    """Try what the editor holds on the past: a stream of how it goes, or the page at its end."""
    if "document" in request.POST:
        return _tried_as_json(request)
    editor = Editor(_edited(request), posted=request.POST)
    trial = editor.trial
    if "part" in request.POST:
        return _streamed(request, trial)
    if trial is not None:
        trial.run()
    return _as_form(request, editor, trial=trial, trying=True)


def _tried_as_json(request: HttpRequest) -> HttpResponseBase:
    text, tried = request.POST["document"], Automation()
    trial, why = None, None
    try:
        take(tried, text)
        trial = Trial(tried, request.POST.get("days", DAYS))
    except BadDocument as wrong:
        why = wrong
    if "part" in request.POST:
        return _streamed(request, trial, why)
    if trial is not None:
        trial.run()
    return _as_json(request, _edited(request) or Automation(), text, trial=trial, wrong=why)


def _streamed(
    request: HttpRequest, trial: Trial | None, why: BadDocument | None = None
) -> HttpResponseBase:
    if trial is None:
        return render(request, "automations/_trial.html", {"trial": None, "wrong": why})
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(pieces(trial), headers=headers)


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
    if what not in DEEDS:
        raise Http404("An automation can be switched, muted, or removed.")
    return DEEDS[what](request, _one(id))


def switch(request: HttpRequest, automation: Automation) -> HttpResponse:
    switch_it(automation, request.POST.get("on") == "1", by=name_of(request))
    return redirect(HERE if request.POST.get("from") == "list" else f"{HERE}/{automation.id}")


def mute(request: HttpRequest, automation: Automation) -> HttpResponse:
    """Let it record its firings and do nothing, for so many hours; 0 ends that."""
    said = request.POST.get("hours", "")
    hours = int(said) if said.isdecimal() and len(said) < 4 else 0
    until = timezone.now() + timedelta(hours=hours) if hours else None
    mute_it(automation, until, by=name_of(request))
    return redirect(f"{HERE}/{automation.id}")


def remove(request: HttpRequest, automation: Automation) -> HttpResponse:
    delete(automation, by=name_of(request))
    return redirect(HERE)


DEEDS: Mapping[str, Callable[[HttpRequest, Automation], HttpResponse]] = {
    "switch": switch,
    "mute": mute,
    "remove": remove,
}

EMPTY = """{
  "name": "Failures pile up",
  "trigger": {
    "type": "presence",
    "query": "outcome:failed",
    "times": 3,
    "within": 600
  },
  "actions": []
}"""


def _one(id: UUID) -> Automation:
    return get_object_or_404(live(), id=id)


def _edited(request: HttpRequest) -> Automation | None:
    """Return the automation whose editor was posted, None for a new one."""
    try:
        return live().filter(id=UUID(request.POST.get("automation", ""))).first()
    except ValueError:
        return None


def _taken(request: HttpRequest, automation: Automation) -> HttpResponse:
    """Read what was posted, and keep it or show it again with what is wrong."""
    if "document" in request.POST:
        return _taken_as_json(request, automation)
    editor = Editor(automation, posted=request.POST)
    valid = editor.is_valid()
    if "preview" in request.POST:
        return _as_form(request, editor, trying=True)
    if not valid:
        return _as_form(request, editor, status=422)
    editor.fill()
    if "as_json" in request.POST:
        return _as_json(request, automation, written(automation))
    return _kept(request, automation)


def _taken_as_json(request: HttpRequest, automation: Automation) -> HttpResponse:
    text = request.POST["document"]
    try:
        take(automation, text)
    except BadDocument as wrong:
        return _as_json(request, automation, text, wrong=wrong, status=422)
    if "as_form" in request.POST:
        if is_formed(automation):
            return _as_form(request, Editor(automation))
        why = BadDocument("trigger", "The form has no fields for this one; it is kept as JSON.")
        return _as_json(request, automation, text, wrong=why)
    return _kept(request, automation)


def _kept(request: HttpRequest, automation: Automation) -> HttpResponse:
    if automation._state.adding:
        automation.enabled = request.POST.get("enabled") != "0"
    save(automation, by=name_of(request))
    return redirect(f"{HERE}/{automation.id}?saved")


def _as_form(
    request: HttpRequest,
    editor: Editor,
    *,
    begun: Beginning | None = None,
    trial: Trial | None = None,
    trying: bool = False,
    status: int = 200,
) -> HttpResponse:
    values = {
        "nav": "automations",
        "automation": _known(editor.automation),
        "editor": editor,
        "begun": begun,
        "preview": _preview(editor),
        "trying": trying,
    } | _test(request, trial)
    return render(request, "automations/form.html", values, status=status)


def _as_json(
    request: HttpRequest,
    automation: Automation,
    text: str,
    *,
    wrong: BadDocument | None = None,
    trial: Trial | None = None,
    status: int = 200,
) -> HttpResponse:
    values = {
        "nav": "automations",
        "automation": _known(automation),
        "document": text,
        "wrong": wrong,
        "said": said_of(automation) if automation.trigger and not wrong else None,
    } | _test(request, trial)
    return render(request, "automations/json.html", values, status=status)


def _test(request: HttpRequest, trial: Trial | None) -> dict[str, Any]:
    """Return what the step Test shows."""
    return {
        "trial": trial,
        "tested": "test" in request.POST,
        "spans": SPANS.items(),
        "span": request.POST.get("days", DAYS),
    }


def _known(automation: Automation) -> Automation | None:
    """Return an automation as it is kept, None for a new one."""
    return Automation.objects.filter(id=automation.id).first()


def _preview(editor: Editor) -> dict[str, Any]:
    """Say what the form says so far, and what of it is wrong."""
    posted = editor if editor.about.is_bound else editor.tried
    posted.is_valid()
    done = [one.said for one in posted.then if not one.errors and not one.is_empty]
    trigger = posted.when.trigger
    return {
        "when": when_said(trigger) if trigger else "",
        "then": deeds(done),
        "unfinished": any(one.errors for one in posted.then),
        "mistakes": list(posted.mistakes) if editor.about.is_bound else [],
    }
