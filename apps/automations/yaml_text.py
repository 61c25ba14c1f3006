"""YAML as JSON's values: what looks like a text is one, and every text is written so that it is.

YAML 1.1 takes `on` for true, `1:30` for 90 and 2026-11-22 for a date; none of these is meant where
an action is switched `on` or an automation called `1:30`.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

NEVER_FOLDED = 1_000_000
NUL = r"\u0000"

_ODD_ENDS = re.compile("[\r\x85\u2028\u2029]")


class BadFile(Exception):
    """What cannot be imported: where in the file, and what to write instead."""

    def __init__(self, path: str, say: str) -> None:
        super().__init__(f"{path}: {say}" if path else say)
        self.path = path
        self.say = say


def loaded(text: str) -> Any:
    """Read YAML, and so JSON; raises BadFile."""
    try:
        return _as_json(yaml.load(text, _Loader))  # noqa: S506  # a safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}" if mark else ""
        raise BadFile(where, error.problem or "This is no YAML.") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadFile("", str(error)) from None


def _as_json(value: Any) -> Any:
    """Return it as JSON holds it; raises BadFile for what PostgreSQL would not take as such."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadFile("", f"JSON has no such thing: {error}.") from None
    if NUL in text:
        raise BadFile("", "A text cannot have U+0000 in it.")
    return json.loads(text)


def written(value: Any) -> str:
    """Write what `loaded` reads, in the order it has, with texts of several lines as such."""
    told: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=NEVER_FOLDED
    )
    return told


class _Loader(yaml.SafeLoader):
    """Knows null, true, false and numbers; everything else is text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


# Each takes less for itself than YAML 1.1 does, so that whatever it writes is read back.
for _tag, _pattern, _first in (
    ("null", r"(?:null|~|)\Z", [*"n~", ""]),
    ("bool", r"(?:true|false)\Z", [*"tf"]),
    ("int", r"-?(?:0|[1-9][0-9]*)\Z", [*"-0123456789"]),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:e[-+][0-9]+)?\Z", [*"-0123456789"]),
    ("merge", r"<<\Z", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _as_written(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Ends of lines that YAML would read back as plain ones.
    style = '"' if _ODD_ENDS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _as_written)
