"""What Prefect's clients ask of automations: made, read, changed, switched and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from django.db.models import Q
from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.accounts.api import CanRead
from apps.automations import keeping
from apps.automations.doing import templates
from apps.automations.doing.actions import BadAction
from apps.automations.models import Automation
from apps.automations.reading import BadTrigger
from apps.feed.api_errors import as_json
from apps.feed.prefect.automations_filter import ORDERS, AutomationFilter
from apps.feed.prefect.automations_loops import loop_in
from apps.feed.prefect.automations_said import changed, made, sayable, told
from apps.feed.prefect.automations_schema import AutomationPartialUpdate
from apps.feed.prefect.bodies import Refused, mistake_at, read_body, read_value, value_of
from apps.feed.prefect.views import PrefectView
from apps.feed.saved import Asker

MOST = 200
FARTHEST = 2**31
MISSING = "Automation not found"
DEPLOYMENT = "prefect.deployment."
EMPTY = b'""'
Order = Literal["NAME_ASC", "NAME_DESC", "CREATED_DESC", "UPDATED_DESC"]


class Asked(msgspec.Struct):
    """A page of automations; what is null is as if it were left out."""

    automations: AutomationFilter | None = None
    sort: Order | None = None
    limit: int | None = None
    offset: Annotated[int, msgspec.Meta(ge=0, le=FARTHEST)] | None = None


class MayChange(BasePermission):
    message = "This needs the scope “admin”, or a signed-in user who is staff."

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method == "GET" or Asker.of(request).staff


class Changing(PrefectView):
    """Whoever may read may read; automations do things, so to change them takes more."""

    permission_classes = (CanRead, MayChange)  # type: ignore[assignment]  # one more


class Automations(Changing):
    """`POST /api/automations/`."""

    def post(self, request: Request) -> HttpResponse:
        automation = made(value_of(request.body))
        keep(automation, request)
        return as_json(told(automation), status=201)


class OneAutomation(Changing):
    """`/api/automations/{id}`."""

    def get(self, request: Request, id: str) -> HttpResponse:
        return as_json(told(one(id)))

    def put(self, request: Request, id: str) -> HttpResponse:
        keep(changed(one(id), value_of(request.body)), request)
        return HttpResponse(status=204)

    def patch(self, request: Request, id: str) -> HttpResponse:
        automation = one(id)
        asked = read_body(request.body, AutomationPartialUpdate)
        if asked.enabled is not msgspec.UNSET:
            refuse_loop(automation, request, on=asked.enabled)
            keeping.switch(automation, asked.enabled, by=by(request))
        return HttpResponse(status=204)

    def delete(self, request: Request, id: str) -> HttpResponse:
        keeping.delete(one(id), by=by(request))
        return HttpResponse(status=204)


class ListedAutomations(PrefectView):
    """`POST /api/automations/filter`."""

    def post(self, request: Request) -> HttpResponse:
        asked = read_body(request.body, Asked)
        first, limit = asked.offset or 0, limit_of(asked)
        listed = islice(matching(asked), first, first + limit)
        return as_json([told(automation) for automation in listed])


class CountedAutomations(PrefectView):
    """`POST /api/automations/count`."""

    def post(self, request: Request) -> HttpResponse:
        asked = read_body(request.body, Asked)
        return as_json(sum(1 for _ in matching(asked)))


class RelatedAutomations(PrefectView):
    """`GET /api/automations/related-to/{resource_id}`: what it owns, and what runs it."""

    def get(self, request: Request, resource_id: str) -> HttpResponse:
        known(resource_id)
        runs = {"type": "run-deployment", "deployment_id": resource_id.removeprefix(DEPLOYMENT)}
        about = Q(owner_resource=resource_id) | Q(actions__contains=[runs])
        related = sayable(keeping.live().filter(about))
        return as_json([told(automation) for automation in related])


class OwnedAutomations(Changing):
    """`DELETE /api/automations/owned-by/{resource_id}`: a deployment is served anew."""

    def delete(self, request: Request, resource_id: str) -> HttpResponse:
        known(resource_id)
        for automation in keeping.live().filter(owner_resource=resource_id):
            keeping.delete(automation, by=by(request))
        return as_json(None, status=202)


class Validated(PrefectView):
    """`POST /api/templates/validate`: nothing, or what is wrong with the template."""

    def post(self, request: Request) -> HttpResponse:
        template = read_value(value_of(request.body or EMPTY), str)
        wrong = templates.check(template)
        if wrong is None:
            return HttpResponse(status=204)
        error = {"line": wrong.line, "message": wrong.message, "source": template}
        return as_json({"error": error}, status=422)


def known(resource_id: str) -> None:
    """Turn away what no resource is called, and PostgreSQL would refuse; raises NotFound."""
    if "\0" in resource_id:
        raise NotFound("Resource not found")


def one(id: str) -> Automation:
    """Return the automation, if Prefect's schema can say it; raises NotFound."""
    try:
        found = keeping.live().filter(id=UUID(id))
    except ValueError:
        raise NotFound(MISSING) from None
    for automation in sayable(found):
        return automation
    raise NotFound(MISSING)


def matching(asked: Asked) -> Iterator[Automation]:
    which = asked.automations.q() if asked.automations else Q()
    return sayable(keeping.live().filter(which).order_by(*ORDERS[asked.sort or "NAME_ASC"]))


def limit_of(asked: Asked) -> int:
    """Return how many are asked for; raises Refused as Prefect's server does."""
    if asked.limit is not None and asked.limit < 0:
        raise Refused("Invalid limit: must be greater than or equal to 0.")
    if asked.limit is not None and asked.limit > MOST:
        raise Refused(f"Invalid limit: must be less than or equal to {MOST}.")
    return MOST if asked.limit is None else asked.limit


def keep(automation: Automation, request: Request) -> None:
    """Save it; raises Invalid for a trigger or an action that means nothing here."""
    refuse_loop(automation, request, on=automation.enabled)
    try:
        keeping.save(automation, by=by(request))
    except (BadTrigger, BadAction) as bad:
        raise mistake_at(bad.path, bad.say, value_of(request.body)) from None


def refuse_loop(automation: Automation, request: Request, *, on: bool) -> None:
    if say := loop_in(automation, on=on):
        raise mistake_at("", say, value_of(request.body))


def by(request: Request) -> str | None:
    return Asker.of(request).name
