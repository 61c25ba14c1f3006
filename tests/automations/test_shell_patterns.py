"""Prefect's patterns mean in SQL what they mean in memory, and that is what fnmatch means."""

from __future__ import annotations

from itertools import product

import pytest
from django.db import connection

from apps.automations.shell_patterns import Pattern

GLOBS = [
    *(
        "a",
        "a*",
        "*a",
        "a?c",
        "a[bc]",
        "a[!b]",
        "[a-c]*",
        "[]]",
        "[!]]",
        "[",
        "[]",
        "a[",
        "*",
        "**",
    ),
    *(
        "!a",
        "!a*",
        "!",
        "",
        ".",
        "a.b",
        "a+",
        "(a|b)",
        "^a$",
        "\\",
        "[\\]",
        "[a\\]b]",
        "[^a]",
        "[-a]",
    ),
    *(
        "[a-]",
        "[z-a]",
        "é*",
        "a{2}",
        "%",
        "_",
        "\\d",
        "[[:alpha:]]",
        "?\n",
        "[!-z]",
        "A",
        "#",
        "[&&]",
    ),
]
TEXTS = [
    *(
        "",
        "a",
        "A",
        "ab",
        "abc",
        "ac",
        "a.b",
        "axb",
        "b",
        "]",
        "[",
        "\\",
        "a\nb",
        "é",
        "éa",
        "-",
        "+",
    ),
    *(
        "^a$",
        "(a|b)",
        "aa",
        "z",
        "%",
        "_",
        "d",
        "\\d",
        "a[",
        "!",
        "l]",
        "a{2}",
        "a\n",
        "#",
        "&",
        "^",
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize("glob", GLOBS)
def test_pattern_reads_the_same_in_sql_and_in_memory(glob: str):
    pattern = Pattern(glob)
    said = pattern.sql("told")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT told FROM unnest(%s::text[]) AS told WHERE {said.text}", [TEXTS, *said.params]
        )
        found = {told for (told,) in cursor.fetchall()}
    assert found == {text for text in TEXTS if pattern.fits(text)}


def test_head_is_what_every_fitting_text_begins_with():
    for glob, text in product(GLOBS, TEXTS):
        pattern = Pattern(glob)
        if pattern.fits(text):
            assert text.startswith(pattern.head)
