"""Ending tasks, also those that a library keeps from hearing of it."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_SECONDS = 0.1


async def end_tasks(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks, and wait until they have ended; what they fail with is nobody's any more.

    Each is told until it ends: before Python 3.12 `asyncio.wait_for`, with which the Redis client sends,
    forgets a cancellation that comes in the moment in which it is done.
    """
    tasks = tuple(tasks)
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
