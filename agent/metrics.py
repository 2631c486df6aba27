"""What is counted of language models, for Prometheus, and how long a piece of work waited for them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from prometheus_client import Counter, Histogram

CALLS = Counter(
    "interviewer_model_calls",
    "Calls of a language model: answered, unusable (a reply that could not be read), failed, cancelled "
    "(nobody waited any more), or withheld (not made, since the provider had failed too often of late).",
    ["model", "purpose", "outcome"],
)
SECONDS = Histogram(
    "interviewer_model_seconds",
    "Seconds that a call of a language model took, its repetitions included.",
    ["model", "purpose"],
    buckets=(0.1, 0.2, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 40, 60),
)
TOKENS = Counter(
    "interviewer_model_tokens",
    "Tokens as the provider counts them; cached ones are input, too, and counted in both.",
    ["model", "kind"],
)
COST = Counter("interviewer_model_cost_dollars", "What models of a known price cost, in dollars.", ["model"])
RETRIES = Counter(
    "interviewer_model_retries",
    "Requests to a language model that repeat one, since it failed or its reply was of no use.",
)


class Waited:
    """How long a piece of work waited for models, in seconds; calls at the same time count once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._open = 0
        self._since = 0.0

    def begin(self) -> None:
        """A call begins."""
        if not self._open:
            self._since = time.perf_counter()
        self._open += 1

    def end(self) -> None:
        """A call has ended."""
        self._open -= 1
        if not self._open:
            self.seconds += time.perf_counter() - self._since


_waited: ContextVar[Waited | None] = ContextVar("waited", default=None)


@contextmanager
def measure_waiting() -> Iterator[Waited]:
    """How long what is done inside waits for models, tasks that begin inside too."""
    waited = Waited()
    token = _waited.set(waited)
    try:
        yield waited
    finally:
        _waited.reset(token)


@contextmanager
def waiting_for_model() -> Iterator[None]:
    """Count the time inside as spent on waiting for a model."""
    waited = _waited.get()
    if waited is None:
        yield
        return
    waited.begin()
    try:
        yield
    finally:
        waited.end()
