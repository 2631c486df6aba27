"""The command line, run as a user runs it."""

import codecs
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from serving import clean_environment

HEED_INTERRUPTS = """\
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def run_interviewer(
    folder: Path, *arguments: str, answers: str = "", seconds: float = 180, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """What a command did that ran in a folder, with the answers as its standard input."""
    return subprocess.run(
        [Path(sys.executable).with_name("interviewer"), *arguments],
        cwd=folder,
        env=clean_environment() | settings,
        input=answers,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def heeding_interrupts(*command: str | Path) -> list[str | Path]:
    """The command as one that heeds an interrupt even if the tests, as a shell's background job, do not."""
    return [sys.executable, "-c", HEED_INTERRUPTS, *command]


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            heeding_interrupts(Path(sys.executable).with_name("interviewer"), *arguments),
            cwd=folder,
            env=clean_environment() | {"TERM": "xterm-256color", "COLUMNS": "100"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._screen, self._seen = "", 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def type(self, after: str, line: str) -> None:
        """Type a line once the screen shows a pattern."""
        self.expect(after)
        os.write(self._master, line.encode() + b"\n")

    def expect(self, pattern: str, seconds: float = 30) -> None:
        """Wait until something new on the screen matches."""
        until = time.monotonic() + seconds
        while not (found := re.search(pattern, self._screen[self._seen :])):
            assert time.monotonic() < until, f"no {pattern!r} in {self._screen!r}"
            assert self._read(), f"it ended without {pattern!r}: {self._screen!r}"
        self._seen += found.end()

    def interrupt(self, expected: str) -> None:
        """Interrupt until something new on the screen matches.

        Once may not do: readline misses a signal that comes between its prompt and its waiting.
        """
        for _ in range(6):
            self.process.send_signal(signal.SIGINT)
            with suppress(AssertionError):
                self.expect(expected, seconds=5)
                return
        raise AssertionError(f"no {expected!r} in {self._screen!r}")

    def finish(self, seconds: float = 60) -> tuple[str, int]:
        """The whole screen and the exit status, once it has ended."""
        until = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < until, f"it goes on: {self._screen!r}"
        return self._screen, self.process.wait(10)

    def _read(self) -> bool:
        """Read what there is; false at the end."""
        if not select.select([self._master], [], [], 1)[0]:
            return True
        try:
            self._screen += self._decoder.decode(os.read(self._master, 65536))
        except OSError:  # how Linux tells that the other side is gone
            return False
        return True
