"""How long the client may still have to wait: one limit over everything that is done for one request."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

_ends_at: ContextVar[float] = ContextVar("ends_at", default=inf)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Give what begins inside, tasks too, so many seconds, or what an outer limit leaves if that is less."""
    token = _ends_at.set(time.monotonic() + min(seconds, seconds_left()))
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left() -> float:
    """The seconds until the limit, infinite if there is none and never below 0."""
    return max(_ends_at.get() - time.monotonic(), 0.0)
