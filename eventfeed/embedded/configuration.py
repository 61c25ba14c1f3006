"""The settings files of the embedded cluster, written anew at each start."""

import sys
from pathlib import Path

from eventfeed.embedded.account import Account
from eventfeed.embedded.place import PORT, USER, Place

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),  # else PGPORT of the environment counts
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "default_text_search_config": "pg_catalog.simple",
    # Ingest: few, long checkpoints.
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "min_wal_size": "80MB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "gin_pending_list_limit": "4MB",
    # Queries: a solid-state disk, two cores, and no compiling for queries of milliseconds.
    "random_page_cost": "1.1",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "jit": "off",
    "max_parallel_workers": "2",
    # Freshly filled partitions must be analyzed soon: the planner knows nothing of them.
    "autovacuum_naptime": "10s",
    # Idle: no process that only waits.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "update_process_title": "off",
}
if sys.platform == "linux":
    # After a crash it syncs a thousand files one by one otherwise: 2 to 10 s against 0.2 s.
    SETTINGS["recovery_init_sync_method"] = "syncfs"


def write(place: Place, account: Account) -> None:
    """Write the three files; they belong to whoever starts the cluster, not to its account."""
    _write(place.settings, _settings(place))
    _write(place.access, "local all all peer map=eventfeed\n")
    _write(place.users, _user_map(account))


def _settings(place: Place) -> str:
    paths = {
        "hba_file": str(place.access),
        "ident_file": str(place.users),
        # A list of folders: double quotes keep a comma or a space inside one name.
        "unix_socket_directories": '"' + str(place.socket_folder).replace('"', '""') + '"',
    }
    lines = [f"{name} = {_quoted(value)}" for name, value in {**paths, **SETTINGS}.items()]
    return "\n".join(["# Written at each start of Eventfeed; changes here are lost.", *lines, ""])


def _user_map(account: Account) -> str:
    names = sorted({account.name, "root"})
    return "".join(f'eventfeed "{name}" "{USER}"\n' for name in names)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o644)
