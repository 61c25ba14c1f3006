"""Webhooks in the admin; the page /hooks has the preview."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.ingest.hooks.form import HookForm
from apps.ingest.hooks.hook import Hook


class AdminForm(HookForm):
    class Meta(HookForm.Meta):
        fields: ClassVar = [*HookForm.Meta.fields, "enabled"]


@admin.register(Hook)
class HookAdmin(ModelAdmin):
    form = AdminForm
    list_display = ("name", "enabled", "signature", "last_used")
    search_fields = ("name",)
    list_select_related = ("source",)
    fields = (
        "name",
        "enabled",
        "template",
        "delivery",
        "signature",
        "signature_header",
        "secret",
        "shown_address",
        "last_used",
        "turned_away",
        "turned_away_because",
    )
    readonly_fields = ("shown_address", "last_used", "turned_away", "turned_away_because")
    actions: ClassVar = ["rotate_selected"]

    def save_model(self, request: HttpRequest, obj: Hook, form: Any, change: bool) -> None:
        obj.store()

    @display(description="Address")
    def shown_address(self, hook: Hook) -> SafeString:
        if not hook.pk:
            return format_html("{}", "Made when it is saved.")
        return format_html(
            '<code>{}</code><br><a href="/hooks/{}">Preview, and what to set at the sender</a>',
            hook.path,
            hook.pk,
        )

    @admin.action(description="Give the selected a new address", permissions=["change"])
    def rotate_selected(self, request: HttpRequest, hooks: QuerySet[Hook]) -> None:
        for hook in hooks:
            hook.rotate()
            self.log_change(request, hook, "Given a new address; the former goes on for a day.")
        self.message_user(request, "Each former address goes on for a day.")
