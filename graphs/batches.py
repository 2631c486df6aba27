"""Work for one thread, done in batches: what comes while the thread is busy is dealt with together."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Batches(Generic[Item, Outcome]):
    """Calls `act` in a thread of its own with all that waits, in the order it came.

    `act` gives for each item what it came to, or the exception that whoever waits for it gets.
    """

    def __init__(self, name: str, act: Callable[[list[Item]], list[Outcome | Exception]]) -> None:
        self._act = act
        self._thread = ThreadPoolExecutor(1, name)
        self._waiting: list[tuple[Item, asyncio.Future[Outcome]]] = []
        self._working: asyncio.Task[None] | None = None

    def add(self, item: Item) -> "asyncio.Future[Outcome]":
        """Have an item dealt with; the future tells what it came to."""
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return done

    async def close(self) -> None:
        """Deal with what waits, and end the thread."""
        if self._working is not None:
            await self._working
        self._thread.shutdown()

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            items = [item for item, _ in batch]
            outcomes = await asyncio.get_running_loop().run_in_executor(self._thread, self._act, items)
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                if done.cancelled():
                    continue
                if isinstance(outcome, Exception):
                    done.set_exception(outcome)
                else:
                    done.set_result(outcome)
        self._working = None
