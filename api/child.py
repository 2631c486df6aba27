"""A server of our own for as long as a command runs, however that ends."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import IO, NoReturn

STOP_SECONDS = 10


@contextmanager
def start_server(environment: Mapping[str, str]) -> Iterator[str]:
    """The address of a server on a free port, which ends with the context.

    Raises `OSError` with the server's own words if it does not start.
    """
    command = [sys.executable, "-P", "-m", "api.child", "serve", "--host", "127.0.0.1", "--port", "0"]
    with (
        tempfile.TemporaryFile("w+") as log,
        _end_orderly(),
        subprocess.Popen(  # noqa: S603 - this very program
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as server,
    ):
        try:
            yield _read_address(server, log)
        finally:
            _stop(server)


def _read_address(server: subprocess.Popen[str], log: IO[str]) -> str:
    assert server.stdout is not None  # noqa: S101 - it is a pipe
    for line in server.stdout:
        _, found, rest = line.partition("serving on ")
        if found:
            return rest.split()[0]
    server.wait()
    log.seek(0)
    words = log.read().strip().rpartition("\n")[2].removeprefix("interviewer: ")
    raise OSError(words or f"the server ended with status {server.returncode} and said nothing")


def _stop(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


@contextmanager
def _end_orderly() -> Iterator[None]:
    """Let a termination unwind the context instead of leaving the server behind."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end_with_parent() -> None:
    """Stop once the parent, which holds the other end of standard input, is gone without a word."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    from api.cli import main

    threading.Thread(target=_end_with_parent, daemon=True).start()
    main()
