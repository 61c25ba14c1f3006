"""Where the parts of an embedded cluster lie."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

PORT = 5432
USER = "eventfeed"
DATABASE = "eventfeed"
# A socket's whole path must fit in 107 bytes, its name and the lock beside it included.
LONGEST_SOCKET_FOLDER = 85


@dataclass(frozen=True)
class Place:
    """The paths of one cluster; nothing here touches the disk."""

    data: Path

    @property
    def cluster(self) -> Path:
        return self.data / "postgres"

    @property
    def settings(self) -> Path:
        return self.data / "postgresql.conf"

    @property
    def access(self) -> Path:
        return self.data / "pg_hba.conf"

    @property
    def users(self) -> Path:
        return self.data / "pg_ident.conf"

    @property
    def log(self) -> Path:
        return self.data / "postgres.log"

    @property
    def socket_folder(self) -> Path:
        """The cluster's own folder, or one in /tmp where its path cannot be a socket's."""
        # libpq takes a comma for the end of a host's name.
        if len(os.fsencode(self.cluster)) <= LONGEST_SOCKET_FOLDER and "," not in str(self.data):
            return self.cluster
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        # Always the same folder, whatever TMPDIR is: every process must find the same socket.
        return Path("/tmp") / f"eventfeed-{digest}"  # noqa: S108

    @property
    def socket(self) -> Path:
        return self.socket_folder / f".s.PGSQL.{PORT}"
