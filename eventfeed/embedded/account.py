"""Whom PostgreSQL runs as: it refuses root, so root lends it a system user."""

import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventfeed.startup import CannotStart

# The first that exists. Someone who wants it apart from other programs adds a user "eventfeed".
SYSTEM_USERS = ("eventfeed", "postgres", "nobody")


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    def as_child(self) -> dict[str, Any]:
        """Return what subprocess needs to run a program as this account."""
        if self.is_ours:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def owns(self, folder: Path) -> bool:
        return folder.stat().st_uid == self.uid


def account_for(folder: Path) -> Account:
    """Choose the account of the cluster in `folder`: ourselves, or for root the folder's owner."""
    if os.geteuid() != 0:
        return _named(os.geteuid())
    if folder.exists() and folder.stat().st_uid != 0:
        return _named(folder.stat().st_uid)
    return _system_user()


def open_way(path: Path, account: Account) -> list[Path]:
    """Let the account walk down to `path`, by o+x on closed parents only; return those opened."""
    closed = [folder for folder in path.parents if not _lets_through(folder, account)]
    for folder in closed:
        folder.chmod(folder.stat().st_mode | 0o001)
    return closed


def open_files(folder: Path, account: Account) -> None:
    """Let the account read the programs in `folder`: an install under umask 077 closes them."""
    for path in (folder, *folder.rglob("*")):
        mode = path.lstat().st_mode
        # Executable for the owner means executable for all, as in `chmod o+rX`.
        wanted = mode | 0o004 | (mode & 0o100) >> 6
        if wanted != mode and not path.is_symlink() and not _owns(path, account):
            path.chmod(wanted)


def _lets_through(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def _owns(path: Path, account: Account) -> bool:
    return path.lstat().st_uid == account.uid


def _system_user() -> Account:
    for entry in _entries(SYSTEM_USERS):
        if entry.pw_uid != 0:
            return _account(entry)
    raise CannotStart(
        "PostgreSQL does not run as root, and there is no user to run it as. "
        "Add one with `useradd --system eventfeed`, or start Eventfeed as a normal user."
    )


def _named(uid: int) -> Account:
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError as error:
        raise CannotStart(
            f"The user with the number {uid} has no name in /etc/passwd, and PostgreSQL wants one. "
            "Add one, or set DATABASE_URL to a PostgreSQL of yours."
        ) from error


def _entries(names: tuple[str, ...]) -> Iterator[pwd.struct_passwd]:
    for name in names:
        try:
            yield pwd.getpwnam(name)
        except KeyError:
            continue


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
