"""Names belong to systems: one that comes from elsewhere is stored with a warning."""

from apps.events.words import owner_of, system_title


def warnings_for(event: str, resource_id: str, *, system: str) -> tuple[str, ...]:
    """Return what is odd about these names, told by a sender of this system."""
    names = {"name": event, "resource": resource_id}
    return tuple(
        f"The {what} {name} is reserved for {system_title(owner)}, but came from elsewhere."
        for what, name in names.items()
        if (owner := owner_of(name)) not in (None, system)
    )
