"""Deliveries are taken as their sender's own only when they are signed as the hook wants it."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ingest.hooks.signatures import CHECKS, BadSignature, Signed, verify
from eventfeed.sealed import CannotOpen, seal, unseal
from tests.ingest.conftest import Eventfeed
from tests.ingest.hooking import Made, Person

SECRET = "a-secret-of-24-letters-x"
KEY = base64.b64encode(b"k" * 24).decode()
BODY = json.dumps({"what": "paid"}).encode()


def digest(secret: bytes, content: bytes) -> bytes:
    return hmac.new(secret, content, hashlib.sha256).digest()


def standard(key: bytes, *, age: int = 0, before: str = "") -> dict[str, str]:
    sent = str(int(time.time()) - age)
    signed = base64.b64encode(digest(key, f"msg_1.{sent}.".encode() + BODY)).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": sent,
        "webhook-signature": f"{before}v1,{signed}",
    }


HEX = digest(SECRET.encode(), BODY).hex()
RIGHT: list[tuple[str, str, str, Callable[[], dict[str, str]]]] = [
    ("github", SECRET, "", lambda: {"X-Hub-Signature-256": f"sha256={HEX}"}),
    ("gitlab", SECRET, "", lambda: {"X-Gitlab-Token": SECRET}),
    ("standard", f"whsec_{KEY}", "", lambda: standard(b"k" * 24)),
    ("standard", f"whsec_{KEY}", "", lambda: standard(b"k" * 24, before="v1,b3RoZXI= v1a,x ")),
    ("standard", SECRET, "", lambda: standard(SECRET.encode())),
    ("hmac", SECRET, "Authorization", lambda: {"Authorization": HEX}),
    ("hmac", SECRET, "X-Sig", lambda: {"X-Sig": f"sha256={HEX.upper()}"}),
    ("hmac", SECRET, "X-Sig", lambda: {"X-Sig": base64.b64encode(bytes.fromhex(HEX)).decode()}),
    ("token", SECRET, "X-Token", lambda: {"X-Token": SECRET}),
    ("token", SECRET, "Authorization", lambda: {"Authorization": f"Bearer {SECRET}"}),
]
WRONG: list[tuple[str, str, str, Callable[[], dict[str, str]]]] = [
    ("github", SECRET, "", dict),
    ("github", SECRET, "", lambda: {"X-Hub-Signature-256": HEX}),
    ("github", SECRET, "", lambda: {"X-Hub-Signature-256": "sha256=ü"}),
    ("github", "another-secret", "", lambda: {"X-Hub-Signature-256": f"sha256={HEX}"}),
    ("gitlab", SECRET, "", lambda: {"X-Gitlab-Token": ""}),
    ("gitlab", SECRET, "", lambda: {"X-Gitlab-Token": SECRET + "x"}),
    ("standard", f"whsec_{KEY}", "", lambda: standard(b"l" * 24)),
    ("standard", f"whsec_{KEY}", "", lambda: standard(b"k" * 24, age=600)),
    ("standard", f"whsec_{KEY}", "", lambda: standard(b"k" * 24, age=-600)),
    ("standard", f"whsec_{KEY}", "", lambda: {"webhook-signature": "v1,x"}),
    ("standard", SECRET, "", lambda: standard(SECRET.encode()) | {"webhook-timestamp": "9" * 99}),
    ("hmac", SECRET, "X-Sig", lambda: {"X-Sig": ""}),
    ("token", SECRET, "X-Token", lambda: {"Authorization": SECRET}),
]


@pytest.fixture
def person(eventfeed: Eventfeed) -> Person:
    return Person(eventfeed)


def signed_hook(person: Person, kind: str, secret: str, header: str) -> Made:
    return person.makes(signature=kind, secret=secret, signature_header=header)


def deliver(hook: Made, headers: dict[str, str]) -> httpx.Response:
    told = [(name.encode(), value.encode()) for name, value in headers.items()]
    return httpx.post(hook.address, content=BODY, headers=told, timeout=60)


@pytest.mark.parametrize(("kind", "secret", "header", "headers"), RIGHT)
def test_what_is_signed_rightly_is_stored(
    person: Person, kind: str, secret: str, header: str, headers: Any
) -> None:
    answer = deliver(signed_hook(person, kind, secret, header), headers())
    assert answer.json() == {"stored": 1, "known": 0}


@pytest.mark.parametrize(("kind", "secret", "header", "headers"), WRONG)
def test_what_is_not_is_401_and_the_page_says_why(
    eventfeed: Eventfeed, person: Person, kind: str, secret: str, header: str, headers: Any
) -> None:
    hook = signed_hook(person, kind, secret, header)
    answer = deliver(hook, headers())
    assert answer.status_code == 401
    assert eventfeed.stored() == []
    page = person.get(f"/hooks/{hook.id}")
    assert "Turned away" in page
    assert answer.json()["detail"].split()[0] in page
    assert secret not in page
    deliver(hook, headers())
    refused = eventfeed.query(
        "SELECT reason, body, headers FROM rejection WHERE source_id ="
        " (SELECT source_id FROM hook WHERE id = %s)",
        hook.id,
    )
    assert [(reason, bytes(body), headers) for reason, body, headers in refused] == [
        (answer.json()["detail"], b"", {})
    ]


def test_the_secret_is_encrypted_where_it_lies(eventfeed: Eventfeed, person: Person) -> None:
    hook = signed_hook(person, "github", SECRET, "")
    ((sealed,),) = eventfeed.query("SELECT sealed_secret FROM hook WHERE id = %s", hook.id)
    assert sealed.startswith("gAAAA")
    assert SECRET not in sealed


def test_the_signature_is_in_no_event(eventfeed: Eventfeed, person: Person) -> None:
    hook = signed_hook(person, "token", SECRET, "X-Their-Way")
    deliver(hook, {"X-Their-Way": SECRET})
    ((whole,),) = eventfeed.query(
        "SELECT event::text FROM event WHERE resource_id = %s", f"{eventfeed.corner}.thing"
    )
    assert SECRET not in whole


def test_a_secret_of_the_former_key_can_be_opened(settings: Any) -> None:
    sealed = seal("theirs")
    former, settings.SECRET_KEY = settings.SECRET_KEY, "the-new-key"
    settings.SECRET_KEY_FALLBACKS = [former]
    assert unseal(sealed) == "theirs"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(CannotOpen):
        unseal(sealed)


@pytest.mark.parametrize("kind", [kind for kind in CHECKS if kind != "none"])
@given(value=st.text(), body=st.binary(), secret=st.text(min_size=1))
def test_no_header_ends_a_check_otherwise(kind: str, value: str, body: bytes, secret: str) -> None:
    header = CHECKS[kind].header or "X-Sig"
    headers = {header.lower(): value, "webhook-id": value, "webhook-timestamp": value}
    with suppress(BadSignature):
        verify(kind, Signed(headers, body, secret.encode(errors="replace").decode(), header))
