"""Who may work on what: one turn at a time per interview, one server per SQLite file."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from graphs.errors import StoreRefused


class Locks:
    """Named locks of this process; a lock lives only while somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Wait for the named lock and hold it, first come first served."""
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            _, users = self._locks[name]
            if users == 1:
                del self._locks[name]
            else:
                self._locks[name] = (lock, users - 1)


@contextmanager
def reserve_file(database: Path) -> Iterator[None]:
    """Make this process the one server of a SQLite file; the operating system's lock dies with its holder.

    Raises `StoreRefused` while another server holds it.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(database.name + ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreRefused(
                f"another server already uses {database}: events and limits live in one process. Stop it, "
                "or set INTERVIEWER_DATABASE_URL to another file"
            ) from None
        yield
