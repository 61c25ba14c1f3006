"""The key that signs sessions, made once and kept in the data folder."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

from eventfeed.startup import CannotStart


def kept_secret_key(data: Path) -> str:
    """Return the key kept in `data`, which is made when there is none yet."""
    path = data / "secret_key"
    try:
        if not path.exists():
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_whole(path, get_random_secret_key())
        return path.read_text().strip()
    except OSError as error:
        raise CannotStart(
            f"The secret key in {path} cannot be read or written ({error.strerror}). "
            "Set EVENTFEED_DATA to a folder of yours, or EVENTFEED_SECRET_KEY to a long text."
        ) from error


def _write_whole(path: Path, key: str) -> None:
    """Write it so that of two processes at once both go on with the same key."""
    own = path.with_name(f"{path.name}.{os.getpid()}")
    own.touch(mode=0o600)
    own.write_text(key + "\n")
    try:
        os.link(own, path)
    except FileExistsError:
        pass
    finally:
        own.unlink()
