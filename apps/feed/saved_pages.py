"""The pages of saved views: the list with all that can be done, and the way into each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from apps.feed.api_errors import as_json
from apps.feed.models import TAKEN, View
from apps.feed.saved import MOST_PINNED, Asker, look_at, new_in, open_with, pin, tell_of

HERE = "/views"


class ViewForm(forms.ModelForm):
    """What a view is; how it is kept is said by buttons of their own."""

    class Meta:
        model = View
        fields = ("name", "query", "since", "until", "columns")
        widgets = {  # noqa: RUF012 - Django's own way
            "query": forms.TextInput,
        }


class NewViewForm(ViewForm):
    """A view as it is made, from the feed page or from the list."""

    class Meta(ViewForm.Meta):
        fields = (*ViewForm.Meta.fields, "shared")  # type: ignore[assignment]

    pinned = forms.BooleanField(required=False)

    @property
    def is_taken(self) -> bool:
        """Whether all that is wrong is that there is such a view already."""
        return list(self.errors) == ["name"] and self.has_error("name", TAKEN)


@dataclass(frozen=True)
class Shown:
    """A view as the list shows it."""

    view: View
    form: ViewForm
    is_mine: bool
    may_change: bool
    is_pinned: bool


@require_http_methods(["GET", "HEAD", "POST"])
def views(request: HttpRequest) -> HttpResponse:
    """The list; a POST makes a new view."""
    asker = Asker.of(request)
    form = NewViewForm(request.POST or None, instance=View(owner=asker.user))
    if request.method != "POST":
        return listed(request, asker, new=form)
    person_only(asker)
    if form.is_valid():
        return made(request, asker, form)
    if "replace" in request.POST and (former := form.instance.namesake):
        return replaced(request, asker, former, new=form)
    return listed(request, asker, new=form)


def made(request: HttpRequest, asker: Asker, form: NewViewForm) -> HttpResponse:
    view = form.save()
    if form.cleaned_data["pinned"]:
        pin(asker, view, on=True)
    if view.shared:
        tell_of(asker, view, "shared")
    return redirect(view.link if "stay" not in request.POST else HERE)


def replaced(request: HttpRequest, asker: Asker, former: View, *, new: NewViewForm) -> HttpResponse:
    """Let a view of the asker's own ask something else; who sees it and where it stands remain."""
    form = ViewForm(request.POST, instance=former)
    if not form.is_valid():
        return listed(request, asker, new=new)
    form.save()
    if former.shared:
        tell_of(asker, former, "changed")
    return redirect(HERE)


def listed(
    request: HttpRequest,
    asker: Asker,
    *,
    new: NewViewForm,
    wrong: tuple[int, ViewForm] | None = None,
) -> HttpResponse:
    pinned = set(asker.pins().values_list("view_id", flat=True))
    forms = dict([wrong] if wrong else [])
    for form in (new, *forms.values()):
        begin_with_mistake(form)
    shown = [
        Shown(
            view,
            form=forms.get(view.pk) or ViewForm(instance=view, prefix=f"v{view.pk}"),
            is_mine=asker.owns(view),
            may_change=asker.may_change(view),
            is_pinned=view.pk in pinned,
        )
        for view in asker.views()
    ]
    values = {"nav": "views", "views": shown, "new": new, "most_pinned": MOST_PINNED}
    status = 422 if new.errors or wrong else 200
    return render(request, "views/list.html", values, status=status)


def begin_with_mistake(form: ViewForm) -> None:
    """Lead who reads the page to the first thing that is wrong, wherever it stands."""
    if wrong := next((name for name in form.fields if form.has_error(name)), None):
        form.fields[wrong].widget.attrs["autofocus"] = True


@require_safe
def opened(request: HttpRequest, id: int) -> HttpResponse:
    """Lead to the feed as the view shows it."""
    asker = Asker.of(request)
    view = asker.view(id)
    look_at(asker, id)
    return redirect(view.link)


@require_safe
def counts(request: HttpRequest) -> HttpResponse:
    """Answer how many events are new in each pinned view; `looking` is the one that is open."""
    asker = Asker.of(request)
    looking = request.GET.get("looking", "")
    if looking.isdecimal() and len(looking) < 10:
        look_at(asker, int(looking))
    found = {one.view_id: new_in(one) for one in asker.pins()[:MOST_PINNED]}
    return as_json({"counts": {str(id): new and asdict(new) for id, new in found.items()}})


@require_http_methods(["GET", "HEAD", "POST"])
def done(request: HttpRequest, id: int, what: str) -> HttpResponse:
    """Do one thing to a view: what the buttons beside it say; a GET leads to them."""
    asker = Asker.of(request)
    view = asker.view(id)
    if what not in DEEDS:
        raise Http404("A view can be changed, shared, pinned, made the default, or deleted.")
    if request.method != "POST":
        return redirect(f"{HERE}#view-{view.pk}")
    return DEEDS[what](request, asker, view)


def change(request: HttpRequest, asker: Asker, view: View) -> HttpResponse:
    asker.must_change(view)
    form = ViewForm(request.POST, instance=view, prefix=f"v{view.pk}")
    if not form.is_valid():
        return listed(request, asker, new=NewViewForm(), wrong=(view.pk, form))
    form.save()
    if view.shared:
        tell_of(asker, view, "changed")
    return redirect(HERE)


def share(request: HttpRequest, asker: Asker, view: View) -> HttpResponse:
    asker.must_change(view)
    view.shared = is_on(request)
    view.save(update_fields=["shared"])
    tell_of(asker, view, "shared" if view.shared else "unshared")
    return redirect(HERE)


def put(request: HttpRequest, asker: Asker, view: View) -> HttpResponse:
    person_only(asker)
    pin(asker, view, on=is_on(request))
    return redirect(HERE)


def default(request: HttpRequest, asker: Asker, view: View) -> HttpResponse:
    asker.must_own(view)
    open_with(view, on=is_on(request))
    return redirect(HERE)


def remove(request: HttpRequest, asker: Asker, view: View) -> HttpResponse:
    asker.must_change(view)
    if view.shared:
        tell_of(asker, view, "removed")
    view.delete()
    return redirect(HERE)


DEEDS: Mapping[str, Callable[[HttpRequest, Asker, View], HttpResponse]] = {
    "change": change,
    "share": share,
    "pin": put,
    "default": default,
    "remove": remove,
}


def is_on(request: HttpRequest) -> bool:
    return request.POST.get("on") == "1"


def person_only(asker: Asker) -> None:
    if not asker.is_person:
        raise PermissionDenied("This needs a signed-in person.")
