"""Tokens in the admin: the secret is seen once, a token is ended but not forgotten."""

import re

import pytest
from django.contrib.auth.models import User

from apps.accounts import access
from apps.accounts.models import Token

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/token/"


@pytest.fixture(autouse=True)
def signed_in(client, settings):
    settings.LOCAL_MODE = True
    access.memory.known.clear()
    user = User.objects.create_superuser("root")
    client.force_login(user)
    return user


def test_the_secret_of_a_new_token_is_shown_once_and_works(client, signed_in):
    told = {"name": "billing", "scopes": ["ingest"], "source": "warehouse"}
    answer = client.post(f"{LIST}add/", told)
    secret = re.search(r"ef_[\w-]{43}", answer.content.decode())[0]
    assert "no-store" in answer["Cache-Control"]
    assert f"PREFECT_API_AUTH_STRING=warehouse:{secret}" in answer.content.decode()
    assert access.caller_of_sync(token=secret, local=False).source == "warehouse"
    assert Token.objects.get().created_by == signed_in
    assert not client.cookies.get("messages")
    token = Token.objects.get()
    for page in (LIST, f"{LIST}{token.pk}/change/", f"{LIST}{token.pk}/history/"):
        assert secret not in client.get(page).content.decode()


def test_a_token_without_scopes_is_not_made(client):
    answer = client.post(f"{LIST}add/", {"name": "billing", "scopes": []})
    assert answer.status_code == 200
    assert not Token.objects.exists()


def test_a_second_token_of_the_same_name_is_not_made(client):
    Token.make("billing", scopes=["read"])
    answer = client.post(f"{LIST}add/", {"name": "billing", "scopes": ["read"]})
    assert "revoke it first" in answer.content.decode()


def test_a_token_is_revoked_from_its_page(client):
    token, _ = Token.make("billing", scopes=["read"])
    told = {"name": "billing", "scopes": ["read"], "source": ""}
    client.post(f"{LIST}{token.pk}/change/", told | {"accounts_token_revoke_this": ""})
    token.refresh_from_db()
    assert token.state == "revoked"


def test_tokens_are_revoked_from_the_list(client):
    tokens = [Token.make(name, scopes=["read"])[0].pk for name in ("a", "b")]
    client.post(LIST, {"action": "revoke_selected", "_selected_action": tokens})
    assert {token.state for token in Token.objects.all()} == {"revoked"}


def test_a_token_is_not_deleted(client):
    token, _ = Token.make("billing", scopes=["read"])
    assert client.post(f"{LIST}{token.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_revoked_token_stays_as_it_was(client):
    token, _ = Token.make("billing", scopes=["read"])
    token.revoke()
    assert client.get(f"{LIST}{token.pk}/change/").status_code == 200
    client.post(f"{LIST}{token.pk}/change/", {"name": "new", "scopes": ["admin"], "source": "x"})
    token.refresh_from_db()
    assert (token.name, token.scopes) == ("billing", ["read"])
