"""What someone may be typing: names and resources the feed holds, last seen first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from apps.events.retention import kept_since
from apps.resources.sightings import words_in

MOST = 50
LONGEST_TEXT = 200

NAMES = """
    SELECT name, is_prefix, last_seen FROM name
    WHERE last_seen >= %s AND {conditions}
    ORDER BY starts_with(lower(name), %s) DESC, last_seen DESC, name
    LIMIT %s
"""
# What is typed first is in thousands of resources, and the planner cannot know: so the last seen
# are looked through, and only when they are not enough the index of words is asked.
LATEST = """
    SELECT id, display_name, kind, last_seen
    FROM (SELECT * FROM resource ORDER BY last_seen DESC LIMIT 2000) AS latest
    WHERE last_seen >= %s AND {condition}
    ORDER BY last_seen DESC, id
    LIMIT %s
"""
ALL = """
    SELECT id, display_name, kind, last_seen FROM resource
    WHERE last_seen >= %s AND {condition}
    ORDER BY last_seen + interval '0' DESC, id
    LIMIT %s
"""


@dataclass(frozen=True)
class SuggestedName:
    """An event name, or a beginning of names written `prefect.flow-run.*`."""

    name: str
    is_prefix: bool
    last_seen: datetime


@dataclass(frozen=True)
class SuggestedResource:
    id: str
    display_name: str
    kind: str
    last_seen: datetime


def names(text: str, limit: int = 20) -> list[SuggestedName]:
    """Return names holding every word of the text, those that begin with it first."""
    asked = askable(text).lower()
    parts = asked.split()
    conditions = " AND ".join(["strpos(lower(name), %s) > 0"] * len(parts)) or "true"
    rows = select(
        NAMES.format(conditions=conditions), [kept_since(), *parts, asked, min(limit, MOST)]
    )
    return [SuggestedName(*row) for row in rows]


def resources(text: str, limit: int = 20) -> list[SuggestedResource]:
    """Return resources whose id begins with the text, or with words beginning with its words."""
    asked = askable(text)
    condition, values = matching(asked) if asked else ("true", [])
    most = min(limit, MOST)
    params = [kept_since(), *values, most]
    rows = select(LATEST.format(condition=condition), params)
    if len(rows) < most:
        rows = select(ALL.format(condition=condition), params)
    return [SuggestedResource(*row) for row in rows]


def askable(text: str) -> str:
    # PostgreSQL's text holds no NUL.
    return text.replace("\0", " ").strip()[:LONGEST_TEXT]


def matching(text: str) -> tuple[str, list[str]]:
    # Words are letters and digits alone, so nothing in them needs quoting in a tsquery.
    words = " & ".join(f"'{word}':*" for word in words_in(text))
    if not words:
        return "id ^@ %s", [text]
    return "(id ^@ %s OR words @@ %s::tsquery)", [text, words]


def select(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
