"""A circuit breaker (Nygard, Release It!): it keeps a dead provider from holding every request."""

import time
from collections.abc import Callable

OPENS_AT = 10
PROBE_SECONDS = 2.0
QUICK, SLOW = 1, 5


class Breaker:
    """Counts failures since the last success, and is open from `OPENS_AT` on; one success closes it.

    A failure weighs `QUICK` if the provider said no and `SLOW` if it kept the caller waiting, so two calls
    that hang are enough. While it is open, a probe may start at once and then every `PROBE_SECONDS`, whether
    or not the one before has come back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._weight = 0
        self._next_probe = 0.0

    def is_open(self) -> bool:
        """Whether only probes may be made."""
        return self._weight >= OPENS_AT

    def may_probe(self) -> bool:
        """Whether a probe is due; the one who is told so makes it."""
        now = self._clock()
        if now < self._next_probe:
            return False
        self._next_probe = now + PROBE_SECONDS
        return True

    def note_success(self) -> None:
        """The provider answered."""
        self._weight = 0
        self._next_probe = 0.0

    def note_failure(self, weight: int) -> None:
        """The provider did not answer, at the cost of `QUICK` or `SLOW`."""
        self._weight += weight
