"""Relays in the admin: to be looked at and switched; /sources/relays adds and removes them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.ingest.models import Relay


@admin.register(Relay)
class RelayAdmin(ModelAdmin):
    list_display = ("url", "source", "shown_state", "own_count", "last_stored")
    list_select_related = ("source",)
    search_fields = ("url", "source__name")
    ordering = ("url",)
    # Not `sealed`: how we sign in there is never shown, not even encrypted.
    readonly_fields = (
        "url",
        "source",
        "error",
        "own_count",
        "server_count",
        "oldest",
        "compared",
        "last_stored",
        "created",
    )
    fields = ("enabled", *readonly_fields)
    actions = None

    @display(description="State", label={"on": "success", "waiting": "warning", "off": "info"})
    def shown_state(self, relay: Relay) -> str:
        if not relay.enabled:
            return "off"
        return "waiting" if relay.error else "on"

    def save_model(self, request: HttpRequest, obj: Relay, form: Any, change: bool) -> None:
        obj.switch(on=obj.enabled)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Relay | None = None) -> bool:
        return False
