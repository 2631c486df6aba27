"""A PostgreSQL and a Redis of the tests' own, which can be stopped, paused and started again."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psycopg
import pytest
import redis
from serving import find_free_port

DEADLINE = 30.0


def find_program(name: str) -> str:
    """Where a program of PostgreSQL or Redis lies; a test that needs one is skipped where it is missing."""
    folders = [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *folders]))
    if found is None:
        assert os.environ.get("CI") != "true", f"{name} is missing"
        pytest.skip(f"{name} is not installed")
    return found


def wait_until(holds: Callable[[], bool], fact: str) -> None:
    """Wait until something holds, for as long as is sensible."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, fact
        time.sleep(0.02)


@dataclass
class Postgres:
    """A PostgreSQL server on a free port, with one database per test."""

    folder: Path
    port: int = field(default_factory=find_free_port)

    def create(self) -> Self:
        """Make its files, and start it. PostgreSQL refuses to run as root."""
        self._command = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._command:
            shutil.chown(self.folder, "postgres")
        self._run(find_program("initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "--no-sync")
        return self.start()

    @property
    def data(self) -> Path:
        """Where its files are."""
        return self.folder / "data"

    def start(self) -> Self:
        """Start it, and wait until it takes connections."""
        options = f"-p {self.port} -k {self.folder} -c fsync=off -c listen_addresses=127.0.0.1"
        log = str(self.folder / "log")
        self._run(find_program("pg_ctl"), "-D", str(self.data), "-w", "-l", log, "-o", options, "start")
        return self

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._run(find_program("pg_ctl"), "-D", str(self.data), "-w", "-m", "immediate", "stop")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It and all its sessions do nothing while the context lasts."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True, check=True
        )
        processes = [first, *map(int, listed.stdout.split())]
        _signal(processes, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(processes, signal.SIGCONT)

    def create_database(self, name: str) -> str:
        """A new database's URL, as the program wants it."""
        address = f"postgres@127.0.0.1:{self.port}"
        with psycopg.connect(f"postgresql://{address}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"postgresql+psycopg://{address}/{name}"

    def _run(self, *words: str) -> None:
        with (self.folder / "commands").open("a") as log:
            subprocess.run([*self._command, *words], check=True, stdout=log, stderr=log, cwd="/")


@dataclass
class RedisServer:
    """A Redis server on a free port, which keeps nothing."""

    port: int = field(default_factory=find_free_port)

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [find_program("redis-server"), *words], stdout=subprocess.DEVNULL, cwd="/"
        )
        with redis.Redis(port=self.port) as client:
            wait_until(lambda: _answers(client), "Redis did not start")
        return self

    def stop(self) -> None:
        """End it, with all that it knew."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It does nothing while the context lasts."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def _signal(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue
