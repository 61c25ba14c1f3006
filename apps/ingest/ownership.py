"""Names belong to systems: one that comes from elsewhere is stored with a warning."""

from apps.events.words import owner_of, system_title


def warnings_for(event: str, resource_id: str, *, system: str) -> tuple[str, ...]:
    """Return what is odd about an event's name and resource, told by a sender of this system."""
    return tuple(
        f"The name {name} belongs to {system_title(owner)}, which has not sent this."
        for name in (event, resource_id)
        if (owner := owner_of(name)) not in (None, system)
    )
