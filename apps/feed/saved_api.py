"""Saved views for programs: the list, and each to read, change and delete."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from apps.feed.api import ApiView, known_only
from apps.feed.api_errors import BadParameter, BadQuery, as_json
from apps.feed.api_schema import MISTAKES, Error
from apps.feed.models import TAKEN, View
from apps.feed.rows import iso
from apps.feed.saved import Asker, open_with, pin, tell_of
from apps.query import QueryError, parse

CHANGED = ("name", "query", "since", "until", "columns", "shared")


class ViewFields(serializers.ModelSerializer[View]):
    """What may be written of a view."""

    default = serializers.BooleanField(
        required=False, help_text="Your feed opens with it; one view of your own at most does."
    )
    pinned = serializers.BooleanField(
        required=False, help_text="It stands in the navigation of who asks."
    )

    class Meta:
        model = View
        fields = (*CHANGED, "default", "pinned")


class SavedView(ViewFields):
    """A view as it is told."""

    owner = serializers.CharField(allow_null=True, help_text="A user's name; null without users.")
    mine = serializers.BooleanField()
    link = serializers.CharField(help_text="The feed page that shows it.")

    class Meta(ViewFields.Meta):
        fields = ("id", *ViewFields.Meta.fields, "owner", "mine", "link", "made")  # type: ignore[assignment]


class SavedViews(serializers.Serializer):
    views = SavedView(many=True)


class Views(ApiView):
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="list_views",
        summary="Saved views: your own, and those that are shared",
        responses={200: SavedViews} | MISTAKES,
    )
    def get(self, request: Request) -> HttpResponse:
        asker = Asker.of(request)
        return as_json({"views": [told(asker, view) for view in asker.views()]})

    @extend_schema(
        operation_id="make_view",
        summary="Save a view",
        request=ViewFields,
        responses={201: SavedView, 415: Error} | MISTAKES,
    )
    def post(self, request: Request) -> HttpResponse:
        asker = Asker.of(request)
        asked = checked(ViewFields(data=request.data))
        if not asker.is_person and not (asker.staff and asked.get("shared")):
            raise PermissionDenied("A token with the scope “admin” may make views that are shared.")
        keeps_to_persons(asker, asked)
        view = View(owner=asker.user, **only(asked))
        in_whole(view)
        view.save()
        settle(asker, view, asked)
        if view.shared:
            tell_of(asker, view, "shared")
        return as_json(told(asker, view), status=201)


class OneView(ApiView):
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="get_view",
        summary="One saved view",
        responses={200: SavedView, 404: Error} | MISTAKES,
    )
    def get(self, request: Request, id: int) -> HttpResponse:
        asker = Asker.of(request)
        return as_json(told(asker, asker.view(id)))

    @extend_schema(
        operation_id="change_view",
        summary="Change a saved view",
        request=ViewFields(partial=True),
        responses={200: SavedView, 404: Error, 415: Error} | MISTAKES,
    )
    def patch(self, request: Request, id: int) -> HttpResponse:
        asker = Asker.of(request)
        view = asker.view(id)
        asked = checked(ViewFields(view, data=request.data, partial=True))
        keeps_to_persons(asker, asked)
        if fields := only(asked):
            asker.must_change(view)
            was_shared = view.shared
            for name, value in fields.items():
                setattr(view, name, value)
            in_whole(view)
            view.save(update_fields=[*fields])
            if was_shared or view.shared:
                tell_of(asker, view, said(was_shared, view.shared))
        settle(asker, view, asked)
        return as_json(told(asker, view))

    @extend_schema(
        operation_id="delete_view",
        summary="Delete a saved view",
        responses={204: None, 404: Error} | MISTAKES,
    )
    def delete(self, request: Request, id: int) -> HttpResponse:
        asker = Asker.of(request)
        view = asker.view(id)
        asker.must_change(view)
        if view.shared:
            tell_of(asker, view, "removed")
        view.delete()
        return HttpResponse(status=204)


def told(asker: Asker, view: View) -> dict[str, Any]:
    return {
        "id": view.pk,
        **{name: getattr(view, name) for name in CHANGED},
        "default": asker.opens_with(view),
        "pinned": asker.pins().filter(view=view).exists(),
        "owner": view.owner.get_username() if view.owner else None,
        "mine": asker.owns(view),
        "link": view.link,
        "made": iso(view.made),
    }


def checked(asked: ViewFields) -> dict[str, Any]:
    """Return what was asked; raises BadParameter or BadQuery for the first thing that is wrong.

    What is told of a view beside may come back with it, and changes nothing.
    """
    if isinstance(asked.initial_data, dict):
        known, beside = ViewFields.Meta.fields, SavedView.Meta.fields
        known_only(asked.initial_data, known, "field", told=beside)
    if asked.is_valid():
        return asked.validated_data
    field, wrong = next(iter(asked.errors.items()))
    if field == "query" and isinstance(text := asked.initial_data["query"], str):
        try:
            parse(text)
        except QueryError as error:
            raise BadQuery(field, error) from error
    raise BadParameter("body" if field == "non_field_errors" else field, str(wrong[0]))


def in_whole(view: View) -> None:
    """Check what is of several fields; raises BadParameter."""
    try:
        view.clean()
    except ValidationError as error:
        [(field, [wrong])] = error.error_dict.items()
        say = str(wrong.message)
        if wrong.code == TAKEN and (other := view.namesake):
            way_out = f"change /api/views/{other.pk}, or choose another name."
            say = f"There is a view “{other.name}” already: {way_out}"
        raise BadParameter(field, say) from error


def only(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in CHANGED if name in asked}


def keeps_to_persons(asker: Asker, asked: dict[str, Any]) -> None:
    if not asker.is_person and {"default", "pinned"} & asked.keys():
        raise PermissionDenied("A token has no feed of its own: default and pinned are a person's.")


def settle(asker: Asker, view: View, asked: dict[str, Any]) -> None:
    """Do what is not of the view alone: open the feed with it, put it into the navigation."""
    if "default" in asked and asked["default"] != asker.opens_with(view):
        asker.must_own(view)
        open_with(view, on=asked["default"])
    if "pinned" in asked:
        pin(asker, view, on=asked["pinned"])


def said(was_shared: bool, is_shared: bool) -> str:
    if was_shared == is_shared:
        return "changed"
    return "shared" if is_shared else "unshared"
