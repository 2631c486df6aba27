"""What is counted of interviews and of their store, for Prometheus."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

from agent.metrics import measure_waiting
from graphs.errors import Refused

Outcome = Literal["graded", "repeated", "refused", "failed"]

TURNS = Counter(
    "interviewer_turns",
    "Answers that were dealt with: graded, repeated (it was before), refused (it did not fit) or failed.",
    ["outcome"],
)
TURNS_IN_FLIGHT = Gauge("interviewer_turns_in_flight", "Answers that are being dealt with.")
TURN_SECONDS = Histogram(
    "interviewer_turn_seconds",
    "Seconds of a graded turn: waiting for the model, where there is one, and the program's own, all else.",
    ["part"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40),
)
INTERVIEWS = Counter("interviewer_interviews", "Interviews that were created, and completed.", ["event"])
STORE_SECONDS = Histogram(
    "interviewer_store_seconds",
    "Seconds until a read came back, or a write was on disk.",
    ["kind"],
    buckets=(0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
STORE_WAITING = Gauge("interviewer_store_waiting", "Writes that are not on disk yet.")
CONNECTIONS = Gauge("interviewer_store_connections_in_use", "Connections of the PostgreSQL pool in use.")

# Bound once: to find a label's child takes as long as to count.
_TURNS = {outcome: TURNS.labels(outcome) for outcome in ("graded", "repeated", "refused", "failed")}
_MODEL, _OWN = TURN_SECONDS.labels("model"), TURN_SECONDS.labels("own")
CREATED, COMPLETED = INTERVIEWS.labels("created"), INTERVIEWS.labels("completed")
READ_SECONDS, WRITE_SECONDS = STORE_SECONDS.labels("read"), STORE_SECONDS.labels("write")


class CountedTurn:
    """A turn that fails unless somebody says otherwise."""

    outcome: Outcome = "failed"


@contextmanager
def count_turn() -> Iterator[CountedTurn]:
    """Count what is done inside as one turn; only those that are graded stand among the seconds."""
    turn, began = CountedTurn(), time.perf_counter()
    with TURNS_IN_FLIGHT.track_inprogress(), measure_waiting() as waited:
        try:
            yield turn
        except Refused:
            turn.outcome = "refused"
            raise
        finally:
            _TURNS[turn.outcome].inc()
            if turn.outcome == "graded":
                _OWN.observe(time.perf_counter() - began - waited.seconds)
                if waited.seconds:
                    _MODEL.observe(waited.seconds)
