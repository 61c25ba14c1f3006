"""Who is asking, from every shape in which a secret can come."""

import base64
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.accounts import access
from apps.accounts.access import AccessAway, Caller, caller_of, caller_of_sync
from apps.accounts.models import Token, digest_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered():
    access.memory.known.clear()


@pytest.fixture
def clock(monkeypatch):
    """A clock of the memory's that a test moves by hand."""
    now = [1_000.0]
    monkeypatch.setattr(access.memory, "clock", lambda: now[0])
    return now


def make(scopes=("ingest",), **kwargs):
    return Token.make("billing", scopes=scopes, **kwargs)[1]


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


SHAPES = {
    "bearer": lambda secret: {"authorization": f"Bearer {secret}"},
    "bearer in small letters": lambda secret: {"authorization": f"bearer {secret}"},
    "bearer with two spaces": lambda secret: {"authorization": f"Bearer  {secret}"},
    "header without a scheme": lambda secret: {"authorization": secret},
    "basic": lambda secret: {"authorization": basic(f"prod:{secret}")},
    "basic without a name": lambda secret: {"authorization": basic(f":{secret}")},
    "basic of the secret alone": lambda secret: {"authorization": basic(secret)},
    "handshake of the raw string": lambda secret: {"token": f"prod:{secret}"},
    "handshake of the secret alone": lambda secret: {"token": secret},
    "beside a foreign header": lambda secret: {"token": secret, "authorization": "Bearer google"},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_token_is_known_in_every_shape(shape):
    caller = caller_of_sync(**shape(make()), local=False)
    assert caller is not None
    assert caller.name == "billing"
    assert caller.scopes == {"ingest"}
    assert caller.kind == "token"


STRANGERS = {
    "nothing": {},
    "empty header": {"authorization": ""},
    "another's secret": {"authorization": "Bearer ef_" + "x" * 43},
    "a foreign key": {"authorization": "Bearer pnu_1234"},
    "a broken base64": {"authorization": "Basic ef_%%%"},
    "base64 of bytes that are no text": {"authorization": "Basic //79"},
    "a NUL": {"token": "ef_\0" + "x" * 42},
    "another scheme": {"authorization": "Digest ef_" + "x" * 43},
    "a lone surrogate": {"token": "\ud800"},
}


@pytest.mark.parametrize("presented", STRANGERS.values(), ids=STRANGERS.keys())
def test_a_stranger_is_nobody(presented):
    assert caller_of_sync(**presented, local=False) is None


@pytest.mark.parametrize("presented", STRANGERS.values(), ids=STRANGERS.keys())
def test_in_local_mode_a_stranger_is_the_local_person(presented):
    assert caller_of_sync(**presented, local=True) == access.LOCAL


def test_in_local_mode_a_token_still_says_its_source():
    caller = caller_of_sync(token=make(source="warehouse"), local=True)
    assert caller == Caller("billing", frozenset({"ingest"}), source="warehouse")


@pytest.mark.parametrize(
    ("source", "presented", "filed_under"),
    [
        ("", "{}", "billing"),
        ("", "prod:{}", "prod"),
        ("warehouse", "{}", "warehouse"),
        ("warehouse", "prod:{}", "warehouse"),
    ],
)
def test_the_source_is_the_tokens_own_then_the_senders_then_the_tokens_name(
    source, presented, filed_under
):
    secret = make(source=source)
    caller = caller_of_sync(token=presented.format(secret), local=False)
    assert caller is not None
    assert caller.source == filed_under


def test_an_admin_token_may_do_everything():
    caller = caller_of_sync(token=make(scopes=["admin"]), local=False)
    assert caller is not None
    assert caller.scopes == {"ingest", "read", "admin"}


def test_a_token_ends_at_its_expiry_although_it_is_remembered():
    secret = make(expires=timezone.now() + timedelta(hours=1))
    assert caller_of_sync(token=secret, local=False)
    access.memory.known[digest_of(secret)].token.expires = timezone.now()
    assert caller_of_sync(token=secret, local=False) is None


def test_an_expired_token_opens_nothing():
    assert caller_of_sync(token=make(expires=timezone.now()), local=False) is None


def test_a_revoked_token_ends_within_a_minute(clock):
    secret = make()
    assert caller_of_sync(token=secret, local=False)
    Token.objects.get().revoke()
    clock[0] += 61
    assert caller_of_sync(token=secret, local=False) is None


def test_a_token_seen_lately_costs_no_query(django_assert_num_queries):
    secret = make()
    caller_of_sync(token=secret, local=False)
    with django_assert_num_queries(0):
        assert caller_of_sync(token=secret, local=False)


def test_a_strangers_secret_costs_one_query_a_minute(django_assert_num_queries):
    with django_assert_num_queries(1):
        for _ in range(3):
            assert caller_of_sync(token="ef_" + "x" * 43, local=False) is None


def test_strangers_do_not_push_out_tokens(monkeypatch):
    monkeypatch.setattr(access, "MOST_REMEMBERED", 3)
    caller_of_sync(token=make(), local=False)
    for letter in "abcdefg":
        caller_of_sync(token="ef_" + letter * 43, local=False)
    assert len(access.memory.known) <= 3
    assert any(known.token for known in access.memory.known.values())


def test_a_secret_of_the_same_prefix_is_a_stranger():
    secret = make()
    other = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    assert caller_of_sync(token=other, local=False) is None


def test_last_use_is_written_at_most_once_a_minute(clock):
    secret = make()
    caller_of_sync(token=secret, local=False)
    first = Token.objects.get().last_used
    clock[0] += 61
    caller_of_sync(token=secret, local=False)
    assert Token.objects.get().last_used == first
    Token.objects.update(last_used=first - timedelta(minutes=1))
    clock[0] += 61
    caller_of_sync(token=secret, local=False)
    assert Token.objects.get().last_used > first


def test_the_secret_is_kept_nowhere():
    secret = make()
    row = Token.objects.filter(name="billing").values().get()
    assert secret not in str(row)
    assert secret[len(row["prefix"]) :] not in str(row)


@pytest.mark.parametrize("scopes", [[], ["write"], ["ingest", "write"]])
def test_a_token_needs_known_scopes(scopes):
    with pytest.raises(ValidationError):
        make(scopes=scopes)


def test_a_name_is_free_again_once_its_token_is_revoked():
    make()
    with pytest.raises(ValidationError):
        make()
    Token.objects.get().revoke()
    assert make()


def test_with_the_database_away_a_remembered_token_still_works(clock, leave):
    secret = make()
    caller_of_sync(token=secret, local=False)
    clock[0] += 3_600
    leave()
    assert caller_of_sync(token=secret, local=False)


def test_with_the_database_away_an_unknown_token_cannot_be_told(leave):
    leave()
    with pytest.raises(AccessAway):
        caller_of_sync(token="ef_" + "x" * 43, local=False)


def test_with_the_database_away_local_mode_goes_on(leave):
    leave()
    assert caller_of_sync(token="ef_" + "x" * 43, local=True) == access.LOCAL


@pytest.mark.django_db(transaction=True)
async def test_the_loop_asks_the_same_question():
    from channels.db import database_sync_to_async

    secret = await database_sync_to_async(make)(source="warehouse")
    caller = await caller_of(f"Bearer {secret}", local=False)
    assert caller == Caller("billing", frozenset({"ingest"}), source="warehouse")
    assert await caller_of("Bearer nobody", local=False) is None
    assert await caller_of("Bearer nobody", local=True) == access.LOCAL
