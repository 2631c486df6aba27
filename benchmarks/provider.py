"""A model provider that answers at once, or after a settable time, with OpenAI's chat completions.

It fills any JSON schema with words of a lifelike length. The tests' provider keeps what it was asked and
plays faults; this one is fast, so that what is measured is the service and not its provider.

    python -m benchmarks.provider SECONDS

It prints its address, and takes another number of seconds on each further line of its standard input.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any, cast

import httptools
import uvloop

QUOTE = "a list holds all of its items in memory at once"
LIKED = ("solid", "made", "Well addressed", "none")
LENGTHS = {"question": 150, "feedback": 280, "competency": 30, "low": 110, "middle": 110, "high": 110}
WORDS = "how the work is done and checked, and what follows from it when load and stakes grow; "
WAITS = {"seconds": 0.0}

Json = dict[str, Any]


class Completions(asyncio.Protocol):
    """One connection of a client."""

    numbers = count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Part of a request's body has come."""
        self._body += body

    def on_message_complete(self) -> None:
        """A request is complete."""
        request, self._body = json.loads(self._body), b""
        shape = request["response_format"]["json_schema"]
        text = write_reply(shape["name"], json.dumps(shape["schema"]))(next(self.numbers))
        reply = encode_reply(request["model"], text)
        asyncio.get_running_loop().call_later(WAITS["seconds"], self._send, reply)

    def _send(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)


def encode_reply(model: str, text: str) -> bytes:
    """A chat completion as it goes over the wire."""
    body = json.dumps({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": f"{model}-2026-01-01",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 250, "total_tokens": 1150},
    }).encode()  # fmt: skip
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


@cache
def write_reply(name: str, schema: str) -> Callable[[int], str]:
    """Writes replies that fit a schema; the number given keeps their texts apart."""
    written = json.dumps(fit(json.loads(schema), name))
    return lambda number: written.replace("#", str(number))


def fit(schema: Json, name: str) -> object:
    """A value that fits a schema, which is of a field of this name."""
    match schema.get("type"):
        case "object":
            return {field: fit(part, field) for field, part in schema["properties"].items()}
        case "array":
            return [fit(schema["items"], name) for _ in range(schema.get("minItems", 2))]
        case "integer":
            return 7
        case "boolean":
            return False
    if "enum" in schema:
        return next((value for value in LIKED if value in schema["enum"]), schema["enum"][0])
    if name in ("quote", "evidence"):
        return QUOTE
    return f"{name} # says " + (WORDS * 9)[: LENGTHS.get(name, 70)]


async def serve(seconds: float) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    WAITS["seconds"] = seconds
    server = await loop.create_server(Completions, "127.0.0.1", 0, backlog=1000)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)  # noqa: T201 - told to whoever starts it
    while line := await asyncio.to_thread(sys.stdin.readline):
        WAITS["seconds"] = float(line)
        print("changed", flush=True)  # noqa: T201 - so that the change can be waited for


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))
