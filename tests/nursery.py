"""Servers that start in an instant, since they are forked from a process that has loaded the program.

Nearly all of a command's start are imports. Where a test kills a server a hundred times, this process pays
for them once. A forked server is the real one in a process of its own; a kill is `kill -9`.
"""

import functools
import importlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self
from unittest import mock

from serving import Server, clean_environment, find_free_port

Json = dict[str, Any]
SLOW = [  # to load
    "api.server",
    "agent.openai.engine",
    "api.shared_limits",
    "graphs.postgres",
    "graphs.relay",
    "graphs.shared_locks",
]


class Nursery:
    """The process that servers are forked from."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._one_at_a_time = threading.Lock()

    def ask(self, **request: object) -> Json:
        """What the process replies to a request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            reply: Json = json.loads(self._process.stdout.readline())
            return reply

    def close(self) -> None:
        """End the process; its servers have ended before."""
        self._process.communicate()


@dataclass
class ForkedServer(Server):
    """A server of the nursery. With `dies_before`, it is killed just before that commit."""

    nursery: Nursery | None = None
    dies_before: int | None = None
    pid: int = 0

    def start(self) -> Self:
        """Start, and wait until it serves, or until it was killed if it is to die."""
        assert self.nursery is not None
        self.port = self.port or find_free_port()
        settings = self.settings | {"INTERVIEWER_PORT": str(self.port)}
        started = self.nursery.ask(
            do="start", folder=str(self.folder), settings=settings, dies_before=self.dies_before
        )
        self.pid = started["pid"]
        assert "serving" in started["welcome"] or self.dies_before is not None, self.log
        return self

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    @property
    def memory(self) -> int:
        """The memory that is resident, in kB; 0 where the system does not tell."""
        status = Path(f"/proc/{self.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)

    def _end(self, how: str) -> int:
        if not self.pid:
            return 0
        assert self.nursery is not None
        self.send(signal.SIGKILL if how == "kill" else signal.SIGTERM)
        status = int(self.nursery.ask(do="wait", pid=self.pid)["status"])
        self.pid = 0
        return status


@contextmanager
def nursing() -> Iterator[Nursery]:
    """A nursery, for as long as the context lasts."""
    nursery = Nursery()
    try:
        yield nursery
    finally:
        nursery.close()


def copy_database(folder: Path, target: Path) -> Path:
    """The database as a crash left it, with what SQLite keeps beside it."""
    target.mkdir(exist_ok=True)
    for path in target.iterdir():
        path.unlink()
    for path in (folder / "data").glob("interviewer.db*"):
        shutil.copy(path, target)
    return target / "interviewer.db"


def _serve_requests() -> None:
    """Fork and wait as told on standard input."""
    for module in SLOW:
        importlib.import_module(module)
    from agent.engines import load_engine

    load_engine("offline")
    for line in sys.stdin:
        request = json.loads(line)
        reply = _fork(request) if request["do"] == "start" else _wait(request["pid"])
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


def _fork(request: Json) -> Json:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _become_server(request, writing)
    os.close(writing)
    with os.fdopen(reading) as stdout:
        return {"pid": pid, "welcome": stdout.readline()}


def _wait(pid: int) -> Json:
    return {"status": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}


def _become_server(request: Json, stdout: int) -> None:
    """Serve as the command does; what the nursery had open and read is not the server's."""
    from agent.settings import load_settings
    from api.server import serve

    status = 1
    try:
        os.chdir(request["folder"])
        log = os.open("server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (stdout, 1), (log, 2)):
            os.dup2(source, target)
            os.close(source)
        os.environ.update(request["settings"])
        load_settings.cache_clear()
        if request["dies_before"] is not None:
            _die_before(request["dies_before"])
        serve(load_settings())
        status = 0
    except BaseException:  # noqa: BLE001 - this process must not go on as a second nursery
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _die_before(commit: int) -> None:
    """Be killed just before this commit, counted from 1; what is told too early has the time to get out."""
    begun = count(1)

    class DyingConnection(sqlite3.Connection):
        written = 0

        def commit(self) -> None:
            if self.total_changes > self.written:
                self.written = self.total_changes
                if next(begun) == commit:
                    time.sleep(0.05)
                    os.kill(os.getpid(), signal.SIGKILL)
            super().commit()

    connect = functools.partial(sqlite3.connect, factory=DyingConnection)
    for module in (sqlite3, sqlite3.dbapi2):  # SQLAlchemy takes the second
        mock.patch.object(module, "connect", connect).start()


if __name__ == "__main__":
    _serve_requests()
