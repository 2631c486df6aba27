"""Calls to a language model: a prompt and a shape go out, and fields come back while the client waits."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import httpx2
import structlog
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from openai import DefaultAioHttpClient
from pydantic import SecretStr

from agent.deadline import seconds_left, time_limit
from agent.engine import FeedbackWriter
from agent.errors import EngineFailed
from agent.metrics import RETRIES
from agent.openai.breaker import SLOW, Breaker
from agent.openai.calls import count_withheld, observe_call
from agent.openai.chat import DirectChat
from agent.openai.faults import describe_fault, may_refuse_shape
from agent.openai.fields import Unfit, read_feedback_so_far
from agent.openai.messages import Usage, raw_text, read_fields, read_usage
from agent.openai.schemas import Fields, Schema
from agent.seats import away_from_seat
from agent.settings import Settings
from prompts import Rendered

T = TypeVar("T")
Options = dict[str, Any]

OPENAI_URL = "https://api.openai.com/v1"
SDK_RETRIES = 2
CONNECT_SECONDS = 5.0
SHARE_OF_A_TRY = 0.8  # of the whole time limit, so that a call that hangs can be made once more
SHARE_OF_A_PROBE = 0.1  # of the whole time limit, which a request waits for a probe
FAIR_SHARE = 0.25  # of the whole time limit; who got less cannot say that the provider hangs
KEEP_ALIVE_SECONDS = 60.0
MOST_CONNECTIONS = 400

log = structlog.get_logger()


class ModelClient:
    """One model at one endpoint, over one pool of connections that are kept alive."""

    def __init__(self, model: str, settings: Settings) -> None:
        self._seconds = settings.model_timeout_seconds
        self._breaker = Breaker()
        self._probes: set[asyncio.Task[tuple[Fields, Usage]]] = set()
        self._knows_schemas: bool | None = None  # until the endpoint has shown it
        limits = httpx2.Limits(
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
        )
        timeout = httpx2.Timeout(self._seconds * SHARE_OF_A_TRY, connect=min(CONNECT_SECONDS, self._seconds))
        hooks: Options = {"request": [_count_repetition], "response": [_refuse_long_wait]}
        self._http = DefaultAioHttpClient(
            limits=limits, timeout=timeout, event_hooks=hooks, follow_redirects=True
        )
        options: Options = (
            {"reasoning_effort": settings.reasoning_effort} if settings.reasoning_effort else {}
        )
        self._model = DirectChat(
            model=model,
            api_key=settings.openai_api_key or SecretStr("none"),  # local endpoints need no key
            base_url=settings.openai_base_url or OPENAI_URL,  # or the SDK would take even an empty variable
            http_async_client=self._http,
            timeout=timeout,
            max_retries=SDK_RETRIES,
            stream_usage=True,
            stream_chunk_timeout=None,  # the time limit is over the whole call
            **options,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(
        self,
        prompt: Rendered,
        schema: Schema,
        read: Callable[[Fields], T],
        write: FeedbackWriter | None = None,
    ) -> tuple[T, Usage]:
        """What `read` makes of the reply, which is asked for once more if that raises `Unfit`.

        In the first try, text of the field `feedback` goes to `write` as it arrives. Raises `EngineFailed`.
        """
        first = Usage()
        with time_limit(self._seconds):
            try:
                fields, first = await self._call(prompt, schema, write)
                return read(fields), first
            except Unfit as unfit:
                if not unfit.again:
                    raise
                log.info("model_asked_again", prompt=prompt.id, reason=unfit.note)
                RETRIES.inc()
                again = (
                    f"\n\nYour last reply could not be used, since {unfit.note}. Reply once more, in full."
                )
            fields, second = await self._call(replace(prompt, user=prompt.user + again), schema)
            return read(fields), first + second

    async def _call(
        self, prompt: Rendered, schema: Schema, write: FeedbackWriter | None = None
    ) -> tuple[Fields, Usage]:
        """One call, unless the breaker is open: then a probe when it is due, awaited for a moment only."""
        if not self._breaker.is_open():
            return await self._attempt(prompt, schema, write)
        if self._breaker.may_probe():
            probe = asyncio.create_task(self._attempt(prompt, schema))
            self._probes.add(probe)  # it goes on behind this call, and closes the breaker if it succeeds
            probe.add_done_callback(self._forget_probe)
            await asyncio.wait({probe}, timeout=self._seconds * SHARE_OF_A_PROBE)
            if probe.done():
                return probe.result()
        count_withheld(self._model.model_name, prompt)
        raise EngineFailed("The language model is not answering at the moment. Try again in a few seconds.")

    async def _attempt(
        self, prompt: Rendered, schema: Schema, write: FeedbackWriter | None = None
    ) -> tuple[Fields, Usage]:
        """One call, with the SDK's retries; a reply without an object in it raises `Unfit`."""
        if not seconds_left():
            raise EngineFailed("The language model did not answer in time. Trying again can help.")
        started = time.monotonic()
        messages = [SystemMessage(prompt.system), HumanMessage(prompt.user)]
        with observe_call(self._model.model_name, prompt) as call:
            try:
                async with away_from_seat(at_model=True), asyncio.timeout(seconds_left()):
                    message = await self._send(messages, schema, write)
            except Exception as error:  # noqa: BLE001 - the SDK and what it reads from a broken endpoint fail in many ways
                raise self._note_fault(
                    error, prompt, time.monotonic() - started, streamed=write is not None
                ) from None
            self._breaker.note_success()
            usage = read_usage(message, time.monotonic() - started)
            call.note_reply(usage)
            fields = read_fields(message)
            call.outcome = "answered"
        return fields, usage

    def _forget_probe(self, probe: asyncio.Task[tuple[Fields, Usage]]) -> None:
        self._probes.discard(probe)
        if not probe.cancelled():
            probe.exception()  # whoever waited for it has been told

    async def _send(
        self, messages: list[BaseMessage], schema: Schema, write: FeedbackWriter | None
    ) -> BaseMessage:
        """Send the messages, with the shape as a tool where the endpoint knows no JSON schema."""
        if self._knows_schemas is False:
            return await self._converse(messages, _by_tool(schema), write)
        try:
            message = await self._converse(messages, self._by_schema(schema), write)
        except Exception as error:
            if not may_refuse_shape(error, shape_is_known=self._knows_schemas is True):
                raise
            message = await self._converse(messages, _by_tool(schema), write)
            log.info("model_knows_no_json_schema", model=self._model.model_name)
            self._knows_schemas = False
            return message
        self._knows_schemas = True
        return message

    def _by_schema(self, schema: Schema) -> Options:
        """The shape as the protocol of this model wants it.

        For chat completions it travels in `extra_body`: by its own name the SDK would parse the reply itself,
        which costs more and fails on replies that are still of use.
        """
        shape = {"name": schema.name, "strict": True, "schema": schema.body}
        wanted = {"response_format": {"type": "json_schema", "json_schema": shape}}
        return wanted if self._model.use_responses_api else {"extra_body": wanted}

    async def _converse(
        self, messages: list[BaseMessage], options: Options, write: FeedbackWriter | None
    ) -> BaseMessage:
        if write is None:
            return await self._model.reply(messages, options)
        whole: AIMessageChunk | None = None
        shown = ""
        async for chunk in self._model.astream(messages, **options):
            whole = chunk if whole is None else whole + chunk
            feedback = read_feedback_so_far(raw_text(whole))
            if len(feedback) > len(shown):
                write(feedback[len(shown) :])
                shown = feedback
        if whole is None:
            raise ValueError("the stream was empty")
        return whole

    def _note_fault(
        self, error: Exception, prompt: Rendered, seconds: float, *, streamed: bool
    ) -> EngineFailed:
        """The failure as the engine's callers know it; what the provider said stays out of it and of the log.

        A call that began with little time left and ran out of it says nothing about the provider. A stream
        that breaks off is asked for once more in one piece, since the SDK repeats only what has not begun.
        """
        fault = describe_fault(error)
        if fault.weight < SLOW or seconds > self._seconds * FAIR_SHARE:
            self._breaker.note_failure(fault.weight)
        status = getattr(error, "status_code", None)
        log.warning("model_call_failed", prompt=prompt.id, kind=type(error).__name__, status=status)
        if fault.again or (streamed and fault.retryable):
            return Unfit("it could not be read")
        return EngineFailed(fault.message, retryable=fault.retryable)


def _by_tool(schema: Schema) -> Options:
    function = {"name": schema.name, "description": "Give the reply.", "parameters": schema.body}
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": schema.name}},
    }


async def _count_repetition(request: httpx2.Request) -> None:
    if request.headers.get("x-stainless-retry-count", "0") != "0":  # the SDK's own count
        RETRIES.inc()


async def _refuse_long_wait(response: httpx2.Response) -> None:
    """Keep the SDK from waiting for a provider longer than the client would."""
    try:
        wanted = float(response.headers.get("retry-after", "0"))
    except ValueError:
        return  # a date; the time limit holds all the same
    if wanted >= seconds_left():
        response.headers["x-should-retry"] = "false"
