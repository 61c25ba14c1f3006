"""The pages of webhooks: the list, a new one from a template, one to look at and change."""

from __future__ import annotations

import secrets
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.events.audit import tell
from apps.events.models import Rejection
from apps.ingest.hooks.form import HookForm
from apps.ingest.hooks.hook import Hook
from apps.ingest.hooks.preview import Sample, preview, recipe_posted, sample_for
from apps.ingest.hooks.ready import READY, Ready
from apps.ingest.writers import for_writers, name_of
from eventfeed.sealed import CannotOpen, unseal

SHOWN_REJECTIONS = 5
# In the session: the hook whose secret the next page shows.
SHOWN_NEXT = "hook_secret_shown_next"


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def hooks(request: HttpRequest) -> HttpResponse:
    """The list; a POST makes a new one."""
    if request.method == "POST":
        return _made(request)
    found = Hook.objects.select_related("source")
    return render(request, "hooks/list.html", {"nav": "hooks", "hooks": found})


@require_safe
@for_writers
def new(request: HttpRequest) -> HttpResponse:
    """What to begin with, then the form of it."""
    ready = READY.get(request.GET.get("from", ""))
    if ready is None:
        return render(request, "hooks/choose.html", {"nav": "hooks", "ready": READY.values()})
    begun = {
        "name": ready.title,
        "template": ready.template,
        "delivery": ready.delivery,
        "signature": ready.signature,
        "secret": secrets.token_urlsafe(24) if ready.signature != "none" else "",
    }
    form = HookForm(initial=begun)
    return _form(request, form, ready=ready, sample=Sample.of_ready(ready))


@require_safe
@for_writers
def hook(request: HttpRequest, id: int) -> HttpResponse:
    found = get_object_or_404(Hook.objects.select_related("source"), id=id)
    secret = _secret_once(request, found)
    chosen = request.GET.get("rejection", "")
    rejection = _rejections(found).filter(id=chosen).first() if chosen.isdecimal() else None
    page = _form(
        request, HookForm(instance=found), sample=sample_for(found, rejection), secret=secret
    )
    if secret:
        page["Cache-Control"] = "no-store"
    return page


@require_safe
@for_writers
def at_slug(request: HttpRequest, slug: str) -> HttpResponse:
    """Show who opens an address in a browser the hook behind it."""
    found = Hook.objects.at(slug)
    if found is None:
        raise Http404("There is no hook at this address; it may have been given a new one.")
    return redirect(f"/hooks/{found.id}")


@require_POST
@for_writers
def change(request: HttpRequest, id: int) -> HttpResponse:
    found = get_object_or_404(Hook.objects.select_related("source"), id=id)
    form = HookForm(request.POST, instance=found)
    if "preview" in request.POST or not form.is_valid():
        return _shown_again(request, form)
    form.save()
    _show_secret(request, form)
    _tell(request, found, "changed")
    return redirect(f"/hooks/{id}?saved")


@require_POST
@for_writers
def tried(request: HttpRequest) -> HttpResponse:
    """What the form as it stands makes of the pasted delivery: the piece of the page alone."""
    told = preview(recipe_posted(request.POST), Sample.posted(request.POST))
    return render(request, "hooks/_preview.html", {"preview": told})


@require_POST
@for_writers
def done(request: HttpRequest, id: int, what: str) -> HttpResponse:
    """Do one thing to a hook: what the buttons beside it say."""
    found = get_object_or_404(Hook.objects.select_related("source"), id=id)
    if what not in DEEDS:
        raise Http404("A hook can be switched, given a new address, or removed.")
    return DEEDS[what](request, found)


def switch(request: HttpRequest, hook: Hook) -> HttpResponse:
    hook.enabled = request.POST.get("on") == "1"
    hook.save(update_fields=["enabled"])
    _tell(request, hook, "changed", f"Switched {'on' if hook.enabled else 'off'}.")
    return redirect("/hooks" if request.POST.get("from") == "list" else f"/hooks/{hook.id}")


