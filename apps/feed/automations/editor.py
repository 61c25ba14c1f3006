"""The editor: When, Then and manners, as a form and as JSON, read into one automation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict

from apps.automations.doing.actions import MOST_ACTIONS, BadAction
from apps.automations.doing.actions import check as check_actions
from apps.automations.manners import BadMaintenance, read_maintenance
from apps.automations.models import MOST_NAME, Automation
from apps.automations.reading import BadTrigger
from apps.automations.reading import read as read_trigger
from apps.automations.trigger import Metric, Trigger
from apps.feed.automations import then, when
from apps.feed.automations.lines import Lines
from apps.feed.automations.maintenance import MaintenanceField, lines_of
from apps.feed.automations.spans import LONGEST, SpanField, span_of
from apps.feed.automations.tags import TagsField, written_tags
from apps.feed.automations.then import ActionForm

JSON = dict[str, Any]

# In the order in which a firing does them.
LISTS = ("actions", "actions_on_trigger", "actions_on_resolve")
# What the JSON of an automation may say, and what it is when it says nothing.
DOCUMENT: Mapping[str, Any] = {
    "name": "",
    "description": "",
    "tags": [],
    "trigger": {},
    **{name: [] for name in LISTS},
    "cooldown": 0,
    "most_a_minute": 10,
    "late": 900,
    "dry_run": False,
    "maintenance": [],
}
OF_TYPE: Mapping[str, tuple[type, str]] = {
    "name": (str, "a text"),
    "description": (str, "a text"),
    "tags": (list, "a list of texts"),
    "trigger": (dict, "an object"),
    **dict.fromkeys(LISTS, (list, "a list of actions")),
    "cooldown": (int, "a whole number of seconds"),
    "most_a_minute": (int, "a whole number"),
    "late": (int, "a whole number of seconds"),
    "dry_run": (bool, "true or false"),
    "maintenance": (list, "a list of windows"),
}
# Left out of the JSON that is shown while they are as they are by default.
QUIET = ("description", "tags", *LISTS, "cooldown", "most_a_minute", "late", "dry_run")


class AboutForm(forms.ModelForm):
    """What it is called, and its manners."""

    cooldown = SpanField(label="Silent after it fired, for", required=False)
    late = SpanField(label="Late events count, up to", required=False)
    maintenance = MaintenanceField(label="Maintenance: nothing is done")
    tags = TagsField(label="Tags")

    class Meta:
        model = Automation
        fields = (
            "name",
            "description",
            "tags",
            "cooldown",
            "most_a_minute",
            "late",
            "maintenance",
            "dry_run",
        )
        labels = {"most_a_minute": "Firings a minute, at most"}  # noqa: RUF012 - Django's own way
        widgets = {  # noqa: RUF012 - Django's own way
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "description": Lines(attrs={"rows": 2}),
        }

    def __init__(
        self, data: QueryDict | None, *, instance: Automation, initial: JSON | None = None
    ) -> None:
        one = instance
        spans = {
            "cooldown": span_of(one.cooldown) if one.cooldown else "",
            "late": span_of(one.late),
            "maintenance": lines_of(one.maintenance),
            "tags": written_tags(one.tags),
        }
        super().__init__(data, instance=instance, initial=spans | (initial or {}))

    def clean_cooldown(self) -> int:
        return int(self.cleaned_data["cooldown"] or 0)

    def clean_late(self) -> int:
        return int(self.cleaned_data["late"] or Automation().late)


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a field, by the id and the label that it has on the page."""

    id: str
    label: str
    say: str
    action: int | None = None
    """The number of the action that it is in."""


class Editor:
    """The editor as a form: of a new automation, of one that is, or of what was posted."""

    def __init__(
        self,
        automation: Automation | None = None,
        *,
        posted: QueryDict | None = None,
        begun: JSON | None = None,
    ) -> None:
        self.automation = automation or Automation()
        of = self.automation.id
        begun = begun or {}
        shown = begun.get("when") or when.shown_of(self.automation.trigger)
        self.about = AboutForm(posted, instance=self.automation, initial=begun.get("about"))
        self.when = when.WhenForm(posted, initial=dict(when.BEGUN) | shown)
        held = list(_actions(automation)) if automation else [{"kind": "webhook"}]
        count = _count(posted) if posted is not None else len(held) + 1
        self.then = [
            ActionForm(posted, at=at, of=of, initial=dict(then.BEGUN) | _at(held, at))
            for at in range(min(count, MOST_ACTIONS))
        ]

    def is_valid(self) -> bool:
        """Read every part, so that all that is wrong is said at once."""
        parts = [self.about, self.when, *self.then]
        valid = [part.is_valid() for part in parts]
        return all(valid)

    @property
    def tried(self) -> Editor:
        """This editor as if it had been posted as it stands at first."""
        posted = QueryDict(mutable=True)
        posted.update({"actions": str(len(self.then))})
        for form in (self.about, self.when, *self.then):
            posted.update({form.add_prefix(n): v for n, v in form.initial.items() if v is not None})
        return Editor(self.automation, posted=posted)

    @property
    def mistakes(self) -> Iterator[Mistake]:
        """What is wrong so far, field by field."""
        for form in (self.about, self.when, *self.then):
            action = form.number + 1 if isinstance(form, ActionForm) else None
            for name, errors in form.errors.items():
                field = form[name] if name in form.fields else None
                about = (field.id_for_label, str(field.label)) if field else ("", "")
                for error in errors:
                    yield Mistake(*about, str(error), action)

    @property
    def unfit(self) -> list[Mistake]:
        """Why actions are left out of what is tried."""
        return [one for one in self.mistakes if one.action]

    @property
    def as_far_as_said(self) -> Automation | None:
        """The automation to try; None while its trigger cannot be read.

        What is wrong with its name or an action is left out of it.
        """
        if not self.when.is_valid():
            return None
        tried = copy(self.automation)
        said = self.about.cleaned_data if self.about.is_valid() else {}
        tried.name = self.about.data.get("name", "")
        for name in ("tags", "cooldown", "most_a_minute", "maintenance", "late"):
            setattr(tried, name, said.get(name, getattr(tried, name)))
        return self._fill(tried, [one for one in self.then if one.is_valid()])

    def fill(self) -> Automation:
        """Write what the form says into its automation; it must be valid."""
        return self._fill(self.automation, self.then)

    def refuse(self, wrong: BadAction) -> None:
        """Say beside its form what is wrong with an action of the automation that was filled."""
        seen: Counter[str] = Counter()
        for one in self.then:
            if one.is_empty:
                continue
            name = self._list_of(one)
            path = f"{name}[{seen[name]}]"
            seen[name] += 1
            if wrong.path.startswith(path):
                one.refuse(wrong, path)

    def _list_of(self, one: ActionForm) -> str:
        return one.list_of(resolves=isinstance(self.when.trigger, Metric))

    def _fill(self, automation: Automation, then: Iterable[ActionForm]) -> Automation:
        automation.trigger = self.when.said
        done = [(self._list_of(one), one.said) for one in then if not one.is_empty]
        for name in LISTS:
            setattr(automation, name, [said for at, said in done if at == name])
        return automation


