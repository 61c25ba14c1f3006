"""The pages of the way in: sources, adding one, and what was refused."""

from datetime import datetime
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import Token
from apps.events.models import Rejection, Source
from apps.ingest.again import CannotTry, try_again, why_not
from apps.ingest.recipes import PLACEHOLDER, RECIPES
from apps.ingest.rejections import older_rejections, shown
from apps.ingest.senders import Sender, row_of, senders
from apps.ingest.source_forms import AddForm, SettingsForm, rules_in
from apps.ingest.source_setup import (
    add_source,
    change_source,
    forget_token,
    fresh_token,
    lines,
    make_token,
    needs_token,
)
from apps.ingest.writers import for_writers, may_write

GONE = "There is no such source."


@require_safe
def sources(request: HttpRequest) -> HttpResponse:
    """Every sender, the one heard of last first."""
    found = senders(Source.objects.all())
    found.sort(key=lambda one: (one.seen is not None, one.seen and one.seen.last), reverse=True)
    values = {"nav": "sources", "senders": found, "may_write": may_write(request)}
    return render(request, "sources/list.html", values)


@require_safe
@for_writers
def choose(request: HttpRequest) -> HttpResponse:
    """What can be added."""
    values = {"nav": "sources", "recipes": RECIPES.items()}
    return render(request, "sources/choose.html", values)


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def add(request: HttpRequest, kind: str) -> HttpResponse:
    """Name a source of one kind; it is made with its token, and waits for its first event."""
    recipe = RECIPES.get(kind)
    if recipe is None:
        raise Http404("No lines are known for this kind of source.")
    form = AddForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        source = add_source(request, kind, form.cleaned_data["name"])
        return redirect(f"/sources/{source.id}?{urlencode({'since': _now()})}")
    values = {"nav": "sources", "kind": kind, "recipe": recipe, "form": form}
    return render(request, "sources/add.html", values, status=400 if form.errors else 200)


@require_safe
def source(request: HttpRequest, id: int) -> HttpResponse:
    """One source: what it sends, what to paste, its tokens and its settings."""
    return _source_page(request, _sender(id))


@require_safe
def first_event(request: HttpRequest, id: int) -> HttpResponse:
    """The part of a source's page that turns from waiting into the event."""
    return render(request, "sources/_waiting.html", _waiting(request, _sender(id)))


@require_POST
@for_writers
def change(request: HttpRequest, id: int) -> HttpResponse:
    sender = _sender(id)
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return _source_page(request, sender, form)
    told = form.cleaned_data
    change_source(request, sender.source, rules=rules_in(told), networks=told["networks"])
    return redirect(f"/sources/{id}#settings")


@require_POST
@for_writers
def token(request: HttpRequest, id: int) -> HttpResponse:
    """Make another token for a source."""
    make_token(request, _sender(id).source)
    return redirect(f"/sources/{id}?{urlencode({'since': _now()})}")


@require_POST
@for_writers
def revoke(request: HttpRequest, id: int, token: int) -> HttpResponse:
    sender = _sender(id)
    if token not in [one.id for one in sender.tokens]:
        raise Http404("This source has no such token; it may be revoked already.")
    get_object_or_404(Token, id=token).revoke()
    forget_token(request, sender.source)
    return redirect(f"/sources/{id}#tokens")


@require_safe
def rejections(request: HttpRequest) -> HttpResponse:
    """What was refused, newest first; of one source, where it is asked so."""
    after, source = request.GET.get("after", ""), request.GET.get("source", "")
    of = Source.objects.filter(id=int(source)).first() if source.isdecimal() else None
    found, older = older_rejections(int(after) if after.isdecimal() else None, of)
    values = {"nav": "rejections", "rejections": found, "older": older, "after": after, "of": of}
    return render(request, "rejections/list.html", values)


@require_safe
def rejection(request: HttpRequest, id: int) -> HttpResponse:
    found = _rejection(id)
    values = {
        "nav": "rejections",
        "rejection": found,
        "body": shown(found),
        "why_not": why_not(found),
        "may_write": may_write(request),
    }
    return render(request, "rejections/detail.html", values)


@require_POST
@for_writers
def again(request: HttpRequest, id: int) -> HttpResponse:
    """Read a refused message once more; its page tells what came of it."""
    try:
        try_again(_rejection(id))
    except CannotTry as cannot:
        raise Http404(str(cannot)) from None
    return redirect(f"/rejections/{id}")


def _sender(id: int) -> Sender:
    found = senders(Source.objects.filter(id=id))
    if not found:
        raise Http404(GONE)
    return found[0]


def _source_page(
    request: HttpRequest, sender: Sender, form: SettingsForm | None = None
) -> HttpResponse:
    source = sender.source
    waiting = _waiting(request, sender)
    if waiting["row"]:
        forget_token(request, source)
    recipe, secret = RECIPES.get(source.kind), fresh_token(request, source)
    needed = needs_token(source, sender.tokens)
    pasted = lines(request, recipe, secret, needed=needed)
    values = waiting | {
        "nav": "sources",
        "recipe": recipe,
        "lines": pasted,
        "secret": secret,
        "former_secret": any(PLACEHOLDER in one.text for one in pasted),
        "form": form or SettingsForm.of(source),
        "may_write": may_write(request),
    }
    return render(request, "sources/source.html", values, status=400 if form else 200)


def _waiting(request: HttpRequest, sender: Sender) -> dict[str, object]:
    """Return the event that has come since somebody waits for it, or why it was refused."""
    since = _since(request) or sender.source.created
    arrived = sender.last if sender.seen and sender.seen.last >= since else None
    refused = Rejection.objects.filter(source=sender.source, received__gte=since, stored=False)
    return {
        "sender": sender,
        "source": sender.source,
        "since": since.isoformat(),
        "row": row_of(arrived) if arrived else None,
        "refused": list(refused.defer("body").order_by("-id")[:3]),
    }


def _since(request: HttpRequest) -> datetime | None:
    try:
        since = parse_datetime(request.GET.get("since", ""))
    except ValueError:
        return None
    return since if since and timezone.is_aware(since) else None


def _now() -> str:
    return timezone.now().isoformat()


def _rejection(id: int) -> Rejection:
    found = Rejection.objects.select_related("source").filter(id=id).first()
    if found is None:
        raise Http404("This rejection is gone: only the newest of each source are kept.")
    return found
