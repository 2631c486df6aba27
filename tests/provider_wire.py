"""OpenAI's two protocols as a provider speaks them: chat completions and Responses, whole and streamed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """What the model says instead of fitting values."""

    text: str = ""
    finish: str = "stop"
    refusal: str | None = None


def schema_of(request: Json) -> tuple[str, Json]:
    """The name and the body of the shape that a request asks for."""
    if request.get("tools"):
        tool = request["tools"][0]
        function = tool.get("function", tool)
        return function["name"], function["parameters"]
    shape = request.get("response_format", {}).get("json_schema") or request.get("text", {}).get("format", {})
    return shape.get("name", ""), shape.get("schema", {})


def prompt_of(request: Json) -> tuple[str, str]:
    """The system message and the user message of a request."""
    system, user = request.get("messages") or request["input"]
    return str(system["content"]), str(user["content"])


def _usage(request: Json, said: Said) -> tuple[int, int]:
    """Input and output tokens, at four characters each."""
    return len("".join(prompt_of(request))) // 4, len(said.text) // 4


def complete_chat(request: Json, said: Said) -> Json:
    """A chat completion."""
    message: Json = {"role": "assistant", "content": said.text or None, "refusal": said.refusal}
    finish = said.finish
    if request.get("tools"):
        call = {"name": schema_of(request)[0], "arguments": said.text}
        message |= {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": call}]}
        finish = "tool_calls" if finish == "stop" else finish
    prompt, completion = _usage(request, said)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": f"{request['model']}-2026-01-01",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
    }


def stream_chat(request: Json, said: Said) -> Iterator[Json]:
    """The chunks of a chat completion."""
    whole = complete_chat(request, said)
    frame = {**whole, "object": "chat.completion.chunk", "usage": None}
    by_tool = bool(request.get("tools"))
    for place in range(0, len(said.text), 7):
        piece = said.text[place : place + 7]
        delta: Json = {"role": "assistant", "content": piece}
        if by_tool:
            function = {"name": schema_of(request)[0] if place == 0 else None, "arguments": piece}
            call = {
                "index": 0,
                "id": "call_1" if place == 0 else None,
                "type": "function",
                "function": function,
            }
            delta = {"role": "assistant", "tool_calls": [call]}
        yield {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    finish = whole["choices"][0]["finish_reason"]
    yield {**frame, "choices": [{"index": 0, "delta": {"refusal": said.refusal}, "finish_reason": finish}]}
    if request.get("stream_options", {}).get("include_usage"):
        yield {**frame, "choices": [], "usage": whole["usage"]}


def complete_response(request: Json, said: Said) -> Json:
    """A response of the Responses API."""
    text = {"type": "output_text", "text": said.text, "annotations": []}
    content = {"type": "refusal", "refusal": said.refusal} if said.refusal else text
    message: Json = {"type": "message", "id": "msg_1", "role": "assistant", "content": [content]}
    if request.get("tools"):
        name = schema_of(request)[0]
        message = {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c1",
            "name": name,
            "arguments": said.text,
        }
    prompt, completion = _usage(request, said)
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": int(time.time()),
        "model": f"{request['model']}-2026-01-01",
        "status": "incomplete" if said.finish in reasons else "completed",
        "incomplete_details": {"reason": reasons[said.finish]} if said.finish in reasons else None,
        "error": None,
        "output": [{"status": "completed", **message}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + completion,
        },
    }


def stream_response(request: Json, said: Said) -> Iterator[Json]:
    """The events of a response."""
    whole = complete_response(request, said)
    numbers = count()
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    empty = {"type": "output_text", "text": "", "annotations": []}
    yield {"type": "response.created", "sequence_number": next(numbers), "response": begun}
    yield {
        "type": "response.output_item.added",
        "sequence_number": next(numbers),
        "output_index": 0,
        "item": item,
    }
    yield {"type": "response.content_part.added", "sequence_number": next(numbers), **place, "part": empty}
    for start in range(0, len(said.text), 7):
        delta = {"delta": said.text[start : start + 7], "logprobs": []}
        yield {"type": "response.output_text.delta", "sequence_number": next(numbers), **place, **delta}
    yield {"type": "response.completed", "sequence_number": next(numbers), "response": whole}