def _actions(automation: Automation) -> Iterator[JSON]:
    for name in LISTS:
        for action in getattr(automation, name):
            yield then.fields_of(action) | {"at": name}


def _at(held: list[JSON], at: int) -> JSON:
    return held[at] if at < len(held) else {"kind": ""}


def _count(posted: QueryDict) -> int:
    said = posted.get("actions", "1")
    return int(said) if said.isdecimal() and len(said) < 3 else 1


def is_formed(automation: Automation) -> bool:
    """Say whether the form can show it: what cannot be read is mended as JSON."""
    try:
        return not automation.trigger or bool(read_trigger(automation.trigger))
    except BadTrigger:
        return False


class BadDocument(ValueError):
    """What is wrong with the JSON of an automation, and where."""

    def __init__(self, path: str, say: str) -> None:
        super().__init__(f"{path}: {say}" if path else say)
        self.path = path
        self.say = say


def document_of(automation: Automation) -> JSON:
    """Return an automation as the JSON that the editor shows."""
    told = {name: getattr(automation, name) for name in DOCUMENT}
    return {
        name: value
        for name, value in told.items()
        if name not in QUIET
        or value != DOCUMENT[name]
        or (name == "actions" and not any(told[one] for one in LISTS))
    }


def written(automation: Automation) -> str:
    return json.dumps(document_of(automation), indent=2, ensure_ascii=False)


def take(automation: Automation, text: str) -> Trigger:
    """Read JSON into an automation, and return its trigger; raises BadDocument."""
    said = _object_in(text)
    for name, value in said.items():
        _must_fit(name, value)
    if not all(isinstance(tag, str) for tag in said.get("tags", [])):
        raise BadDocument("tags", "Write a list of texts.")
    trigger = _trigger_in(said)
    for name in LISTS:
        _must_be_actions(name, said.get(name, []))
    _must_be_maintenance(said.get("maintenance", []))
    for name, value in (dict(DOCUMENT) | said).items():
        setattr(automation, name, value)
    return trigger


def _object_in(text: str) -> JSON:
    try:
        said = json.loads(text)
    except json.JSONDecodeError as wrong:
        where = f"line {wrong.lineno}, column {wrong.colno}"
        raise BadDocument(where, f"this is no JSON: {wrong.msg}.") from wrong
    if not isinstance(said, dict):
        raise BadDocument("", "Write an object with a name, a trigger and actions.")
    if not said.get("name"):
        raise BadDocument("name", "Say how it is called.")
    return said


def _must_fit(name: str, value: Any) -> None:
    if name not in OF_TYPE:
        raise BadDocument(name, f"There is no such field; there are {', '.join(DOCUMENT)}.")
    kind, words = OF_TYPE[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadDocument(name, f"Write {words}.")
    if isinstance(value, int) and not 0 <= value <= LONGEST:
        raise BadDocument(name, "Write a number from 0 up to a year's seconds.")
    if name == "name" and len(str(value)) > MOST_NAME:
        raise BadDocument(name, f"Write at most {MOST_NAME} characters.")


def _trigger_in(said: JSON) -> Trigger:
    try:
        return read_trigger(said.get("trigger", {}))
    except BadTrigger as wrong:
        raise BadDocument(_path("trigger", wrong.path), wrong.say) from wrong


def _must_be_actions(name: str, actions: list[Any]) -> None:
    try:
        check_actions(actions, name)
    except BadAction as wrong:
        raise BadDocument(wrong.path, wrong.say) from wrong


def _must_be_maintenance(windows: list[Any]) -> None:
    try:
        read_maintenance(windows)
    except BadMaintenance as wrong:
        raise BadDocument(wrong.path, wrong.say) from wrong


def _path(head: str, rest: str) -> str:
    return f"{head}.{rest}" if rest and not rest.startswith("[") else f"{head}{rest}"
