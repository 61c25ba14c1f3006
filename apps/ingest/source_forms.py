"""What people say of a source: its name when it is added, and how its events are treated."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from apps.accounts.models import Token
from apps.events.models import Source
from apps.ingest.masking import Rules

MOST_KEYS = 50


class AddForm(forms.Form):
    """A source's name. Where nobody needs a token it may stay empty."""

    name = forms.CharField(max_length=100, required=False, strip=True)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name and not settings.LOCAL_MODE:
            raise ValidationError("Give it a name; its events are filed under it.")
        if ":" in name:
            raise ValidationError("A name has no colon: senders write it before their token.")
        if name and Source.objects.filter(name=name).exists():
            raise ValidationError("There is a source of this name; open it to make another token.")
        if name and Token.objects.usable().filter(name=name).exists():
            raise ValidationError("A token has this name; take another.")
        return name


class SettingsForm(forms.Form):
    """What is masked of a source's events, and the networks that need no token."""

    passwords = forms.BooleanField(required=False)
    settings = forms.BooleanField(required=False)
    keys = forms.CharField(required=False, widget=forms.Textarea)
    networks = forms.CharField(required=False, widget=forms.Textarea)

    @classmethod
    def of(cls, source: Source) -> "SettingsForm":
        rules = Rules.of(source.masks)
        return cls(
            initial={
                "passwords": rules.passwords,
                "settings": rules.settings,
                "keys": "\n".join(rules.keys),
                "networks": "\n".join(source.networks),
            }
        )

    def clean_keys(self) -> tuple[str, ...]:
        keys = tuple(self.cleaned_data["keys"].split())
        if len(keys) > MOST_KEYS:
            raise ValidationError(f"At most {MOST_KEYS} keys; one may hold a * for anything.")
        return keys

    def clean_networks(self) -> list[str]:
        return [_network(said) for said in self.cleaned_data["networks"].split()]


def rules_in(told: Mapping[str, Any]) -> Rules:
    """Return the rules that the fields of a form say."""
    return Rules(told["passwords"], told["settings"], told["keys"])


def _network(said: str) -> str:
    try:
        return str(ip_network(said, strict=False))
    except ValueError:
        raise ValidationError(f"{said} is no network; write 10.2.0.0/16 or an address.") from None
