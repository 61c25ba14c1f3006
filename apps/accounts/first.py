"""The first admin of a fresh installation."""

import secrets

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction


def first_admin() -> tuple[str, str] | None:
    """Make an admin when nobody is one; return the name and the password, which is kept nowhere."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    username, password = "admin", secrets.token_urlsafe(12)
    try:
        with transaction.atomic():
            users.create_superuser(username, password=password)
    except IntegrityError:
        # Another process starting at the same moment has made it, or the name is a plain user's.
        return None
    return username, password
