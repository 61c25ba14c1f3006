"""The language of an automation's templates: Prefect's, in a sandbox with bounds.

It is Jinja with the filters of jinja2-humanize-extension. Prefect's own bounds hold: ranges of at
most 100, 10 loops, one in another; and some that it lacks, so that no template takes a machine.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

from jinja2 import (
    ChainableUndefined,
    Template,
    TemplateSyntaxError,
    Undefined,
    nodes,
    pass_context,
)
from jinja2.exceptions import SecurityError, TemplateError, TemplateRuntimeError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import htmlsafe_json_dumps
from jinja2_humanize_extension import HumanizeExtension
from markupsafe import Markup

MOST_RANGE = 100
MOST_LOOPS = 10
MOST_NESTED = 2
MOST_TEMPLATE = 64 * 1024
MOST_OUTPUT = 64 * 1024
# A number of many more takes seconds to write.
MOST_BITS = 4_096
MOST_WIDTH = 1_000
NO_GLOBALS = ("lipsum", "cycler", "joiner")
NO_POWER = "Templates may not use **."
NO_OTHERS = "A template stands for itself: it takes in no other."
# What could only fail, whatever it is shown with.
NEVER: Mapping[type[nodes.Node], str] = {
    nodes.Pow: NO_POWER,
    nodes.Include: NO_OTHERS,
    nodes.Import: NO_OTHERS,
    nodes.FromImport: NO_OTHERS,
    nodes.Extends: NO_OTHERS,
}
# They are another each time, or nobody's business here.
NO_FILTERS = ("random", "urlize", "xmlattr")
FLOW_RUN = re.compile(r"flow-run/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


class BadTemplate(Exception):
    """A template that is none, or too much of one: in which line, and why."""

    def __init__(self, line: int, message: str, source: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.source = source


class TooMuch(TemplateRuntimeError):
    """More text than anybody sends."""


class Sandbox(ImmutableSandboxedEnvironment):
    # Steps that nothing can interrupt, once they have begun: 9 ** 9 ** 9, "x" * 9999999999.
    intercepted_binops = frozenset({"**", "*", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            raise SecurityError(NO_POWER)
        if operator == "%" and isinstance(left, str):
            raise SecurityError("Templates may not use % with a text; write ~ or |format.")
        if operator == "*":
            _check_product(left, right)
        return super().call_binop(context, operator, left, right)


def _check_product(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > MOST_BITS:
            raise TooMuch(f"It would make a number of more than {MOST_BITS:,} bits.")
        return
    size = _size(left) * right if isinstance(right, int) else 0
    size = size or (_size(right) * left if isinstance(left, int) else 0)
    if size > MOST_OUTPUT:
        raise TooMuch(f"It would make something of {size:,} parts.")


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple) else 0


def _range(*args: int) -> range:
    made = range(*args)
    if len(made) > MOST_RANGE:
        raise SecurityError(f"A range has at most {MOST_RANGE} numbers; this has {len(made):,}.")
    return made


def tojson(value: object, indent: int | None = None) -> Markup:
    """Write a value as JSON that is safe in HTML too, as Prefect's own `tojson` does."""
    if indent is not None and not 0 <= indent <= 8:
        raise TooMuch("It is indented by at most 8.")
    return htmlsafe_json_dumps(plain(value), dumps=json.dumps, sort_keys=True, indent=indent)


def plain(value: object) -> Any:
    """Return a value of a template as JSON has it."""
    if isinstance(value, Undefined):
        return None
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | range):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Labels):
        return value.told
    if isinstance(value, date | UUID):
        return str(value)
    return value


