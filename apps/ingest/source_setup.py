"""A source is added: its name, its token, and the lines that point a sender here."""

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from apps.accounts.models import Scope, Token
from apps.events.audit import tell
from apps.events.models import Source
from apps.events.sources import forget_sources
from apps.ingest.masking import Rules
from apps.ingest.recipes import PLACEHOLDER, RECIPES, Recipe
from apps.ingest.writers import name_of
from eventfeed.sealed import CannotOpen, seal, unseal

# For so long, and until its first event, a fresh token is shown to whoever made it.
SHOWN_SECONDS = 3_600
FRESH = "fresh_tokens"


@dataclass(frozen=True)
class Shown:
    """Something to paste, as the page shows it."""

    title: str
    text: str


def add_source(request: HttpRequest, kind: str, name: str) -> Source:
    """Add a source, with a token where its lines carry one.

    Without a name, where nobody needs a token, it is the doorway's own.
    """
    recipe = RECIPES[kind]
    source, added = Source.objects.get_or_create(
        name=name or recipe.source, defaults={"system": recipe.system, "kind": kind}
    )
    if name and recipe.carries_token:
        make_token(request, source)
    if added:
        tell("source.added", kind="source", name=source.name, by=name_of(request))
    elif source.kind != kind:
        source.kind = kind
        source.save(update_fields=["kind"])
    return source


def make_token(request: HttpRequest, source: Source) -> Token:
    """Make a token for a source; its secret stays with this browser for an hour, encrypted."""
    user = request.user if request.user.is_authenticated else None
    token, secret = Token.make(
        _free_name(source.name), scopes=[Scope.INGEST], source=source.name, created_by=user
    )
    kept = {id: fresh for id, fresh in _fresh(request).items() if fresh[1] > time.time()}
    kept[str(source.id)] = (seal(secret), time.time() + SHOWN_SECONDS)
    request.session[FRESH] = kept
    return token


def change_source(
    request: HttpRequest, source: Source, *, rules: Rules, networks: list[str]
) -> None:
    """Store how a source's events are treated; every process knows within a minute."""
    changes: dict[str, object] = {}
    if rules != Rules.of(source.masks):
        changes["masks"] = rules.stored()
    if networks != source.networks:
        changes["networks"] = networks
    if not changes:
        return
    Source.objects.filter(id=source.id).update(**changes)
    forget_sources()
    said = f"{' and '.join(changes).capitalize()} changed."
    tell("source.changed", kind="source", name=source.name, by=name_of(request), message=said)


def fresh_token(request: HttpRequest, source: Source) -> str | None:
    """Return the token this browser has just made for a source."""
    sealed, until = _fresh(request).get(str(source.id), ("", 0.0))
    if until <= time.time():
        return None
    try:
        return unseal(sealed)
    except CannotOpen:
        return None


def forget_token(request: HttpRequest, source: Source) -> None:
    kept = dict(_fresh(request))
    if kept.pop(str(source.id), None):
        request.session[FRESH] = kept


def lines(
    request: HttpRequest, recipe: Recipe | None, token: str | None, *, needed: bool
) -> list[Shown]:
    """Return what to paste, with the address as the browser sees it, and the token in any case."""
    address = request.build_absolute_uri("/").rstrip("/")
    host = urlsplit(address).hostname or ""
    secret = token or (PLACEHOLDER if needed else None)
    shown = [
        Shown(one.title, one.shown(address=address, host=host, token=secret))
        for one in (recipe.lines if recipe else ())
    ]
    if token and not any(token in one.text for one in shown):
        shown.append(Shown("Its token", token))
    return shown


def needs_token(source: Source, tokens: object) -> bool:
    """Whether what the source sends has to carry a token."""
    return bool(tokens) or not (settings.LOCAL_MODE or source.networks)


def _fresh(request: HttpRequest) -> dict[str, tuple[str, float]]:
    return request.session.get(FRESH, {})


def _free_name(name: str) -> str:
    """Return a name that no usable token has: the source's own, or with a number."""
    taken = set(
        Token.objects.filter(revoked=None, name__startswith=name[:90]).values_list(
            "name", flat=True
        )
    )
    names = (
        name[:90] + (f" {number}" if number > 1 else "") for number in range(1, len(taken) + 2)
    )
    return next(one for one in names if one not in taken)
