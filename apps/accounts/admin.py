from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.accounts.models import Scope, Token

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


class TokenForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Token
        fields = ("name", "scopes", "source", "expires")

    def clean_name(self) -> str:
        # Django leaves out the constraint, because its condition reads a field the form lacks.
        name: str = self.cleaned_data["name"]
        if Token.objects.filter(name=name, revoked=None).exclude(pk=self.instance.pk).exists():
            raise ValidationError("A token of this name exists; revoke it first.")
        return name


@admin.register(Token)
class TokenAdmin(ModelAdmin):
    form = TokenForm
    list_display = ("name", "shown_prefix", "shown_scopes", "source", "shown_state", "last_used")
    search_fields = ("name", "source")
    actions: ClassVar = ["revoke_selected"]
    actions_submit_line: ClassVar = ["revoke_this"]

    @display(description="Secret", ordering="prefix")
    def shown_prefix(self, token: Token) -> str:
        return f"{token.prefix}…"

    @display(description="Scopes")
    def shown_scopes(self, token: Token) -> str:
        return ", ".join(token.scopes)

    @display(
        description="State",
        label={"usable": "success", "expired": "warning", "revoked": "danger"},
    )
    def shown_state(self, token: Token) -> str:
        return token.state

    def get_readonly_fields(
        self, request: HttpRequest, obj: Token | None = None
    ) -> tuple[str, ...]:
        if obj is None:
            return ()
        return ("shown_prefix", "shown_state", "created", "created_by", "last_used", "revoked")

    def has_change_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.revoked)

    def has_delete_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        # A revoked token stays, so that one can see who could do what, and until when.
        return False

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = cast(User, request.user)
            request.new_secret = obj.give_secret()  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Token, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret in the answer itself: a message would lie in a cookie on its way."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Token “{obj.name}”",
            "token": obj,
            "secret": request.new_secret,  # type: ignore[attr-defined]
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/accounts/token/secret.html", context)

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        for token in tokens.filter(revoked=None):
            self.revoke(request, token)

    @action(description="Revoke", permissions=["revoke_this"])
    def revoke_this(self, request: HttpRequest, obj: Token) -> None:
        self.revoke(request, obj)

    def has_revoke_this_permission(
        self, request: HttpRequest, object_id: str | None = None
    ) -> bool:
        return self.has_change_permission(request)

    def revoke(self, request: HttpRequest, token: Token) -> None:
        token.revoke()
        self.log_change(request, token, "Revoked.")
        self.message_user(
            request, f"“{token.name}” opens nothing any more, everywhere within a minute."
        )
