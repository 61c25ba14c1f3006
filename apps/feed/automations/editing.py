"""The editor's pages: as a form and as JSON, tried on the past and on an event, and saved."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.automations.doing.actions import BadAction
from apps.automations.edition import Overtaken, edition_of
from apps.automations.keeping import live, save
from apps.automations.models import Automation
from apps.feed.automations.access import for_changers, name_of
from apps.feed.automations.beginnings import Beginning, beginning
from apps.feed.automations.editor import (
    BadDocument,
    Editor,
    Mistake,
    is_formed,
    take,
    written,
)
from apps.feed.automations.linking import unknown_address
from apps.feed.automations.overtaking import Overtaking, overtaking
from apps.feed.automations.sample import Sample, sample_of
from apps.feed.automations.saying import deeds, said_of, when_said
from apps.feed.automations.trial import DAYS, SPANS, Trial, pieces

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
# The status of what was refused because somebody else was first.
CONFLICT = 409


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
    automation = get_object_or_404(Automation, id=id)
    if request.method == "POST":
        return _taken(request, automation)
    if automation.gone:
        raise Http404("It has been removed.")
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
    held = Held(request)
    days = request.POST.get("days", DAYS)
    trial = Trial(held.automation, days, unfit=held.unfit) if held.automation else None
    if "part" in request.POST:
        return _streamed(request, trial, held.wrong)
    if trial is not None:
        trial.run()
    return held.shown(trial=trial)


@require_POST
@for_changers
def sampled(request: HttpRequest) -> HttpResponse:
    """Show what would be done about one event: the piece of the page, or the whole of it."""
    held = Held(request)
    on = request.POST.get("on_event", "")
    sample = sample_of(held.automation, on, unfit=held.unfit) if held.automation else None
    if "part" in request.POST:
        told = {"sample": sample, "wrong": held.wrong}
        return render(request, "automations/_sample.html", told)
    return held.shown(sample=sample)


class Held:
    """What an editor holds, saved or not: the automation it makes, or what is wrong with it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.automation: Automation | None = None
        self.wrong: BadDocument | None = None
        self.editor: Editor | None = None
        self.unfit: list[Mistake] = []
        if "document" in request.POST:
            self._read_document(request.POST["document"])
        else:
            self.editor = Editor(_edited(request), posted=request.POST)
            self.automation = self.editor.as_far_as_said
            self.unfit = self.editor.unfit

    def _read_document(self, text: str) -> None:
        held = Automation()
        try:
            take(held, text)
            self.automation = held
        except BadDocument as wrong:
            self.wrong = wrong

    def shown(self, **test: Any) -> HttpResponse:
        """Show the editor again, with what its test has told."""
        if self.editor is not None:
            return _as_form(self.request, self.editor, trying=True, **test)
        text, one = self.request.POST["document"], _edited(self.request) or Automation()
        return _as_json(self.request, one, text, wrong=self.wrong, **test)


def _streamed(
    request: HttpRequest, trial: Trial | None, why: BadDocument | None
) -> HttpResponseBase:
    if trial is None:
        return render(request, "automations/_trial.html", {"trial": None, "wrong": why})
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(pieces(trial), headers=headers)


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
    try:
        if _is_kept(request, automation):
            return _at_its_page(automation)
    except BadAction as bad:
        editor.refuse(bad)
        return _as_form(request, editor, status=422)
    told = overtaking(automation)
    return _as_form(request, editor, overtaken=told, status=CONFLICT)


def _taken_as_json(request: HttpRequest, automation: Automation) -> HttpResponse:
    text = request.POST["document"]
    try:
        take(automation, text)
    except BadDocument as wrong:
        return _as_json(request, automation, text, wrong=wrong, status=422)
    if "as_form" in request.POST:
        return _as_form(request, Editor(automation))
    try:
        if _is_kept(request, automation):
            return _at_its_page(automation)
    except BadAction as bad:
        told = BadDocument(bad.path, bad.say)
        return _as_json(request, automation, text, wrong=told, status=422)
    newer = overtaking(automation)
    return _as_json(request, automation, text, overtaken=newer, status=CONFLICT)


def _is_kept(request: HttpRequest, automation: Automation) -> bool:
    """Keep it, unless somebody else has changed it since its editor was opened.

    Raises BadAction for what only a Prefect server could tell.
    """
    if automation._state.adding:
        automation.enabled = request.POST.get("enabled") != "0"
        save(automation, by=name_of(request))
        return True
    try:
        save(automation, by=name_of(request), over=request.POST.get("edition", ""))
    except Overtaken:
        return False
    return True


def _at_its_page(automation: Automation) -> HttpResponse:
    return redirect(f"/automations/{automation.id}?saved")


def _as_form(
    request: HttpRequest,
    editor: Editor,
    *,
    begun: Beginning | None = None,
    overtaken: Overtaking | None = None,
    trying: bool = False,
    status: int = 200,
    **test: Any,
) -> HttpResponse:
    values = {
        "editor": editor,
        "begun": begun,
        "preview": _preview(editor),
        "trying": trying,
    } | _common(request, editor.automation, overtaken, begun, **test)
    return render(request, "automations/form.html", values, status=status)


def _as_json(
    request: HttpRequest,
    automation: Automation,
    text: str,
    *,
    wrong: BadDocument | None = None,
    overtaken: Overtaking | None = None,
    status: int = 200,
    **test: Any,
) -> HttpResponse:
    values = {
        "document": text,
        "wrong": wrong,
        "said": said_of(automation) if automation.trigger and not wrong else None,
    } | _common(request, automation, overtaken, None, **test)
    return render(request, "automations/json.html", values, status=status)


def _common(
    request: HttpRequest,
    automation: Automation,
    overtaken: Overtaking | None,
    begun: Beginning | None,
    *,
    trial: Trial | None = None,
    sample: Sample | None = None,
) -> dict[str, Any]:
    """Return what both editors show: which automation, of which edition, and the step Test."""
    kept = live().filter(id=automation.id).first()
    begun_from = str(begun.event.id) if begun and begun.event else ""
    return {
        "nav": "automations",
        "automation": kept,
        "edition": _edition(request, kept, overtaken),
        "overtaken": overtaken,
        "trial": trial,
        "tested": "test" in request.POST,
        "spans": SPANS.items(),
        "span": request.POST.get("days", DAYS),
        "sample": sample,
        "sampled": "sample" in request.POST,
        "unknown_address": unknown_address(request),
        "on_event": request.POST.get("on_event", begun_from),
    }


def _edition(request: HttpRequest, kept: Automation | None, overtaken: Overtaking | None) -> str:
    """Return the edition that a person has seen: who was told of a newer one has seen that."""
    if kept is None:
        return ""
    return edition_of(kept) if overtaken else request.POST.get("edition", edition_of(kept))


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
