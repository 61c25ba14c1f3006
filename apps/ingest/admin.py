"""Senders, and what was refused of theirs."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.events.models import Rejection, Source
from apps.events.words import system_title
from apps.ingest.hooks.admin import HookAdmin

__all__ = ["HookAdmin", "RejectionAdmin", "SourceAdmin"]


@admin.register(Source)
class SourceAdmin(ModelAdmin):
    list_display = ("name", "shown_system", "created")
    search_fields = ("name",)
    readonly_fields = ("created",)

    @display(description="System", ordering="system")
    def shown_system(self, source: Source) -> str:
        return system_title(source.system)

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        # Its events would be of nobody.
        return False


@admin.register(Rejection)
class RejectionAdmin(ModelAdmin):
    """A source keeps its newest thousand, so that this list may be counted."""

    list_display = ("received", "source", "doorway", "reason", "path", "shown_size")
    list_display_links = ("received", "reason")
    list_filter: ClassVar = ["source"]
    list_select_related = ("source",)
    search_fields = ("reason", "path", "event_id")
    fields = (
        "received",
        "source",
        "doorway",
        "reason",
        "index",
        "path",
        "event_id",
        "shown_size",
        "shown_body",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rejection]:
        # The list loads no bodies; a rejection's own page asks for its one.
        return super().get_queryset(request).order_by("-id").defer("body")

    @display(description="Size", ordering="body_size")
    def shown_size(self, rejection: Rejection) -> str:
        return f"{rejection.body_size:,} bytes"

    @display(description="What arrived")
    def shown_body(self, rejection: Rejection) -> SafeString:
        body = bytes(rejection.body)
        cut = rejection.body_size - len(body)
        return format_html(
            '<pre class="overflow-x-auto whitespace-pre-wrap break-all">{}</pre>{}',
            body.decode(errors="backslashreplace"),
            f"… {cut:,} bytes more were not kept." if cut > 0 else "",
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Rejection | None = None) -> bool:
        return False
