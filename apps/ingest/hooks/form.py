"""The form of a hook, on the page and in the admin."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django import forms

from apps.events.models import Source
from apps.ingest.hooks.drafting import SYSTEM
from apps.ingest.hooks.hook import Hook
from apps.ingest.hooks.renderer import Asked, Failed
from apps.ingest.hooks.rendering import render_now
from apps.ingest.hooks.signatures import NAMES_ITS_HEADER

HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
LEAST_SECRET = 8
LONGEST_TEMPLATE = 64 * 1024


class HookForm(forms.ModelForm):
    secret = forms.CharField(
        required=False,
        strip=True,
        max_length=500,
        help_text="Kept encrypted and never shown again; write one to replace it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Hook
        fields: ClassVar = ["name", "template", "delivery", "signature", "signature_header"]

    def clean_name(self) -> str:
        name = self.cleaned_data["name"].strip()
        # Its events are filed under a source of this name, which must be no other sender's.
        others = Source.objects.filter(name=name).exclude(pk=self.instance.source_id)
        if others.exclude(system=SYSTEM, hook__isnull=True).exists():
            raise forms.ValidationError("A source is called so already; write another name.")
        return name

    def clean_template(self) -> str:
        template = self.cleaned_data["template"].replace("\r\n", "\n")
        if len(template) > LONGEST_TEMPLATE:
            raise forms.ValidationError(f"A template has at most {LONGEST_TEMPLATE:,} characters.")
        return _compiled(template, Asked(template))

    def clean_delivery(self) -> str:
        delivery = self.cleaned_data["delivery"].strip()
        return _compiled(delivery, Asked("", delivery))

    def clean_signature_header(self) -> str:
        header = self.cleaned_data["signature_header"].strip()
        if header and not HEADER.fullmatch(header):
            raise forms.ValidationError("This is no name of a header, such as X-Signature.")
        return header

    def clean_secret(self) -> str:
        secret = self.cleaned_data["secret"]
        if secret and len(secret) < LEAST_SECRET:
            raise forms.ValidationError(f"Write at least {LEAST_SECRET} characters.")
        return secret

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        kind = told.get("signature", "none")
        if kind == "none":
            self.instance.keep_secret("")
        elif told.get("secret"):
            self.instance.keep_secret(told["secret"])
        elif not self.instance.sealed_secret and "secret" not in self.errors:
            self.add_error("secret", "A signature can only be checked with a secret.")
        if kind in NAMES_ITS_HEADER and not told.get("signature_header"):
            self.add_error("signature_header", "Say which header holds it.")
        return told

    def save(self, commit: bool = True) -> Hook:
        hook: Hook = super().save(commit=False)
        return hook.store() if commit else hook


def _compiled(text: str, asked: Asked) -> str:
    answer = render_now(asked)
    if isinstance(answer, Failed):
        line = f"Line {answer.line}: " if answer.line and "\n" in text else ""
        raise forms.ValidationError(f"{line}{answer.say}")
    return text
