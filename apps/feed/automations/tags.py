"""Tags as one line of a field, with commas between them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Any

from django import forms


class TagsField(forms.CharField):
    """Its value is the list of tags, each once."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "off", "placeholder": "shop, nightly"})
        super().__init__(required=False, widget=widget, max_length=2_000, **options)

    def clean(self, value: Any) -> Any:
        line = " ".join(super().clean(value).splitlines())
        # As in a CSV file, a tag that holds a comma stands in quotes.
        told = next(csv.reader([line], skipinitialspace=True), [])
        return list(dict.fromkeys(filter(None, map(str.strip, told))))


def written_tags(tags: Iterable[str]) -> str:
    """Write tags as the field shows them."""
    return ", ".join(_written(str(tag)) for tag in tags)


def _written(tag: str) -> str:
    doubled = tag.replace('"', '""')
    return f'"{doubled}"' if "," in tag or '"' in tag else tag
