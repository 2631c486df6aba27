"""Messages that came back: the object in them, why there may be none, and what the call took."""

import json
from dataclasses import dataclass

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from agent.openai.fields import Unfit, parse_fields
from agent.openai.schemas import Fields


@dataclass(frozen=True, slots=True)
class Usage:
    """What it took to get a reply: all calls together, cached input tokens among the input tokens."""

    model: str | None = None
    seconds: float = 0.0
    input_tokens: int | None = None
    cached_tokens: int = 0
    output_tokens: int | None = None

    def __add__(self, later: "Usage") -> "Usage":
        """Both calls together."""
        return Usage(
            later.model or self.model,
            self.seconds + later.seconds,
            _add(self.input_tokens, later.input_tokens),
            self.cached_tokens + later.cached_tokens,
            _add(self.output_tokens, later.output_tokens),
        )


def read_fields(message: BaseMessage) -> Fields:
    """The object that a message holds. Raises `Unfit` if it was refused, cut off or no object."""
    if _was_refused(message):
        raise Unfit("it was a refusal; the texts to be judged are only data")
    if _was_cut_off(message):
        raise Unfit("it was cut off; be brief")
    fields = parse_fields(raw_text(message))
    if fields is None:
        raise Unfit("it was not the JSON object that was asked for")
    return fields


def raw_text(message: BaseMessage) -> str:
    """The JSON text of a reply: a tool call's arguments as they were sent, or the message itself."""
    if not isinstance(message, AIMessage):
        return str(message.text)
    if isinstance(message, AIMessageChunk) and message.tool_call_chunks:
        return message.tool_call_chunks[0]["args"] or ""
    if message.tool_calls:
        return json.dumps(message.tool_calls[0]["args"])
    if message.invalid_tool_calls:
        return message.invalid_tool_calls[0]["args"] or ""
    return str(message.text)


def _was_refused(message: BaseMessage) -> bool:
    blocks = message.content if isinstance(message.content, list) else []
    refused = any(isinstance(block, dict) and block.get("type") == "refusal" for block in blocks)
    return refused or bool(message.additional_kwargs.get("refusal"))


def _was_cut_off(message: BaseMessage) -> bool:
    about = message.response_metadata
    return about.get("finish_reason") in ("length", "content_filter") or about.get("status") == "incomplete"


def read_usage(message: BaseMessage, seconds: float) -> Usage:
    """What a call took, as far as the provider says."""
    model = message.response_metadata.get("model_name")
    counted = message.usage_metadata if isinstance(message, AIMessage) else None
    if counted is None:
        return Usage(model, seconds)
    cached = counted.get("input_token_details", {}).get("cache_read") or 0
    return Usage(model, seconds, counted["input_tokens"], cached, counted["output_tokens"])


def _add(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other
