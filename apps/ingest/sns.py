"""Subscriptions of Amazon's SNS that wait to be confirmed, and the click that confirms one.

Only a person's click calls the address: whoever reaches the doorway could otherwise make us call.
"""

from dataclasses import dataclass
from datetime import timedelta

import httpx
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.events.audit import tell
from apps.events.models import Rejection
from apps.ingest.adapters.cloudevents.envelopes import TO_CONFIRM, Subscription, subscription_in
from apps.ingest.writers import for_writers, may_write, name_of

# So long SNS remembers what it has asked.
REMEMBERED = timedelta(days=3)
PATIENCE = 10.0
MOST = 100


@dataclass(frozen=True)
class Waiting:
    """A rejected message in which SNS asks, and what it asks."""

    rejection: Rejection
    subscription: Subscription

    @property
    def is_over(self) -> bool:
        return self.rejection.received < timezone.now() - REMEMBERED


@require_safe
def subscriptions(request: HttpRequest) -> HttpResponse:
    """What SNS asks to confirm, newest first."""
    return _page(request)


@require_POST
@for_writers
def confirm(request: HttpRequest, id: int) -> HttpResponse:
    """Call the address by which SNS learns that its messages are wanted here."""
    found = next((one for one in waiting() if one.rejection.id == id), None)
    if found is None:
        raise Http404("This subscription waits no more.")
    topic = found.subscription.topic
    if problem := call(found.subscription.address):
        return _page(request, f"The subscription to {topic} was not confirmed. {problem}", 502)
    settle(topic)
    name = topic.rpartition(":")[2]
    tell("subscription.confirmed", kind="subscription", name=name, by=name_of(request))
    return _page(request, f"The subscription to {topic} is confirmed. Its messages come from now.")


def _page(request: HttpRequest, said: str = "", status: int = 200) -> HttpResponse:
    values = {
        "nav": "rejections",
        "waiting": waiting(),
        "said": said,
        "failed": status != 200,
        "may_confirm": may_write(request),
    }
    return render(request, "sns/list.html", values, status=status)


def waiting() -> list[Waiting]:
    """Return what waits, of each topic the newest: SNS asks again when it is told to."""
    newest: dict[str, Waiting] = {}
    for rejection in Rejection.objects.filter(path=TO_CONFIRM).order_by("-id")[:MOST]:
        if subscription := subscription_in(bytes(rejection.body)):
            newest.setdefault(subscription.topic, Waiting(rejection, subscription))
    return list(newest.values())


def settle(topic: str) -> None:
    """Forget what asked to confirm a topic: it asks no more."""
    for rejection in Rejection.objects.filter(path=TO_CONFIRM):
        subscription = subscription_in(bytes(rejection.body))
        if subscription and subscription.topic == topic:
            rejection.delete()


def call(address: str, transport: httpx.BaseTransport | None = None) -> str | None:
    """Call an address of Amazon's; return what went wrong."""
    try:
        with (
            httpx.Client(transport=transport, timeout=PATIENCE) as client,
            client.stream("GET", address) as answer,
        ):
            return None if answer.status_code == 200 else f"SNS answered {answer.status_code}."
    except httpx.HTTPError as error:
        return f"SNS could not be reached: {error}."