class Told(dict[str, Any]):
    """An object of the context: its fields may be written with a dot, `event.occurred`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(name)
        return self[name]


class Resource(dict[str, str]):
    """A resource: `event.resource["prefect.resource.id"]`, or `.id`, `.name`, `.labels.a.b`."""

    @property
    def id(self) -> str:
        return self.get("prefect.resource.id", "")

    @property
    def name(self) -> str | None:
        return self.get("prefect.resource.name") or self.get("prefect.name")

    @property
    def role(self) -> str:
        return self.get("prefect.resource.role", "")

    @property
    def labels(self) -> "Labels":
        return Labels(self)

    def has_all_labels(self, labels: Mapping[str, str]) -> bool:
        return all(self.get(label) == value for label, value in labels.items())


class Event(Told):
    """An event, with what else Prefect's events can be asked."""

    @property
    def involved_resources(self) -> list[Resource]:
        return [self["resource"], *self["related"]]

    @property
    def resource_in_role(self) -> Mapping[str, Resource]:
        return {one.role: one for one in reversed(self["related"])}

    @property
    def resources_in_role(self) -> Mapping[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for one in self["related"]:
            found.setdefault(one.role, []).append(one)
        return found

    def find_resource_label(self, label: str) -> str | None:
        """Find a label of the resource, or `related:ROLE:LABEL` of the first in a role."""
        head, _, related = label.rpartition(":")
        directive, _, role = head.partition(":")
        if directive == "related":
            found = self.resource_in_role.get(role)
            return None if found is None else found.get(related)
        resource: Resource = self["resource"]
        return resource.get(label)


class Labels:
    """Labels by their dotted parts, as Prefect has them: `labels.prefect.resource.id`."""

    def __init__(self, labels: Mapping[str, str], value: str | None = None) -> None:
        self._labels = dict(labels)
        self._value = value

    def __str__(self) -> str:
        """Their own value; of those that have none, all of them."""
        if self._value is not None:
            return self._value
        return ", ".join(f"{name}: {value}" for name, value in self)

    @property
    def told(self) -> str | dict[str, str]:
        """As JSON has them."""
        return dict(self) if self._value is None else self._value

    def __len__(self) -> int:
        return len(self._labels)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._labels.items())

    def __getitem__(self, key: str) -> str:
        return self._labels[key]

    def __getattr__(self, name: str) -> "Labels":
        if name.startswith("_"):
            raise AttributeError(name)
        head = f"{name}."
        below = {key[len(head) :]: one for key, one in self._labels.items() if key.startswith(head)}
        if not below and name not in self._labels:
            raise AttributeError(name)
        return Labels(below, self._labels.get(name, ""))


def _url(value: Any) -> str | None:
    """Return where a thing of the context is shown: `{{ event|ui_url }}`."""
    found = value.get("url") if isinstance(value, Mapping) else None
    return str(found) if found else None


@pass_context
def _events_url(context: Context, value: Any) -> str | None:
    """Return where the events of a resource are shown, or of an automation."""
    if isinstance(value, Resource):
        about = value.id
    elif isinstance(value, Mapping) and value.get("about"):
        about = str(value["about"])
    else:
        return None
    text = about.replace("\\", "\\\\").replace('"', '\\"')
    query = quote(f'any:"{text}"')
    return f"{context.get(ORIGIN) or ''}/?q={query}"


# Where pages come from: in the context, for the filters.
ORIGIN = "_origin"


def _flow_run_id(text: Any) -> str | None:
    """Find the id of a flow run in a text, such as the address of its page."""
    found = FLOW_RUN.search(str(text or ""))
    return found[1] if found else None


def _bounded(name: str, filter: Any, most: int) -> Any:
    """Bound the number that a filter makes a text longer by."""

    def bounded(value: Any, *args: Any, **named: Any) -> Any:
        for told in (*args, *named.values()):
            if isinstance(told, int) and told > most:
                raise TooMuch(f"{name} goes up to {most}.")
        return filter(value, *args, **named)

    return bounded


def _format(text: Any, *args: Any, **named: Any) -> str:
    if re.search(r"%[^a-zA-Z%]*(\*|[0-9]{4})", str(text)):
        raise TooMuch("A width has at most three digits.")
    return str(text) % (named or args)


@pass_context
def _as_it_is(_: Context, value: object) -> object:
    """Write a value as it is; because it asks for the context, Jinja writes no constant before."""
    return value


