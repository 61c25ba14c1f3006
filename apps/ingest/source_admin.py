"""Senders in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from apps.events.models import Source
from apps.events.sources import forget_sources
from apps.events.words import system_title
from apps.ingest.source_forms import SettingsForm, rules_in


class SourceForm(forms.ModelForm):
    """A source with its masks and networks as people write them."""

    passwords = forms.BooleanField(
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        label="Mask passwords in addresses",
    )
    settings = forms.BooleanField(
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        label="Mask environment variables and Spark properties whose names sound like a secret",
    )
    keys = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget,
        label="Mask the values of these keys",
        help_text="One a line; * stands for anything.",
    )
    networks = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget,
        label="Networks that need no token",
        help_text="One a line, 10.2.0.0/16. Whoever sends from there sends as this source.",
    )
    clean_keys = SettingsForm.clean_keys
    clean_networks = SettingsForm.clean_networks

    class Meta:
        model = Source
        fields = ("name", "system")
        widgets: ClassVar = {
            "name": UnfoldAdminTextInputWidget,
            "system": UnfoldAdminTextInputWidget,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.update(SettingsForm.of(self.instance).initial)


@admin.register(Source)
class SourceAdmin(ModelAdmin):
    form = SourceForm
    list_display = ("name", "shown_system", "created")
    search_fields = ("name",)
    fields = ("name", "system", "passwords", "settings", "keys", "networks", "created")

    @display(description="System", ordering="system")
    def shown_system(self, source: Source) -> str:
        return system_title(source.system)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Source | None = None
    ) -> tuple[str, ...]:
        # Tokens and doorways know a source by its name.
        return ("created",) if obj is None else ("name", "created")

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        obj.masks = rules_in(form.cleaned_data).stored()
        obj.networks = form.cleaned_data["networks"]
        super().save_model(request, obj, form, change)
        forget_sources()

    def view_on_site(self, obj: Source) -> str:
        return f"/sources/{obj.pk}"

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        # Its events would be of nobody.
        return False
