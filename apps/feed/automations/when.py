"""The step “When” of the editor: a form, and the trigger's JSON that it says.

Five kinds cover what people want every day. A trigger that no form can say is kept as it is and
edited as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms

from apps.automations.reading import BadTrigger, read
from apps.automations.trigger import Trigger
from apps.feed.automations.spans import SpanField, seconds_in, span_of
from apps.query import QueryError, parse

JSON = dict[str, Any]

KINDS = (
    ("each", "it happens"),
    ("often", "it happens often"),
    ("absent", "it does not happen"),
    ("several", "several things happen"),
    ("metric", "a measure crosses a line"),
)
# The choice beside those where a trigger is one that they cannot say.
KEPT = ("kept", "as its JSON says")
REQUIRES = (
    ("in order", "one after another, in this order"),
    ("all", "all of them, in any order"),
    ("2", "any two of them"),
    ("any", "any of them"),
)
METRICS = (
    ("success", "share of runs that succeed"),
    ("duration", "mean duration of runs"),
    ("lateness", "mean lateness of runs"),
)
OPERATORS = (
    ("<", "is below"),
    ("<=", "is at most"),
    (">", "is above"),
    (">=", "is at least"),
)
# From when on an absence is counted.
SINCES = (
    ("last", "since the last one: once, when they stop"),
    ("always", "at any time: again after each such span"),
    ("after", "after another event"),
)
QUERIES = ("query", "second", "third", "fourth")
BEGUN: Mapping[str, Any] = {
    "kind": "each",
    "times": 3,
    "within": "10 min",
    "silence": "1 h",
    "since": "last",
    "span": "1 h",
    "require": "in order",
    "metric": "success",
    "operator": "<",
    "share": 90,
    "limit": "10 min",
    "over": "1 h",
    "breached_for": "5 min",
}
# By the last word of a path, the fields that may say it: the first one of the kind in use is meant.
SAID_BY: Mapping[str, tuple[str, ...]] = {
    "query": ("query",),
    "times": ("times",),
    "within": ("within", "silence", "span"),
    "after": ("after",),
    "for_each": ("for_each",),
    "require": ("require",),
    "metric": ("metric",),
    "operator": ("operator",),
    "threshold": ("share", "limit"),
    "over": ("over",),
    "breached_for": ("breached_for",),
}
USED: Mapping[str, frozenset[str]] = {
    "kept": frozenset(),
    "each": frozenset({"query"}),
    "often": frozenset({"query", "times", "within", "after", "for_each"}),
    "absent": frozenset({"query", "silence", "since", "after", "for_each"}),
    "several": frozenset({*QUERIES, "require", "span", "for_each"}),
    "metric": frozenset(
        {"query", "metric", "operator", "share", "limit", "over", "breached_for", "for_each"}
    ),
}
STEP = re.compile(r"triggers\[(\d+)\]")


class QueryField(forms.CharField):
    """A query as in the box of the feed."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
                "placeholder": "outcome:failed event:prefect.flow-run.*",
            }
        )
        super().__init__(max_length=4_000, required=False, widget=widget, **options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            parse(text)
        except QueryError as wrong:
            # Some sentences suggest a word already; here it is the whole query.
            say = wrong.say.partition(" Did you mean ")[0]
            if wrong.suggestion:
                say = f"{say} Did you mean {wrong.suggestion} ?"
            raise forms.ValidationError(say) from wrong
        return text


class WhenForm(forms.Form):
    kind = forms.ChoiceField(choices=KINDS, widget=forms.RadioSelect, label="What is waited for")
    query = QueryField(label="Events")
    second = QueryField(label="Second")
    third = QueryField(label="Third")
    fourth = QueryField(label="Fourth")
    times = forms.IntegerField(
        label="Times", required=False, min_value=1, max_value=100_000, widget=forms.NumberInput
    )
    within = SpanField(label="Within", required=False, least=1)
    silence = SpanField(label="For", required=False, least=10)
    since = forms.ChoiceField(label="Counted", choices=SINCES, required=False)
    span = SpanField(label="Within", required=False, least=1)
    after = QueryField(label="After another event (may be empty)")
    require = forms.ChoiceField(label="Happen", choices=REQUIRES, required=False)
    metric = forms.ChoiceField(label="Measure", choices=METRICS, required=False)
    operator = forms.ChoiceField(label="Crosses", choices=OPERATORS, required=False)
    share = forms.FloatField(label="Percent", required=False, min_value=0, max_value=100)
    limit = SpanField(label="Limit", required=False)
    over = SpanField(label="Over the last", required=False, least=60)
    breached_for = SpanField(label="For at least", required=False)
    for_each = forms.CharField(label="Counted for each", required=False, max_length=500)
    kept = forms.CharField(required=False, max_length=200_000, widget=forms.HiddenInput)

    trigger: Trigger | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self["kept"].value():
            self.fields["kind"].choices = [KEPT, *KINDS]  # type: ignore[attr-defined]

    def clean_kept(self) -> Any:
        try:
            return json.loads(self.cleaned_data["kept"] or "null")
        except ValueError:
            return None

    @property
    def said(self) -> JSON:
        """The trigger's JSON, as far as the form says it."""
        told = self.cleaned_data
        return SAYING[told["kind"]](told)

    def clean(self) -> JSON:
        told = super().clean() or self.cleaned_data
        if "kind" not in told:
            return told
        # What another kind's fields hold is nobody's mistake.
        for name in set(self.errors) - USED[told["kind"]] - {"kind"}:
            del self.errors[name]
        self.require_what_is_used(told)
        if not self.errors:
            self.read_it()
        return told

    def require_what_is_used(self, told: JSON) -> None:
        kind = told["kind"]
        if kind not in ("metric", "kept") and not told.get("query") and "query" not in self.errors:
            self.add_error("query", "Say which events: a query such as outcome:failed.")
        if kind == "several" and not told.get("second") and "second" not in self.errors:
            self.add_error("second", "Say what else is to happen.")
        if kind == "absent" and told.get("since") == "after" and not told.get("after"):
            self.add_error("after", "Say after which events.")
        unused = {"share" if told.get("metric") != "success" else "limit", "after", "for_each"}
        for name in sorted(USED[kind] - unused - set(QUERIES)):
            if told.get(name) in (None, "") and name not in self.errors:
                self.add_error(name, "Say how much.")

    def read_it(self) -> None:
        try:
            self.trigger = read(self.said)
        except BadTrigger as wrong:
            field = self.field_of(wrong.path)
            self.add_error(field, wrong.say if field else f"{wrong.path}: {wrong.say}")

    def field_of(self, path: str) -> str | None:
        """Return the field that says what stands at a path of the trigger."""
        if self.cleaned_data["kind"] == KEPT[0]:
            return None
        if step := STEP.search(path):
            at = int(step[1])
            if path.endswith(".query") and at < len(QUERIES):
                return QUERIES[at]
        word = re.sub(r"\[\d+\]$", "", path).rpartition(".")[2]
        used = USED[self.cleaned_data["kind"]]
        found = [name for name in SAID_BY.get(word, ()) if name in used]
        if word == "threshold":
            found = ["share" if self.cleaned_data.get("metric") == "success" else "limit"]
        return found[0] if found else None


def _each(told: JSON) -> JSON:
    return {"type": "presence", "query": told["query"], "times": 1, "within": 0}


def _often(told: JSON) -> JSON:
    said = {"type": "presence", "query": told["query"], "times": told["times"]}
    return said | {"within": _number(told["within"])} | _more(told)


def _absent(told: JSON) -> JSON:
    said = {"type": "absence", "query": told["query"], "within": _number(told["silence"])}
    after = {"last": told["query"], "after": told["after"]}.get(told["since"])
    return said | ({"after": after} if after else {}) | _for_each(told)


def _several(told: JSON) -> JSON:
    within, each = _number(told["span"]), _for_each(told)
    # Each counts every time: a part that rested would miss the newest of them.
    triggers = [
        {"type": "presence", "query": told[name]} | each for name in QUERIES if told.get(name)
    ]
    said = {"triggers": triggers, "within": within}
    if told["require"] == "in order":
        return {"type": "sequence"} | said
    require = told["require"]
    return {"type": "compound", "require": int(require) if require.isdecimal() else require} | said


def _metric(told: JSON) -> JSON:
    is_share = told["metric"] == "success"
    return {
        "type": "metric",
        "query": told["query"],
        "metric": told["metric"],
        "operator": told["operator"],
        "threshold": round(told["share"] / 100, 6) if is_share else _number(told["limit"]),
        "over": _number(told["over"]),
        "breached_for": _number(told["breached_for"]),
    } | _for_each(told)


SAYING = {
    "kept": lambda told: told["kept"],
    "each": _each,
    "often": _often,
    "absent": _absent,
    "several": _several,
    "metric": _metric,
}


def _more(told: JSON) -> JSON:
    return ({"after": told["after"]} if told.get("after") else {}) | _for_each(told)


def _for_each(told: JSON) -> JSON:
    names = [name.strip() for name in (told.get("for_each") or "").split(",") if name.strip()]
    return {"for_each": names} if names else {}


def _number(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds


def shown_of(trigger: JSON | None) -> JSON:
    """Return what the form begins with: its fields, or the trigger itself, to be kept as it is."""
    if not trigger:
        return {}
    return fields_of(trigger) or {"kind": KEPT[0], "kept": json.dumps(trigger, ensure_ascii=False)}


def fields_of(trigger: JSON) -> JSON | None:
    """Return what the form's fields show of a trigger, None when they cannot say it."""
    shown = dict(BEGUN) | (_shown(trigger) or {})
    try:
        said = SAYING[shown["kind"]](_as_cleaned(shown))
    except (KeyError, TypeError, ValueError):
        return None
    return shown if _complete(said) == _complete(trigger) else None


def _complete(trigger: JSON) -> JSON:
    """Write out what may be left out, so that two ways to say a trigger are the same."""
    told = {key: value for key, value in trigger.items() if value not in (None, [], "")}
    if told.get("type") in ("presence", "absence"):
        told = {"times": 1, "within": 0} | told
    if told.get("type") == "compound" and told.get("require") == 1:
        told["require"] = "any"
    if "triggers" in told:
        told["triggers"] = [_complete(one) for one in told["triggers"]]
    return told


def _shown(trigger: JSON) -> JSON | None:
    kind = trigger.get("type")
    each = ", ".join(trigger.get("for_each") or [])
    shown: JSON = {"query": trigger.get("query", ""), "for_each": each}
    if kind in ("presence", "absence"):
        shown["after"] = trigger.get("after") or ""
    if kind == "presence":
        within, times = trigger.get("within", 0), trigger.get("times", 1)
        if not within and times == 1 and not each and not shown["after"]:
            return {"kind": "each", "query": shown["query"]}
        return shown | {"kind": "often", "times": times, "within": span_of(within)}
    if kind == "absence":
        return shown | _shown_absence(trigger)
    if kind == "metric":
        threshold = trigger.get("threshold", 0)
        is_share = trigger.get("metric") == "success"
        limit = {"share": threshold * 100} if is_share else {"limit": span_of(threshold)}
        spans = {name: span_of(trigger.get(name, 0)) for name in ("over", "breached_for")}
        told = {name: trigger.get(name) for name in ("metric", "operator")}
        return shown | {"kind": "metric"} | limit | spans | told
    if kind in ("sequence", "compound"):
        return _shown_several(trigger)
    return None


def _shown_absence(trigger: JSON) -> JSON:
    after = trigger.get("after") or ""
    since = ("last" if after == trigger.get("query") else "after") if after else "always"
    silence = span_of(trigger.get("within", 0))
    return {
        "kind": "absent",
        "silence": silence,
        "since": since,
        "after": after if since == "after" else "",
    }


def _shown_several(trigger: JSON) -> JSON | None:
    steps = trigger.get("triggers") or []
    if not 2 <= len(steps) <= len(QUERIES):
        return None
    in_order = trigger["type"] == "sequence"
    return {
        "kind": "several",
        "require": "in order" if in_order else str(trigger.get("require", "all")),
        "span": span_of(trigger.get("within") or 0),
        "for_each": ", ".join(steps[0].get("for_each") or []),
        **{name: step.get("query", "") for name, step in zip(QUERIES, steps, strict=False)},
    }


def _as_cleaned(shown: JSON) -> JSON:
    spans = ("within", "silence", "span", "limit", "over", "breached_for")
    return shown | {name: seconds_in(shown[name]) for name in spans}
