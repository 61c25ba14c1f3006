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

from apps.events.models import Rejection
from apps.ingest.hooks.admin import HookAdmin
from apps.ingest.rejections import shown_bytes
from apps.ingest.relay.admin import RelayAdmin
from apps.ingest.source_admin import SourceAdmin

__all__ = ["HookAdmin", "RejectionAdmin", "RelayAdmin", "SourceAdmin"]


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
        "tried",
        "told",
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
        body = shown_bytes(rejection)
        cut = rejection.body_size - len(body)
        return format_html(
            '<pre class="sent" tabindex="0">{}</pre>{}',
            body.decode(errors="backslashreplace"),
            f"… {cut:,} bytes more were not kept." if cut > 0 else "",
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Rejection | None = None) -> bool:
        return False
