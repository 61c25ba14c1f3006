"""A payload as a foldable tree of bounded size."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from apps.feed.columns import PAYLOAD, Column
from apps.feed.rows import filtered
from apps.query import Value, clause
from apps.query.fields import written_path
from apps.query.payload import Path as Asked

MOST_NODES = 400
LONGEST = 1_000
LONGEST_FILTER = 120
OPEN_UNTIL = 2
# Each level of the page needs several of Python's, of which there are 1,000.
DEEPEST = 16

Path = tuple[str, ...]
Steps = tuple[str | None, ...]
"""As a query writes a path: whatever the place in an array, `[]`."""


@dataclass
class Node:
    """One key or place of the payload: a leaf with its text, or a branch with its children.

    A branch too deep to be drawn has its JSON as its text instead.
    """

    key: str
    kind: str
    text: str = ""
    size: int = 0
    children: list["Node"] = field(default_factory=list)
    open: bool = False
    left_out: int = 0
    only: str = ""
    without: str = ""
    column: str = ""


class Budget:
    """How many nodes may still be drawn."""

    def __init__(self, nodes: int) -> None:
        self.left = nodes

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


def tree(payload: dict[str, Any]) -> Node:
    """Return the payload's tree, with what was left out counted where it was."""
    return _node((), (), payload, budget=Budget(MOST_NODES))


def _node(path: Path, steps: Steps, value: Any, *, budget: Budget) -> Node:
    if isinstance(value, dict | list):
        return _branch(path, steps, value, budget=budget)
    return _leaf(path, steps, value)


def _branch(path: Path, steps: Steps, value: dict | list, *, budget: Budget) -> Node:
    is_open = len(path) < OPEN_UNTIL
    node = Node(_key(path), type(value).__name__, size=len(value), open=is_open)
    if len(path) >= DEEPEST and value:
        text = json.dumps(value, ensure_ascii=False)
        node.text, node.left_out = text[:LONGEST], max(0, len(text) - LONGEST)
        return node
    for name, child in _children(value):
        if not budget.take():
            node.left_out = len(value) - len(node.children)
            break
        step = name if isinstance(value, dict) else None
        node.children.append(_node((*path, name), (*steps, step), child, budget=budget))
    return node


def _children(value: dict | list) -> Iterator[tuple[str, Any]]:
    return iter(value.items()) if isinstance(value, dict) else _numbered(value)


def _numbered(values: list) -> Iterator[tuple[str, Any]]:
    return ((str(place), value) for place, value in enumerate(values))


def _key(path: Path) -> str:
    return path[-1] if path else ""


def _leaf(path: Path, steps: Steps, value: Any) -> Node:
    text = value if isinstance(value, str) else json.dumps(value)
    kind = "str" if isinstance(value, str) else "null" if value is None else type(value).__name__
    asked = _asked(steps, value, text)
    return Node(
        _key(path),
        kind,
        text=text[:LONGEST],
        left_out=max(0, len(text) - LONGEST),
        only=filtered(asked) if asked else "",
        without=filtered(f"-{asked}") if asked else "",
        column=Column(PAYLOAD, path).text if asked else "",
    )


def _asked(steps: Steps, value: Any, text: str) -> str:
    """Return the clause that asks for this value at this place; "" when one is too long."""
    if len(text) > LONGEST_FILTER or any(step and len(step) > LONGEST_FILTER for step in steps):
        return ""
    said = Value(text, quoted=isinstance(value, str))
    return clause(f"payload.{written_path(Asked(steps))}", said)
