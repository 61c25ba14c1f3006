"""Ids that a message has no field for: derived from what it says, so that again is the same."""

import hashlib
from uuid import UUID, uuid5

# Made once, by uuid4. Every derived id rests on it: it never changes.
NAMESPACE = UUID("5c1f0f9e-6f43-4d0f-9d0b-1f1f7f6a3c52")
LONGEST_ID = 1_024


def derived(system: str, *parts: str) -> UUID:
    """Derive an id from what names an event; the parts cannot run into each other."""
    return uuid5(NAMESPACE, "\x1f".join((system, *(f"{len(part)}:{part}" for part in parts))))


def derived_from_bytes(system: str, content: bytes) -> UUID:
    """Derive an id from a whole content."""
    return derived(system, hashlib.sha256(content).hexdigest())


def resource_id(id: str) -> tuple[str, dict[str, str]]:
    """Return an id that the index can hold, and the labels that keep the whole of a longer one."""
    encoded = id.encode()
    if len(encoded) <= LONGEST_ID:
        return id, {}
    hash = hashlib.sha256(encoded).hexdigest()[:32]
    head = encoded[: LONGEST_ID - len(hash) - 1].decode(errors="ignore")
    return f"{head}~{hash}", {"eventfeed.whole-id": id}
