"""Who is asking: from what a request carries to a caller with scopes.

A token is remembered for a minute, so that a busy sender costs no query a request; it follows that
a revoked one ends within a minute. While the database is away, remembered tokens keep working:
nothing can be revoked meanwhile, and a sender who waits it out must not be turned away.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from apps.accounts.models import SECRET, Scope, Token, digest_of
from eventfeed.patience import PATIENCE, askers

REMEMBERED_SECONDS = 60
RETRY_SECONDS = 5
# Seconds that its looking up may take, when it can be done without.
BRIEFLY = 1.0
MOST_REMEMBERED = 4_096
EVERYTHING = frozenset(Scope.values)
READ_PERMISSION = "events.view_event"


class AccessAway(Exception):
    """Who is asking cannot be told: the database that knows is away. Answer 503."""


@dataclass(frozen=True)
class Caller:
    name: str
    scopes: frozenset[str]
    source: str | None = None
    kind: str = "token"  # or "local", "user"


LOCAL = Caller("local", EVERYTHING, kind="local")


async def caller_of(
    authorization: str | None = None,
    token: str | None = None,
    *,
    local: bool,
    within: float = PATIENCE,
) -> Caller | None:
    """Return who bears the Authorization header or the token, or None for a stranger.

    `token` is what came as `?access_token=` or in the Prefect handshake, and is looked at first.
    Raises AccessAway when the database does not say in so many seconds.
    """
    until = time.monotonic() + within
    for claim in claims_in(token, authorization):
        if memory.needs(claim):
            await _learn(claim, local=local, within=until - time.monotonic())
        if caller := memory.caller(claim):
            return caller
    return LOCAL if local else None


async def _learn(claim: Claim, *, local: bool, within: float) -> None:
    """Ask the database whose secret it is, and do without what it does not say in time."""
    wait = min(within, BRIEFLY) if memory.remembers(claim) else within
    try:
        await askers.ask(lambda: memory.learn(claim, local=local), within=wait)
    except TimeoutError as late:
        memory.go_on(claim, late, local=local)


def caller_of_sync(
    authorization: str | None = None, token: str | None = None, *, local: bool
) -> Caller | None:
    """Say what `caller_of` says, outside the loop."""
    for claim in claims_in(token, authorization):
        if memory.needs(claim):
            memory.learn(claim, local=local)
        if caller := memory.caller(claim):
            return caller
    return LOCAL if local else None


async def caller_of_scope(scope: Mapping[str, Any]) -> Caller | None:
    """Return who opens a live socket: a bearer, the local person, or its session's user."""
    local = bool(scope.get("eventfeed.local"))
    headers = dict(scope["headers"])
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    token = query.get("access_token", [None])[0]
    if caller := await caller_of(authorization, token, local=local):
        return caller
    return await database_sync_to_async(caller_of_user)(scope.get("user", AnonymousUser()))


def caller_of_user(user: AbstractBaseUser | AnonymousUser) -> Caller | None:
    """Return the caller that a signed-in user is."""
    try:
        if not user.is_authenticated:
            return None
        return Caller(user.get_username(), scopes_of(user), kind="user")
    except (OperationalError, InterfaceError) as away:
        raise AccessAway from away


def scopes_of(user: Any) -> frozenset[str]:
    if user.is_superuser:
        return EVERYTHING
    return frozenset({"read"}) if user.has_perm(READ_PERMISSION) else frozenset()


@dataclass(frozen=True)
class Claim:
    """A secret somebody presents, and the source it says it sends as."""

    secret: str
    source: str | None

    @property
    def digest(self) -> str:
        return digest_of(self.secret)


def claims_in(*presented: str | None) -> Iterator[Claim]:
    """Yield the claims in credentials as they come: bearer, basic, `source:secret` or bare."""
    for credentials in filter(None, presented):
        source, _, secret = plain(credentials).rpartition(":")
        # What no token of ours can look like never reaches the database.
        if SECRET.fullmatch(secret):
            yield Claim(secret, source or None)


def plain(credentials: str) -> str:
    scheme, _, rest = credentials.strip().rpartition(" ")
    match scheme.strip().lower():
        case "basic":
            return from_base64(rest)
        case "bearer" | "":
            return rest
        case _:
            return ""


def from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


@dataclass
class Known:
    """What is remembered of a secret: its token, or None for a stranger's."""

    token: Token | None
    until: float


@dataclass
class Memory:
    """The secrets this process has seen lately, by digest."""

    known: dict[str, Known] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def needs(self, claim: Claim) -> bool:
        known = self.known.get(claim.digest)
        return known is None or known.until <= self.clock()

    def learn(self, claim: Claim, *, local: bool) -> None:
        """Ask the database whose secret it is; keep what was known when it is away."""
        try:
            self.keep(claim, token_bearing(claim.secret), REMEMBERED_SECONDS)
        except (OperationalError, InterfaceError) as away:
            self.go_on(claim, away, local=local)

    def go_on(self, claim: Claim, away: Exception, *, local: bool) -> None:
        """Keep for a while what was known of a secret; raises AccessAway."""
        known = self.known.get(claim.digest)
        if known and known.token:
            self.keep(claim, known.token, RETRY_SECONDS)
        elif not local:
            raise AccessAway from away

    def remembers(self, claim: Claim) -> bool:
        """Say whether it was a token's lately, which is good enough while the database is away."""
        known = self.known.get(claim.digest)
        return known is not None and known.token is not None

    def keep(self, claim: Claim, token: Token | None, seconds: float) -> None:
        if len(self.known) >= MOST_REMEMBERED:
            self.forget_strangers()
        self.known[claim.digest] = Known(token, self.clock() + seconds)

    def forget_strangers(self) -> None:
        self.known = {digest: known for digest, known in self.known.items() if known.token}

    def caller(self, claim: Claim) -> Caller | None:
        known = self.known.get(claim.digest)
        if known is None or known.token is None or has_ended(known.token.expires):
            return None
        token = known.token
        scopes = EVERYTHING if Scope.ADMIN in token.scopes else frozenset(token.scopes)
        return Caller(token.name, scopes, source=token.source or claim.source or token.name)


def token_bearing(secret: str) -> Token | None:
    token = Token.objects.bearing(secret)
    if token:
        token.note_use()
    return token


def has_ended(expires: datetime | None) -> bool:
    return expires is not None and expires <= timezone.now()


memory = Memory()