def rotate(request: HttpRequest, hook: Hook) -> HttpResponse:
    hook.rotate()
    _tell(request, hook, "changed", "Given a new address; the former one goes on for a day.")
    return redirect(f"/hooks/{hook.id}")


def end_former(request: HttpRequest, hook: Hook) -> HttpResponse:
    hook.end_former_address()
    _tell(request, hook, "changed", "Its former address was ended.")
    return redirect(f"/hooks/{hook.id}")


def remove(request: HttpRequest, hook: Hook) -> HttpResponse:
    _tell(request, hook, "removed")
    hook.delete()
    return redirect("/hooks")


DEEDS = {"switch": switch, "rotate": rotate, "end-former": end_former, "remove": remove}


def _made(request: HttpRequest) -> HttpResponse:
    form = HookForm(request.POST)
    ready = READY.get(request.POST.get("ready", ""))
    if "preview" in request.POST or not form.is_valid():
        return _shown_again(request, form, ready)
    form.instance.ready = ready.key if ready else ""
    made = form.save()
    _show_secret(request, form)
    _tell(request, made, "added")
    return redirect(f"/hooks/{made.id}")


def _show_secret(request: HttpRequest, form: HookForm) -> None:
    """Let the page that comes next show the secret that was written; only a mark is kept."""
    if form.cleaned_data["secret"] and form.instance.sealed_secret:
        request.session[SHOWN_NEXT] = form.instance.pk


def _secret_once(request: HttpRequest, hook: Hook) -> str:
    """Return the secret of a hook that this browser has just written it for, and only once."""
    if request.method != "GET" or request.session.get(SHOWN_NEXT) != hook.pk:
        return ""
    del request.session[SHOWN_NEXT]
    try:
        return unseal(hook.sealed_secret) if hook.sealed_secret else ""
    except CannotOpen:
        return ""


def _shown_again(request: HttpRequest, form: HookForm, ready: Ready | None = None) -> HttpResponse:
    """Show the form with all that was written, its preview, and what is wrong with it."""
    previewing = "preview" in request.POST
    if previewing:
        # What lacks is said when it is saved.
        form.errors.clear()
    sample = Sample.posted(request.POST)
    told = preview(recipe_posted(request.POST), sample)
    status = 200 if previewing else 422
    return _form(request, form, ready=ready, sample=sample, told=told, status=status)


def _form(
    request: HttpRequest,
    form: HookForm,
    *,
    sample: Sample,
    ready: Ready | None = None,
    told: object = None,
    status: int = 200,
    secret: str = "",
) -> HttpResponse:
    hook = Hook.objects.filter(pk=form.instance.pk).first()
    ready = ready or (READY.get(hook.ready) if hook else None)
    values: dict[str, Any] = {
        "nav": "hooks",
        "form": form,
        "ready": ready,
        "sample": sample,
        "preview": told or (preview(_recipe(form), sample) if sample.body else None),
        "saved": "saved" in request.GET,
        "secret": secret,
    }
    if hook:
        values |= _about(request, hook, ready)
    return render(request, "hooks/form.html", values, status=status)


def _about(request: HttpRequest, hook: Hook, ready: Ready | None) -> dict[str, Any]:
    """Return what the page says of a hook that is in use."""
    address = request.build_absolute_uri(hook.path)
    steps = [step.replace("{address}", address) for step in ready.steps] if ready else []
    return {
        "hook": hook,
        "address": address,
        "steps": steps,
        "rejections": _rejections(hook).defer("body").order_by("-id")[:SHOWN_REJECTIONS],
    }


def _recipe(form: HookForm) -> Any:
    if form.is_bound:
        return recipe_posted(form.data)
    if form.instance.pk:
        return form.instance.recipe
    return recipe_posted(form.initial)


def _rejections(hook: Hook) -> Any:
    return Rejection.objects.filter(source=hook.source, system="webhook")


def _tell(request: HttpRequest, hook: Hook, event: str, message: str | None = None) -> None:
    tell(f"hook.{event}", kind="webhook", name=hook.name, by=name_of(request), message=message)
