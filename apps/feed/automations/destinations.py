"""The pages of destinations: where actions go, with secrets that are written and never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.automations.doing.destinations import BadDestination, delete, new_secret, save
from apps.automations.doing.job import Done
from apps.automations.doing.trying import send_test
from apps.automations.keeping import live
from apps.automations.models import Automation, Destination
from apps.feed.automations.access import for_changers, may_change, name_of
from apps.feed.automations.linking import unknown_address
from apps.feed.automations.then import HEADER

HERE = "/automations/destinations"
Kind = Destination.Kind


@dataclass(frozen=True)
class About:
    """What a kind of destination is, and how its address is written."""

    title: str
    what: str
    placeholder: str
    address: str


KINDS: Mapping[str, About] = {
    Kind.WEBHOOK: About(
        "Webhook",
        "any address that takes a request; signed, so that it can tell who sends",
        "https://hooks.example.com/eventfeed",
        "Where requests go. They are signed after Standard Webhooks.",
    ),
    Kind.NOTIFICATION: About(
        "Notification",
        "mail, Slack, Teams, Discord, Telegram, ntfy, PagerDuty and others",
        "slack://TokenA/TokenB/TokenC/#alerts",
        "As Apprise writes it: mailto://user:password@example.com, slack://…, ntfy://host/topic.",
    ),
    Kind.PREFECT: About(
        "Prefect server",
        "for Prefect’s own actions: run a deployment, cancel a run, pause a pool",
        "http://127.0.0.1:4200/api",
        "The address of its API.",
    ),
}


class DestinationForm(forms.ModelForm):
    url = forms.CharField(
        label="Address",
        required=False,
        max_length=2_000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    secret = forms.CharField(
        label="Secret",
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    headers = forms.CharField(
        label="Headers",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    key = forms.CharField(
        label="Key",
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Destination
        fields = ("name", "private")
        widgets = {  # noqa: RUF012 - Django's own way
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["url"].widget.attrs["placeholder"] = self.about.placeholder
        self.fields["headers"].widget.attrs["placeholder"] = "Authorization: Bearer …"

    @property
    def about(self) -> About:
        return KINDS[self.instance.kind]

    def clean_headers(self) -> dict[str, str]:
        headers = {}
        for line in filter(None, map(str.strip, self.cleaned_data["headers"].splitlines())):
            found = HEADER.fullmatch(line)
            if not found:
                raise forms.ValidationError(f"Write “Name: value” instead of “{line[:80]}”.")
            headers[found[1]] = found[2]
        return headers

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        secrets = any(told.get(name) for name in ("secret", "headers", "key"))
        if self.instance.pk and secrets and not told.get("url"):
            say = "Write the address again, too: it and its secrets are replaced together."
            self.add_error("url", say)
        return told

    def keep(self, by: str | None) -> bool:
        """Keep what was written; without an address all of the former one stays."""
        if not self.is_valid():
            return False
        told = {name: self.cleaned_data[name] for name in ("url", "secret", "headers", "key")}
        try:
            save(self.instance, told if told["url"] or not self.instance.pk else None, by=by)
        except BadDestination as wrong:
            self.add_error(wrong.field if wrong.field in self.fields else None, wrong.say)
            return False
        return True


@require_http_methods(["GET", "HEAD"])
def destinations(request: HttpRequest) -> HttpResponse:
    users = _users()
    told = [
        (one, KINDS[one.kind].title, users.get(one.name, [])) for one in Destination.objects.all()
    ]
    values = {
        "nav": "automations",
        "destinations": told,
        "may_change": may_change(request),
        "unknown_address": unknown_address(request),
    }
    return render(request, "automations/destinations.html", values)


@require_http_methods(["GET", "HEAD", "POST"])
@for_changers
def new(request: HttpRequest) -> HttpResponse:
    """What kind it is, then its form."""
    kind = request.GET.get("kind", "")
    if kind not in KINDS:
        return render(
            request,
            "automations/choose_destination.html",
            {"nav": "automations", "kinds": KINDS.items()},
        )
    begun = {"secret": new_secret()} if kind == Kind.WEBHOOK else {}
    form = DestinationForm(request.POST or None, instance=Destination(kind=kind), initial=begun)
    return _kept(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@for_changers
def destination(request: HttpRequest, id: int) -> HttpResponse:
    found = get_object_or_404(Destination, id=id)
    return _kept(request, DestinationForm(request.POST or None, instance=found))


@require_POST
@for_changers
def done(request: HttpRequest, id: int, what: str) -> HttpResponse:
    """Do one thing to a destination: what the buttons beside it say."""
    found = get_object_or_404(Destination, id=id)
    return DEEDS[what](request, found)


def remove(request: HttpRequest, destination: Destination) -> HttpResponse:
    delete(destination, by=name_of(request))
    return redirect(HERE)


def tried(request: HttpRequest, destination: Destination) -> HttpResponse:
    """Send a test there, and show what came back."""
    return _shown(request, DestinationForm(instance=destination), tried=send_test(destination))


DEEDS: Mapping[str, Callable[[HttpRequest, Destination], HttpResponse]] = {
    "remove": remove,
    "try": tried,
}


def _kept(request: HttpRequest, form: DestinationForm) -> HttpResponse:
    if form.is_bound and form.keep(name_of(request)):
        return redirect(f"{HERE}/{form.instance.pk}?saved")
    return _shown(request, form, status=422 if form.is_bound else 200)


def _shown(
    request: HttpRequest, form: DestinationForm, *, tried: Done | None = None, status: int = 200
) -> HttpResponse:
    values = {
        "nav": "automations",
        "form": form,
        "kind": form.instance.kind,
        "about": form.about,
        "destination": Destination.objects.filter(pk=form.instance.pk).first(),
        "used": _users().get(form.instance.name, []) if form.instance.pk else [],
        "saved": "saved" in request.GET,
        "tried": tried,
    }
    return render(request, "automations/destination.html", values, status=status)


def _users() -> Mapping[str, list[Automation]]:
    """Return the automations that name a destination, by its name."""
    users: dict[str, list[Automation]] = {}
    for one in live():
        actions = (*one.actions, *one.actions_on_trigger, *one.actions_on_resolve)
        for name in {action.get("destination") for action in actions} - {None, ""}:
            users.setdefault(name, []).append(one)
    return users