def _sandbox() -> Sandbox:
    # Nothing of a template is worked out while it is read: whoever reads it has no bounds.
    sandbox = Sandbox(
        undefined=ChainableUndefined,
        extensions=[HumanizeExtension],
        optimized=False,
        finalize=_as_it_is,
    )
    for name in NO_GLOBALS:
        sandbox.globals.pop(name)
    for name in NO_FILTERS:
        sandbox.filters.pop(name)
    sandbox.globals["range"] = _range
    sandbox.filters |= {
        "tojson": tojson,
        "format": _format,
        "center": _bounded("center", sandbox.filters["center"], MOST_WIDTH),
        "ui_url": _url,
        "ui_resource_events_url": _events_url,
        "flow_run_id": _flow_run_id,
    }
    return sandbox


SANDBOX = _sandbox()


def is_template(text: str) -> bool:
    return "{{" in text or "{%" in text or "{#" in text


@lru_cache(maxsize=256)
def template_of(text: str) -> Template:
    """Return a template; raises BadTemplate."""
    checked(text)
    return SANDBOX.from_string(text)


def checked(text: str) -> nodes.Template:
    """Read a template without rendering it; raises BadTemplate."""
    if len(text) > MOST_TEMPLATE:
        raise BadTemplate(1, f"It has more than {MOST_TEMPLATE:,} characters.", text[:1_000])
    try:
        tree = SANDBOX.parse(text)
        _check_loops(tree, text)
        _check_nodes(tree, text)
        SANDBOX.compile(tree)
    except TemplateSyntaxError as error:
        raise BadTemplate(error.lineno, error.message or "It is no template.", text) from None
    except TemplateError as error:
        raise BadTemplate(1, str(error), text) from None
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        raise BadTemplate(1, "It is nested too deeply.", text) from None
    return tree


def names_in(text: str) -> set[str]:
    """Return the names that a template asks for; of one that is none, nothing."""
    try:
        tree = SANDBOX.parse(text)
    except (TemplateError, RecursionError):
        return set()
    return {name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"}


def _check_loops(tree: nodes.Template, text: str) -> None:
    loops = list(tree.find_all(nodes.For))
    if len(loops) > MOST_LOOPS:
        say = f"It has {len(loops)} loops; a template has at most {MOST_LOOPS}."
        raise BadTemplate(loops[MOST_LOOPS].lineno, say, text)
    deepest = max((_depth(loop) for loop in loops), default=0)
    if deepest > MOST_NESTED:
        say = f"It has loops {deepest} deep; they go at most {MOST_NESTED} deep."
        raise BadTemplate(loops[0].lineno, say, text)
    if recursive := next((loop for loop in loops if loop.recursive), None):
        raise BadTemplate(recursive.lineno, "Its loop is recursive, which none may be.", text)


def _check_nodes(tree: nodes.Template, text: str) -> None:
    """Look for what could only fail; of several the first one is told."""
    found = [(node.lineno, say) for node in tree.find_all(nodes.Node) if (say := _wrong_in(node))]
    if found:
        raise BadTemplate(*min(found), text)


def _wrong_in(node: nodes.Node) -> str:
    if isinstance(node, nodes.Call):
        return _wrong_range(node)
    return NEVER.get(type(node), "")


def _wrong_range(call: nodes.Call) -> str:
    """Say what is wrong with a range of numbers that are written out."""
    if not (isinstance(call.node, nodes.Name) and call.node.name == "range"):
        return ""
    numbers = [number for arg in call.args if (number := _number(arg)) is not None]
    if not numbers or len(numbers) < len(call.args):
        return ""
    try:
        _range(*numbers)
    except (SecurityError, ValueError, TypeError) as error:
        return f"{str(error).removesuffix('.')}."
    return ""


def _number(node: nodes.Expr) -> int | None:
    if isinstance(node, nodes.Neg):
        number = _number(node.node)
        return None if number is None else -number
    value = node.value if isinstance(node, nodes.Const) else None
    return value if isinstance(value, int) else None


def _depth(node: nodes.Node) -> int:
    below = max((_depth(child) for child in node.iter_child_nodes()), default=0)
    return below + isinstance(node, nodes.For)
