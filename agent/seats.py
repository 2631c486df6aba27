"""Who computes: of all that comes back from a model at once, a few at a time, in the order they came.

An event loop gives each of its tasks a little time in turn, so that fifty turns which come back together all
end together, after the time that fifty take, and so come together again. Done a few at a time, they end one
after the other, and from then on seldom meet.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar


class Seats:
    """So many pieces of work go on at a time once they have been to a model."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @contextmanager
    def offer(self) -> Iterator[None]:
        """Give the work inside a seat when it comes back from a model, until it waits again or ends."""
        seat = _Seat(self._free)
        token = _seat.set(seat)
        try:
            yield
        finally:
            seat.leave()
            _seat.reset(token)


class _Seat:
    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._taking = asyncio.Lock()
        self._is_taken = False

    async def take(self) -> None:
        async with self._taking:  # two calls of one turn may come back at once, to one seat
            if not self._is_taken:
                await self._free.acquire()
                self._is_taken = True

    def leave(self) -> bool:
        """Give it back, and tell whether it was taken."""
        was_taken, self._is_taken = self._is_taken, False
        if was_taken:
            self._free.release()
        return was_taken


_seat: ContextVar[_Seat | None] = ContextVar("seat", default=None)


@asynccontextmanager
async def away_from_seat(*, at_model: bool = False) -> AsyncIterator[None]:
    """Wait for something inside, and go on once there is a seat again.

    Work that was offered one has a seat from its first time at a model on.
    """
    seat = _seat.get()
    comes_back = seat is not None and (seat.leave() or at_model)
    try:
        yield
    finally:
        if seat is not None and comes_back:
            await seat.take()
