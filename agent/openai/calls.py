"""Each call of a model as it is counted and traced, by the names that the settings and the prompts give."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from agent.metrics import CALLS, COST, SECONDS, TOKENS, waiting_for_model
from agent.openai.messages import Usage
from agent.openai.prices import price_call
from agent.telemetry import Span, span
from prompts import Rendered


class Call:
    """A call that has failed unless somebody says otherwise."""

    def __init__(self, model: str, told: Span) -> None:
        self.outcome: Literal["answered", "unusable", "failed", "cancelled"] = "failed"
        self._model = model
        self._told = told

    def note_reply(self, usage: Usage) -> None:
        """A reply has come, which costs what it costs, and is unusable unless somebody says otherwise."""
        self.outcome = "unusable"
        given, written = usage.input_tokens or 0, usage.output_tokens or 0
        for kind, tokens in (("input", given), ("cached", usage.cached_tokens), ("output", written)):
            TOKENS.labels(self._model, kind).inc(tokens)
        for name in (usage.model or self._model, self._model):
            cost = price_call(name, given, usage.cached_tokens, written)
            if cost is not None:
                COST.labels(self._model).inc(cost)
                break
        self._told.add("gen_ai.usage.input_tokens", given)
        self._told.add("gen_ai.usage.output_tokens", written)


@contextmanager
def observe_call(model: str, prompt: Rendered) -> Iterator[Call]:
    """Count what is done inside as one call."""
    purpose, began = _purpose(prompt), time.perf_counter()
    facts = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, "interviewer.prompt": prompt.id}
    with span(f"chat {model}", facts) as told, waiting_for_model():
        call = Call(model, told)
        try:
            yield call
        except asyncio.CancelledError:  # nobody waits for it any more, which says nothing about the model
            call.outcome = "cancelled"
            raise
        finally:
            CALLS.labels(model, purpose, call.outcome).inc()
            SECONDS.labels(model, purpose).observe(time.perf_counter() - began)


def count_withheld(model: str, prompt: Rendered) -> None:
    """Count a call that was not made."""
    CALLS.labels(model, _purpose(prompt), "withheld").inc()


def _purpose(prompt: Rendered) -> str:
    return prompt.id.partition("@")[0]
