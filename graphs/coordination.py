"""Who may work on what: one turn at a time per interview, one server per SQLite file."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from graphs.errors import StoreRefused

if TYPE_CHECKING:
    from graphs.shared_locks import SharedLocks


class Locks:
    """Named locks; a lock lives only while somebody holds it or waits for it."""

    def __init__(self, shared: "SharedLocks | None" = None) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self._shared = shared

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Wait for the named lock and hold it; in this process, who comes first is served first.

        Raises `StoreFailed` if another server holds it for too long, or nobody can tell.
        """
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, users + 1)
        try:
            async with lock:
                if self._shared is None:
                    yield
                else:
                    async with self._shared.hold(name):
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
                f"another server already uses {database}, and one file takes one server. Stop it, or set "
                "INTERVIEWER_DATABASE_URL to another file, or to a postgresql+psycopg:// database, which any "
                "number of servers may share"
            ) from None
        yield
