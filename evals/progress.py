"""How far a run has come: a bar on a terminal, and a line now and then where there is none."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 10.0


class Told(Protocol):
    """Hears how many are done, and how many of these failed."""

    def __call__(self, done: int, failed: int) -> None: ...


@contextmanager
def show_progress(what: str, total: int) -> Iterator[Told]:
    """Something to tell how far it has come, shown on standard error."""
    if sys.stderr.isatty():
        yield from _show_bar(what, total)
    else:
        yield _tell_lines(what, total)


def _show_bar(what: str, total: int) -> Iterator[Told]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total, failed="")

        def tell(done: int, failed: int) -> None:
            shown = f"{failed} ungraded" if failed else ""
            progress.update(task, completed=done, failed=shown)

        yield tell


def _tell_lines(what: str, total: int) -> Told:
    last = time.monotonic()

    def tell(done: int, failed: int) -> None:
        nonlocal last
        if done < total and time.monotonic() - last < SECONDS_BETWEEN_LINES:
            return
        last = time.monotonic()
        ungraded = f", {failed} ungraded" if failed else ""
        sys.stderr.write(f"{what}: {done} of {total}{ungraded}\n")
        sys.stderr.flush()

    return tell
