"""Relays as the sources page shows and changes them."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.events.audit import tell
from apps.ingest.models import Relay
from apps.ingest.relay.keeping import relay_for
from apps.ingest.writers import for_writers, may_write, name_of
from eventfeed.sealed import seal

HERE = "/sources/relays"


class RelayForm(forms.Form):
    url = forms.URLField(
        assume_scheme="http",
        error_messages={"invalid": "Write its PREFECT_API_URL: http://127.0.0.1:4200/api"},
    )
    auth = forms.CharField(required=False, strip=True)

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise forms.ValidationError("The address begins with http:// or https://.")
        return url


@dataclass(frozen=True)
class Shown:
    """A relay with what is to be said of it."""

    relay: Relay

    @property
    def state(self) -> str:
        if not self.relay.enabled:
            return "off"
        return "waiting" if self.relay.error else "on"

    @property
    def missing(self) -> int:
        """How many events the server keeps that were not read yet."""
        return max(0, self.relay.server_count - self.relay.own_count)


def shown() -> list[Shown]:
    return [Shown(relay) for relay in Relay.objects.select_related("source").order_by("url")]


@require_http_methods(["GET", "HEAD", "POST"])
def relays(request: HttpRequest) -> HttpResponse:
    """Every relay, and a form for another."""
    form = RelayForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return add(request, form.cleaned_data)
    values = {"nav": "sources", "relays": shown(), "form": form, "may_write": may_write(request)}
    return render(request, "sources/relays.html", values, status=400 if form.errors else 200)


@for_writers
def add(request: HttpRequest, told: dict[str, Any]) -> HttpResponse:
    relay = relay_for(told["url"], by=name_of(request))
    if told["auth"]:
        relay.sealed = seal(told["auth"])
        relay.save(update_fields=["sealed"])
    relay.switch(on=True)
    tell("relay.changed", kind="relay", name=relay.url, by=name_of(request), message="Switched on")
    return HttpResponseRedirect(HERE)


@require_POST
@for_writers
def switch(request: HttpRequest, id: int) -> HttpResponse:
    """Switch a relay on, or off: it goes on where it was."""
    relay = get_object_or_404(Relay, id=id)
    relay.switch(on="on" in request.POST)
    state = "Switched on" if relay.enabled else "Switched off"
    tell("relay.changed", kind="relay", name=relay.url, by=name_of(request), message=state)
    return HttpResponseRedirect(HERE)


@require_POST
@for_writers
def remove(request: HttpRequest, id: int) -> HttpResponse:
    """Forget a relay; its source and its events stay."""
    relay = get_object_or_404(Relay, id=id)
    relay.delete()
    tell("relay.removed", kind="relay", name=relay.url, by=name_of(request))
    return HttpResponseRedirect(HERE)
