"""A text of several lines, as everything but a browser ends them."""

from __future__ import annotations

from typing import Any

from django import forms


class Lines(forms.Textarea):
    """A browser sends CRLF, which is part of no text that anybody has typed."""

    def value_from_datadict(self, *args: Any) -> Any:
        told = super().value_from_datadict(*args)
        return told.replace("\r\n", "\n").replace("\r", "\n") if isinstance(told, str) else told
