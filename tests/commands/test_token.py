"""Tokens from the command line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.accounts import access
from apps.accounts.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered():
    access.memory.known.clear()


def token(*arguments):
    out, err = StringIO(), StringIO()
    call_command("token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_new_tokens_secret_is_all_that_goes_to_stdout():
    out, err = token("create", "billing", "--scope", "ingest", "--source", "warehouse")
    secret = out.strip()
    assert access.caller_of_sync(token=secret, local=False).source == "warehouse"
    assert f"PREFECT_API_AUTH_STRING=warehouse:{secret}" in err


def test_a_reader_is_not_told_how_to_send():
    _, err = token("create", "grafana", "--scope", "read", "--expires", "90d")
    assert "PREFECT" not in err
    made = Token.objects.get()
    assert round((made.expires - made.created).total_seconds() / 86_400) == 90


def test_the_list_says_the_state_but_no_secret():
    secret = token("create", "billing", "--scope", "ingest", "--scope", "read")[0].strip()
    token("create", "old", "--scope", "read")
    token("revoke", "old")
    first, second = token("list")[0].splitlines()
    assert "billing  ingest,read  usable" in first
    assert "old  read  revoked" in second
    assert secret not in first


@pytest.mark.parametrize(
    ("arguments", "say"),
    [
        (["create", "billing", "--scope", "ingest"], "revoke it first"),
        (["create", "x"], "--scope"),
        (["create", "x", "--scope", "write"], "invalid choice"),
        (["create", "x", "--scope", "read", "--expires", "soon"], "90d"),
        (["revoke", "nobody"], "no token “nobody”"),
        ([], "ACTION"),
    ],
)
def test_a_mistake_is_told_in_words(arguments, say):
    token("create", "billing", "--scope", "ingest")
    with pytest.raises(CommandError) as mistake:
        token(*arguments)
    assert say in str(mistake.value)
