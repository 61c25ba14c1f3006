"""The step “Then” of the editor: a form for each action, and the action's JSON that it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms

from apps.automations.doing.actions import INFERRED, METHODS, BadAction, check
from apps.automations.models import Automation, Destination
from apps.feed.automations.lines import Lines

JSON = dict[str, Any]

KINDS = (
    ("webhook", "call a webhook"),
    ("notify", "send a notification"),
    ("record", "record an event"),
    ("switch", "switch an automation"),
    ("other", "something else, as JSON"),
)
# When it is done, by the list of the automation that holds it.
WHENS = (
    ("actions_on_trigger", "when it fires"),
    ("actions_on_resolve", "when it is resolved"),
    ("actions", "at both"),
)
OWN_ADDRESS = ""
HERE = "then"
HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*:\s*(.*)")
SUBJECT = "{{ automation.name }}"
TEXT = """{{ firing.why }}

{{ firing|ui_url }}"""
BEGUN: Mapping[str, Any] = {
    "method": "POST",
    "subject": SUBJECT,
    "text": TEXT,
    "on": "0",
    "at": "actions_on_trigger",
}
# The last word of a path of an action, and the field that says it in a kind of action.
SAID_BY: Mapping[str, Mapping[str, str]] = {
    "webhook": {"destination": "webhook", "url": "url", "headers": "headers", "body": "body"},
    "notify": {"destination": "channel", "subject": "subject", "body": "text"},
    "record": {"event": "event", "resource": "resource", "payload": "payload"},
    "switch": {"automation": "automation"},
}


class ActionForm(forms.Form):
    kind = forms.ChoiceField(required=False, label="Then")
    at = forms.ChoiceField(choices=WHENS, required=False, label="When")
    webhook = forms.ChoiceField(required=False, label="To")
    url = forms.CharField(required=False, label="Address", max_length=2_000)
    method = forms.ChoiceField(choices=[(m, m) for m in METHODS], required=False)
    headers = forms.CharField(required=False, label="Headers", widget=forms.Textarea)
    body = forms.CharField(required=False, label="Body", widget=Lines, strip=False)
    channel = forms.ChoiceField(required=False, label="To")
    subject = forms.CharField(required=False, label="Subject", max_length=1_000)
    text = forms.CharField(required=False, label="Text", widget=Lines, strip=False)
    event = forms.CharField(required=False, label="Its name", max_length=1_024)
    resource = forms.CharField(required=False, label="Id of its resource", max_length=2_000)
    resource_name = forms.CharField(required=False, label="Name of its resource", max_length=1_000)
    payload = forms.CharField(required=False, label="Payload", widget=forms.Textarea)
    automation = forms.ChoiceField(required=False, label="Which")
    on = forms.ChoiceField(choices=[("0", "off"), ("1", "on")], required=False, label="Switch")
    other = forms.CharField(required=False, label="Action as JSON", widget=forms.Textarea)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        at: int,
        of: UUID | None = None,
        initial: JSON | None = None,
    ) -> None:
        super().__init__(data, prefix=f"then-{at}", initial=initial)
        self.number = at
        # As it is numbered in a test and on the page of a firing.
        self.fields["kind"].label = f"{at + 1} · {'And' if at else 'Then'}"
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            ("", "nothing more" if at else "nothing"),
            *KINDS,
        ]
        self._choose("webhook", [(OWN_ADDRESS, "an address of its own"), *_places("webhook")])
        self._choose("channel", _places("notification") or [("", "no destination yet")])
        self._choose("automation", _automations(of))
        for name, rows in {"headers": 2, "body": 8, "text": 5, "payload": 5, "other": 8}.items():
            self.fields[name].widget.attrs |= {"rows": rows, "spellcheck": "false"}
        self.fields["url"].widget.attrs["placeholder"] = "https://hooks.example.com/failures"
        self.fields["headers"].widget.attrs["placeholder"] = "X-Team: platform"
        self.fields["event"].widget.attrs["placeholder"] = "acme.incident.opened"
        self.fields["resource"].widget.attrs["placeholder"] = "acme.incident.{{ event.id }}"

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        # What it names may be gone; then reading it says so.
        said = self.data.get(self.add_prefix(name)) if self.is_bound else self.initial.get(name)
        known = {value for value, _ in choices}
        field.choices = [*choices, *([(said, said)] if said and said not in known else [])]

    @property
    def is_empty(self) -> bool:
        return not self.cleaned_data.get("kind")

    @property
    def said(self) -> JSON:
        """The action's JSON, as far as the form says it."""
        return SAYING[self.cleaned_data["kind"]](self.cleaned_data)

    def list_of(self, *, resolves: bool) -> str:
        """Return the list of the automation that holds it.

        Where nothing resolves, what waits for that goes on waiting; the others are one list.
        """
        at = self.cleaned_data.get("at") or "actions_on_trigger"
        return at if resolves or at == "actions_on_resolve" else "actions"

    def clean_headers(self) -> dict[str, str]:
        headers = {}
        for line in filter(None, map(str.strip, self.cleaned_data["headers"].splitlines())):
            found = HEADER.fullmatch(line)
            if not found:
                raise forms.ValidationError(f"Write “Name: value” instead of “{line[:80]}”.")
            headers[found[1]] = found[2]
        return headers

    def clean_payload(self) -> Any:
        return _json_in(self.cleaned_data["payload"]) if self.cleaned_data["payload"] else {}

    def clean_other(self) -> Any:
        return _json_in(self.cleaned_data["other"]) if self.cleaned_data["other"] else {}

    def clean(self) -> JSON:
        told = super().clean() or self.cleaned_data
        kind = told.get("kind", "")
        # What another kind's fields hold is nobody's mistake.
        for name in set(self.errors) - {"kind", "at", *self._used(kind)}:
            del self.errors[name]
        if kind == "webhook" and not (told.get("webhook") or told.get("url") or self.errors):
            self.add_error("url", "Write its address, or choose a destination.")
        if kind and not self.errors:
            self._read_it()
        return told

    def _used(self, kind: str) -> set[str]:
        own = {"other"} if kind == "other" else set(SAID_BY.get(kind, {}).values())
        return own | ({"resource_name"} if kind == "record" else set())

    def _read_it(self) -> None:
        try:
            check([self.said], HERE)
        except BadAction as wrong:
            self.refuse(wrong, f"{HERE}[0]")

    def refuse(self, wrong: BadAction, of: str) -> None:
        """Say beside its field what is wrong with the action that has this path."""
        # Where it stands needs no saying beside its field, but inside of JSON it does.
        path = wrong.path.removeprefix(of).lstrip(".")
        field = self._field_of(path)
        is_own = not path or (field and field != "other")
        self.add_error(field, wrong.say if is_own else f"{path}: {wrong.say}")

    def _field_of(self, path: str) -> str | None:
        kind = self.cleaned_data["kind"]
        if kind == "other":
            return "other"
        if kind == "record" and path.endswith("prefect.resource.name"):
            return "resource_name"
        return SAID_BY[kind].get(re.split(r"[.\[]", path)[0])


