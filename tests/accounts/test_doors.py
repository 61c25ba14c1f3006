"""What each scope opens, at the doors that ask a token."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User

from apps.accounts import access
from apps.accounts.access import caller_of_scope
from apps.accounts.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def away_from_home(settings):
    settings.LOCAL_MODE = False
    access.memory.known.clear()


def bearer(*scopes):
    return {"Authorization": f"Bearer {Token.make('billing', scopes=scopes)[1]}"}


@pytest.mark.parametrize(
    ("scopes", "status"),
    [(["read"], 200), (["admin"], 200), (["ingest", "read"], 200), (["ingest"], 403)],
)
def test_the_read_api_opens_to_a_token_that_may_read(client, scopes, status):
    assert client.get("/api/events", headers=bearer(*scopes)).status_code == status


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_token_that_has_ended_opens_nothing(client, end):
    headers = bearer("read")
    token = Token.objects.get()
    if end == "revoked":
        token.revoke()
    else:
        Token.objects.update(expires=token.created)
    assert client.get("/api/events", headers=headers).status_code == 401


def test_a_stranger_is_told_what_to_bring(client):
    answer = client.get("/api/events")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_local_mode_needs_no_token(client, settings):
    settings.LOCAL_MODE = True
    assert client.get("/api/events").status_code == 200


def test_the_read_api_opens_to_a_signed_in_reader(client):
    user = User.objects.create_user("dana")
    client.force_login(user)
    assert client.get("/api/events").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    assert client.get("/api/events").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_with_the_database_away_the_answer_is_to_come_again(client, leave):
    leave()
    answer = client.get("/api/events", headers={"Authorization": "Bearer ef_" + "x" * 43})
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
class TestTheLiveSocket:
    def scope(self, headers=(), query=b"", **more):
        return {"type": "websocket", "headers": list(headers), "query_string": query, **more}

    def caller(self, scope):
        return async_to_sync(caller_of_scope)(scope)

    def test_opens_to_a_bearer(self):
        secret = bearer("read")["Authorization"].encode()
        caller = self.caller(self.scope([(b"authorization", secret)]))
        assert caller.scopes == {"read"}

    def test_opens_to_a_token_in_the_address(self):
        secret = Token.make("billing", scopes=["read"])[1].encode()
        assert self.caller(self.scope(query=b"access_token=" + secret)).name == "billing"

    def test_opens_to_the_sessions_user(self):
        user = User.objects.create_superuser("root")
        caller = self.caller(self.scope(user=user))
        assert (caller.name, caller.kind) == ("root", "user")
        assert "read" in caller.scopes

    def test_knows_a_user_who_may_not_read(self):
        assert self.caller(self.scope(user=User.objects.create_user("dana"))).scopes == set()

    def test_opens_to_everyone_in_local_mode(self):
        assert self.caller(self.scope(**{"eventfeed.local": True})) == access.LOCAL

    def test_stays_shut_to_a_stranger(self):
        assert self.caller(self.scope()) is None
