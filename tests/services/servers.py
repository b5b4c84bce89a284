"""PostgreSQL, MariaDB, Redis and an S3 API, started for tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

#: How long a server may take to start, in seconds: test machines are busy.
_PATIENCE = 90.0


class MissingError(Exception):
    """A server isn't installed; the message says what to install."""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Server(ABC):
    """
    A server in a folder of its own, as a context manager.

    :param folder: where it keeps its files; made, and left to the caller to delete.
    """

    #: The Debian package that brings it.
    package: str
    #: The system's user to run it as when the tests run as root, which it refuses.
    user: str | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @abstractmethod
    def program(cls) -> str | None:
        """Return the path of the server's program; None where it isn't installed."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the server's files."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the command that runs it in the foreground."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers."""

    def __enter__(self) -> Self:
        self.start()
        return self

    @property
    def pid(self) -> int:
        """The process id, once it was started."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if self.program() is None:
            raise MissingError(f"{type(self).__name__} isn't installed: apt-get install {self.package}")
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._as_user is not None:
            shutil.chown(self.folder, self._as_user)
        self.prepare()
        log = (self.folder / "server.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=log,
                user=self._as_user,
                cwd=self.folder,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:  # Ctrl-C too: nothing else would stop it
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run a program as the server's user."""
        return subprocess.run(command, check=check, capture_output=True, user=self._as_user, cwd=self.folder)

    def _wait_until_ready(self) -> None:
        ends = time.monotonic() + _PATIENCE
        while not self.is_ready():
            if self._process is None or self._process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"{type(self).__name__} did not start: {self._log_end()}")
            time.sleep(0.1)

    @property
    def _as_user(self) -> str | None:
        return self.user if os.getuid() == 0 else None

    def _log_end(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-2000:]

    def _listens(self) -> bool:
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


class Postgres(Server):
    package = "postgresql"
    user = "postgres"

    @classmethod
    def program(cls) -> str | None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        return str(found[-1]) if found else shutil.which("postgres")

    def prepare(self) -> None:
        initdb = str(Path(str(self.program())).with_name("initdb"))
        self.run(
            initdb, "-D", str(self.folder / "data"), "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"
        )

    def command(self) -> Sequence[str]:
        options = (
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={self.folder}",
            "-c",
            "fsync=off",
        )
        return (str(self.program()), "-D", str(self.folder / "data"), "-p", str(self.port), *options)

    def is_ready(self) -> bool:
        ready = str(Path(str(self.program())).with_name("pg_isready"))
        return self.run(ready, "-h", "127.0.0.1", "-p", str(self.port), check=False).returncode == 0

    def url(self, scheme: str = "postgres", database: str = "postgres") -> str:
        return f"{scheme}://tests@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> list[str]:
        """Return what a statement prints, a line for each row, with ``|`` between its columns."""
        psql = str(Path(str(self.program())).with_name("psql"))
        done = self.run(psql, "--no-psqlrc", "-Atqc", statement, self.url(database=database))
        return done.stdout.decode().splitlines()


class MariaDb(Server):
    package = "mariadb-server"
    user = "mysql"

    @classmethod
    def program(cls) -> str | None:
        found = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        return found or shutil.which("mysqld", path="/usr/sbin")

    def prepare(self) -> None:
        install = shutil.which("mariadb-install-db") or "mysql_install_db"
        self.run(
            install,
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            "--auth-root-authentication-method=normal",
        )
        (self.folder / "init.sql").write_text(
            "CREATE DATABASE tests CHARACTER SET utf8mb4;\n"
            "CREATE USER 'tests'@'127.0.0.1' IDENTIFIED BY 'tests';\n"
            "GRANT ALL ON tests.* TO 'tests'@'127.0.0.1';\n"
        )

    def command(self) -> Sequence[str]:
        return (
            str(self.program()),
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--socket={self.folder / 'mysql.sock'}",
            f"--pid-file={self.folder / 'mysql.pid'}",
            f"--init-file={self.folder / 'init.sql'}",
            "--innodb-flush-log-at-trx-commit=0",
        )

    def is_ready(self) -> bool:
        client = shutil.which("mariadb") or shutil.which("mysql")
        if client is None:
            return self._listens()
        asked = ("-h127.0.0.1", f"-P{self.port}", "-utests", "-ptests", "-e", "SELECT 1", "tests")
        return self.run(client, "--no-defaults", *asked, check=False).returncode == 0

    def url(self) -> str:
        return f"mysql://tests:tests@127.0.0.1:{self.port}/tests?charset=utf8mb4"


class Redis(Server):
    package = "redis-server"

    @classmethod
    def program(cls) -> str | None:
        return shutil.which("redis-server")

    def prepare(self) -> None:
        pass

    def command(self) -> Sequence[str]:
        return (
            str(self.program()),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        )

    def is_ready(self) -> bool:
        return self._listens()

    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class S3(Server):
    """An S3 API on this machine: moto's server."""

    package = "moto[server] (by pip)"

    @classmethod
    def program(cls) -> str | None:
        found = Path(sys.executable).with_name("moto_server")
        return str(found) if found.exists() else None

    def prepare(self) -> None:
        pass

    def command(self) -> Sequence[str]:
        return (str(self.program()), "-H", "127.0.0.1", "-p", str(self.port))

    def is_ready(self) -> bool:
        return self._listens()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"
