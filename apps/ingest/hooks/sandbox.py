"""The language of hook templates: Jinja in a sandbox, where what is written becomes JSON.

A value is written as it stands in JSON, and a text without its quotes: `"{{ body.title }}"` is one
string whatever the title holds, so no sender can break out of it into another field.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import ChainableUndefined, Template, Undefined, pass_eval_context
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from apps.ingest.adapters.identity import derived

# They write HTML, are another each time, or are replaced below.
NO_FILTERS = ("e", "escape", "forceescape", "safe", "random", "tojson", "urlize", "xmlattr")
NO_GLOBALS = ("lipsum", "cycler", "joiner")
CLOUD_EVENT = "application/cloudevents"
# As written by GitLab: 2026-11-21 14:32:07 UTC.
SPELLED_UTC = " UTC"
# Seconds from here on are milliseconds: the year 2603.
MILLISECONDS = 2e10


class Skip(Exception):
    """The template wants nothing of this delivery."""


class Missing(ChainableUndefined):
    """What a message does not have: may be asked for more, and stand in a test, not be written."""

    def __str__(self) -> str:
        self._fail_with_undefined_error()

    def _fail_with_undefined_error(self, *args: Any, **named: Any) -> NoReturn:
        say = f"There is no “{self._undefined_name}” here; write |default('…') where it may lack."
        raise self._undefined_exception(say)


class Sandbox(ImmutableSandboxedEnvironment):
    # 9 ** 9 ** 9 is one step that nothing can interrupt.
    intercepted_binops = frozenset({"**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> NoReturn:
        raise SecurityError("Templates may not use **.")


@pass_eval_context
def written(_: EvalContext, value: object) -> Markup:
    """Write a value where a template says {{ … }}."""
    # It asks for the context so that Jinja does not write constants before, as HTML.
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return Markup(json.dumps(value, ensure_ascii=False)[1:-1])  # noqa: S704 - it is JSON
    return as_json(value)


def as_json(value: object) -> Markup:
    """Write a value as JSON, a text with its quotes."""
    return Markup(json.dumps(value, ensure_ascii=False, default=_unwritable))  # noqa: S704


def _unwritable(value: object) -> NoReturn:
    if isinstance(value, Undefined):
        # It says itself that it is missing.
        str(value)
    raise TemplateRuntimeError(f"A {type(value).__name__} cannot be written as JSON.")


def from_json(text: str) -> Any:
    """Read a text that is JSON by itself, as GitHub's forms hold it."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise TemplateRuntimeError(f"fromjson: this is no JSON: {error}") from None


def moment(value: Any, plus: Any = 0) -> str:
    """Write a time in ISO 8601, so many seconds later: from a text, seconds or milliseconds."""
    try:
        return (_time(value) + timedelta(seconds=float(plus))).isoformat()
    except (ValueError, TypeError, OverflowError, OSError):
        raise TemplateRuntimeError(f"moment: {str(value)[:100]!r} is no time.") from None


def _time(value: Any) -> datetime:
    if isinstance(value, int | float):
        seconds = value if abs(value) < MILLISECONDS else value / 1000
        return datetime.fromtimestamp(seconds, UTC)
    told = datetime.fromisoformat(str(value).removesuffix(SPELLED_UTC))
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def skip() -> NoReturn:
    """End the template: of this delivery nothing is wanted."""
    raise Skip


def refuse(say: object) -> NoReturn:
    """End the template: this is no delivery that it knows."""
    raise TemplateRuntimeError(str(say))


def from_cloud_event(body: Any, headers: Mapping[str, str]) -> Markup:
    """Write the event that a CloudEvent says, whether structured or in `ce-` headers."""
    attributes, data = _cloud_event(body, headers)
    for name in ("id", "source", "type"):
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise TemplateRuntimeError(f"from_cloud_event: the CloudEvent has no “{name}”.")
    about = attributes.get("subject") or attributes["source"]
    event = {
        # As /api/cloudevents has it: source and id are a CloudEvent's identity.
        "id": str(derived("cloudevents", attributes["source"], attributes["id"])),
        "event": attributes["type"],
        "resource": {"prefect.resource.id": about, "prefect.resource.name": about},
        "payload": {"cloudevents": attributes, "data": data},
    }
    return as_json(event | ({"occurred": attributes["time"]} if "time" in attributes else {}))


def _cloud_event(body: Any, headers: Mapping[str, str]) -> tuple[dict[str, Any], Any]:
    if "ce-type" in headers or "ce-id" in headers:
        told = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
        return told, body
    if not isinstance(body, dict):
        raise TemplateRuntimeError("from_cloud_event: this is no CloudEvent.")
    told = {name: value for name, value in body.items() if name not in ("data", "data_base64")}
    return told, body.get("data", body.get("data_base64"))


def _sandbox() -> Sandbox:
    sandbox = Sandbox(autoescape=True, finalize=written, undefined=Missing)
    for name in NO_FILTERS:
        sandbox.filters.pop(name)
    for name in NO_GLOBALS:
        sandbox.globals.pop(name)
    sandbox.filters |= {
        "tojson": as_json,
        "fromjson": from_json,
        "moment": moment,
        "from_cloud_event": from_cloud_event,
    }
    sandbox.globals |= {"skip": skip, "refuse": refuse}
    return sandbox


SANDBOX = _sandbox()


@lru_cache(maxsize=256)
def template_of(text: str) -> Template:
    return SANDBOX.from_string(text)


@lru_cache(maxsize=256)
def expression_of(text: str) -> TemplateExpression:
    return SANDBOX.compile_expression(text)