def _json_in(text: str) -> JSON:
    try:
        said = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise forms.ValidationError(
            f"This is no JSON: line {wrong.lineno}, column {wrong.colno}: {wrong.msg}."
        ) from wrong
    if not isinstance(said, dict):
        raise forms.ValidationError("Write an object: { … }.")
    return said


def _places(kind: str) -> list[tuple[str, str]]:
    names = Destination.objects.filter(kind=kind).values_list("name", flat=True)
    return [(name, name) for name in names]


def _automations(of: UUID | None) -> list[tuple[str, str]]:
    others = Automation.objects.filter(gone=None).only("id", "name")
    named = [(str(one.id), one.name) for one in others if one.id != of]
    return [*named, (INFERRED, "the one that the event is about")]


def _webhook(told: JSON) -> JSON:
    to = {"destination": told["webhook"]} if told["webhook"] else {"url": told["url"]}
    headers = {"headers": told["headers"]} if told["headers"] else {}
    method = told["method"] or "POST"
    return {"type": "webhook", "method": method} | to | headers | {"body": told["body"]}


def _notify(told: JSON) -> JSON:
    said = {"type": "notify", "destination": told["channel"]}
    return said | {"subject": told["subject"], "body": told["text"]}


def _record(told: JSON) -> JSON:
    resource = {"prefect.resource.id": told["resource"]}
    if told["resource_name"]:
        resource["prefect.resource.name"] = told["resource_name"]
    payload = {"payload": told["payload"]} if told["payload"] else {}
    return {"type": "record", "event": told["event"], "resource": resource} | payload


def _switch(told: JSON) -> JSON:
    return {"type": "switch", "automation": told["automation"], "on": told["on"] == "1"}


SAYING = {
    "webhook": _webhook,
    "notify": _notify,
    "record": _record,
    "switch": _switch,
    "other": lambda told: told["other"],
}


def fields_of(action: JSON) -> JSON:
    """Return what the form's fields show of an action; what no field says is shown as JSON."""
    shown = SHOWING.get(str(action.get("type")), _shown_as_json)(action)
    if shown["kind"] != "other":
        read = {"headers": action.get("headers"), "payload": action.get("payload")}
        nothing = dict.fromkeys(ActionForm.base_fields, "")
        if _complete(SAYING[shown["kind"]](nothing | shown | read)) != _complete(action):
            shown = _shown_as_json(action)
    return dict(BEGUN) | shown


def _complete(action: JSON) -> JSON:
    """Write out what may be left out, so that two ways to say an action are the same."""
    told = {key: value for key, value in action.items() if value not in (None, "", {})}
    return {"method": "POST"} | told if told.get("type") == "webhook" else told


def _shown_webhook(action: JSON) -> JSON:
    headers = action.get("headers") or {}
    return {
        "kind": "webhook",
        "webhook": action.get("destination", OWN_ADDRESS),
        "url": action.get("url", ""),
        "method": action.get("method", "POST"),
        "headers": "\n".join(f"{name}: {value}" for name, value in headers.items()),
        "body": action.get("body", ""),
    }


def _shown_notify(action: JSON) -> JSON:
    told = {name: action.get(name, "") for name in ("subject",)}
    return {
        "kind": "notify",
        "channel": action.get("destination", ""),
        "text": action.get("body", ""),
    } | told


def _shown_record(action: JSON) -> JSON:
    resource, payload = action.get("resource") or {}, action.get("payload")
    return {
        "kind": "record",
        "event": action.get("event", ""),
        "resource": resource.get("prefect.resource.id", ""),
        "resource_name": resource.get("prefect.resource.name", ""),
        "payload": json.dumps(payload, indent=2, ensure_ascii=False) if payload else "",
    }


def _shown_switch(action: JSON) -> JSON:
    on = "1" if action.get("on") else "0"
    return {"kind": "switch", "automation": str(action.get("automation", "")), "on": on}


def _shown_as_json(action: JSON) -> JSON:
    return {"kind": "other", "other": json.dumps(action, indent=2, ensure_ascii=False)}


SHOWING = {
    "webhook": _shown_webhook,
    "notify": _shown_notify,
    "record": _shown_record,
    "switch": _shown_switch,
}
