"""Saved views: who sees which, who may change them, and what is new in those somebody pinned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest

from apps.accounts.access import Caller
from apps.events.audit import tell
from apps.events.log import Expired, StartAgain, head_sync
from apps.events.position import BadPosition, Position
from apps.events.search import Page, QueryTimeout, search_log
from apps.feed.models import Pin, View
from apps.feed.moments import BadMoment
from apps.query import QueryError

# What is new is counted up to here; “99+” then.
MOST_COUNTED = 99
# Seconds for counting on in one view; the next time goes on from where this one came to.
COUNT_BUDGET = 0.2
MOST_PINNED = 12


@dataclass(frozen=True)
class Asker:
    """Who asks for views: a person, who is at the machine in local mode, or a program."""

    user: Any
    staff: bool
    is_person: bool = True

    @classmethod
    def of(cls, request: HttpRequest) -> Asker:
        """Say who looks at a page, or asks the API (there `auth` says who bears a token)."""
        if settings.LOCAL_MODE:
            return cls(user=None, staff=True)
        caller = getattr(request, "auth", None)
        if isinstance(caller, Caller):
            return cls(user=None, staff="admin" in caller.scopes, is_person=False)
        if not request.user.is_authenticated:
            return cls(user=None, staff=False, is_person=False)
        return cls(user=request.user, staff=request.user.is_staff)

    @property
    def name(self) -> str | None:
        return self.user.get_username() if self.user else None

    def views(self) -> QuerySet[View]:
        """The views this one sees: those that are shared, and its own."""
        own = Q(owner=self.user) if self.is_person else Q()
        seen = Q(shared=True) | own if own else Q(shared=True)
        return View.objects.filter(seen).select_related("owner")

    def owns(self, view: View) -> bool:
        return self.is_person and view.owner_id == (self.user.pk if self.user else None)

    def opens_with(self, view: View) -> bool:
        return view.is_default and self.owns(view)

    def may_change(self, view: View) -> bool:
        return self.owns(view) or (self.staff and view.shared)

    def view(self, id: int) -> View:
        """Return a view that this one sees; raises Http404."""
        view = self.views().filter(id=id).first()
        if view is None:
            raise Http404(f"There is no view {id} that you may see.")
        return view

    def must_change(self, view: View) -> None:
        if not self.may_change(view):
            raise PermissionDenied("Only its owner, or staff, may change this view.")

    def must_own(self, view: View) -> None:
        if not self.owns(view):
            raise PermissionDenied("Only a view of your own can open your feed.")

    def default(self) -> View | None:
        if not self.is_person:
            return None
        return View.objects.filter(owner=self.user, is_default=True).first()

    def pins(self) -> QuerySet[Pin]:
        mine = Pin.objects.filter(person=self.user) if self.is_person else Pin.objects.none()
        # What was shared may have been taken back since.
        return mine.filter(view__in=self.views()).select_related("view__owner")


def pin(asker: Asker, view: View, on: bool) -> None:
    """Put a view into somebody's navigation, or take it out."""
    if on:
        Pin.objects.get_or_create(view=view, person=asker.user, defaults=seen_by_now())
    else:
        Pin.objects.filter(view=view, person=asker.user).delete()


def open_with(view: View, on: bool) -> None:
    """Let the feed of the view's owner open with it, or with everything again."""
    with transaction.atomic():
        View.objects.filter(owner=view.owner, is_default=True).update(is_default=False)
        view.is_default = on
        view.save(update_fields=["is_default"])


def tell_of(asker: Asker, view: View, event: str) -> None:
    """Tell as an event what was done to a view that others see, too."""
    tell(
        f"view.{event}",
        kind="view",
        name=view.name,
        by=asker.name,
        message=view.query[:200] or None,
        payload={"query": view.query, "since": view.since, "until": view.until},
    )


def look_at(asker: Asker, view_id: int) -> None:
    """Remember that somebody sees a view up to now."""
    asker.pins().filter(view_id=view_id).update(**seen_by_now())


def seen_by_now() -> dict[str, Any]:
    """Return what a pin holds of which everything has been seen."""
    here = str(head_sync())
    return {"looked": here, "counted_to": here, "new": 0}


@dataclass(frozen=True)
class New:
    """So many events of a view since its person looked, or more than those."""

    count: int
    more: bool


def new_in(pinned: Pin) -> New | None:
    """Count on from where it was counted to; None when that cannot be said."""
    try:
        all_counted = pinned.new > MOST_COUNTED or _count_on(pinned)
    except (StartAgain, BadPosition):
        # The log has begun anew: so does the count.
        Pin.objects.filter(pk=pinned.pk).update(**seen_by_now())
        return New(0, more=False)
    except (QueryError, QueryTimeout, BadMoment):
        return None
    bounded = min(pinned.new, MOST_COUNTED)
    return New(bounded, more=pinned.new > bounded or not all_counted)


def _count_on(pinned: Pin) -> bool:
    """Count what came since it was last counted; false when there is more than time for it."""
    place = pinned.counted_to
    try:
        page = _page_after(pinned, Position.parse(place))
    except Expired as gone:
        page = _page_after(pinned, gone.floor)
    pinned.new += len(page.events)
    pinned.counted_to = str(page.next or page.position)
    # Unless somebody has looked meanwhile, or another tab has counted.
    still = Pin.objects.filter(pk=pinned.pk, counted_to=place)
    still.update(new=pinned.new, counted_to=pinned.counted_to)
    return page.next is None


def _page_after(pinned: Pin, place: Position) -> Page:
    within = pinned.view.range
    return search_log(
        pinned.view.asked,
        first=place,
        last=None,
        after=None,
        limit=MOST_COUNTED + 1 - pinned.new,
        newest_first=False,
        since=within.since,
        until=within.until,
        budget=COUNT_BUDGET,
    )
