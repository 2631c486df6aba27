"""The load client: interviews held over connections that are kept alive, for next to no processor time.

`api/client.py` is made for people; here each request costs some 0.1 ms, so that the client's share of the
machine stays small beside the services'. Its share is measured and told with the results.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import httptools

from benchmarks.processes import KEY
from benchmarks.provider import QUOTE

Json = dict[str, Any]

ANSWER = (
    f"I would say that {QUOTE}, while a generator computes each item when it is asked for, because "
    "it keeps nothing but where it stopped. In my last project we read 40 million rows of a log that way, "
    "and memory stayed at 60 MB instead of 9 GB. The price is that it can be read only once and has no "
    "length, so for small data that is used twice I take a list. We found that out when a report came out "
    "empty, since an earlier check had used the generator up; after that we wrote a test for each reader. "
)


class Connection(asyncio.Protocol):
    """An HTTP connection that carries one request at a time."""

    def __init__(self) -> None:
        self._replied: asyncio.Future[bytes] | None = None
        self._body = b""

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """A connection to the server at an address."""
        place = urlsplit(url)
        host, port = place.hostname or "", place.port or 80
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if self._replied is not None and not self._replied.done():
            self._replied.set_exception(ConnectionError(f"the server closed the connection: {exc}"))

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Part of the reply's body has come."""
        self._body += body

    def on_message_complete(self) -> None:
        """The reply is complete."""
        body, self._body = self._body, b""
        if self._replied is not None and not self._replied.done():
            self._replied.set_result(body)

    async def send(self, method: str, path: str, body: Json | None = None) -> Json:
        """The reply to a request. Raises `RuntimeError` if that is no success."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self._replied = asyncio.get_running_loop().create_future()
        self._transport.write(head.encode() + content)
        reply = await self._replied
        if self._parser.get_status_code() >= 300:
            raise RuntimeError(f"{method} {path}: {reply.decode()}")
        return dict(json.loads(reply))

    def close(self) -> None:
        """Close it."""
        self._transport.close()


class Talk(Protocol):
    """An interview over a connection, with whichever service."""

    async def begin(self, connection: Connection) -> None:
        """Create it, and wait for its first question."""

    async def answer(self, connection: Connection) -> bool:
        """Answer the open question; false if the interview is over."""


@dataclass
class OurTalk:
    """An interview with our service."""

    minutes: int = 240  # 48 main questions, so that no talk ends while it is measured
    id: str = ""
    question: str = ""

    async def begin(self, connection: Connection) -> None:
        """Create it, and wait for its first question."""
        body: Json = {"job_role": "Python Developer", "skills": ["Python", "SQL"], "duration": self.minutes}
        created = await connection.send("POST", "/api/v1/interviews", body)
        self.id = created["data"]["interview_id"]
        self.question = (await self.read(connection))["current_question"]["id"]

    async def read(self, connection: Connection) -> Json:
        """The interview as it stands."""
        return dict((await connection.send("GET", f"/api/v1/interviews/{self.id}"))["data"])

    async def answer(self, connection: Connection) -> bool:
        """Answer the open question; false if the interview is over."""
        body: Json = {"question_id": self.question, "answer": f"{ANSWER}{self.question} of {self.id}"}
        reply = await connection.send("POST", f"/api/v1/interviews/{self.id}/answers", body)
        following = reply["data"]["next_question"]
        self.question = following["id"] if following else ""
        return following is not None


@dataclass
class PlainTalk:
    """An interview with the plain service."""

    id: str = ""

    async def begin(self, connection: Connection) -> None:
        """Create it, with its first question."""
        created = await connection.send("POST", "/interviews", {"job_role": "Python Developer"})
        self.id = created["interview_id"]

    async def answer(self, connection: Connection) -> bool:
        """Answer the open question."""
        body: Json = {"answer": f"{ANSWER}of {self.id}"}
        await connection.send("POST", f"/interviews/{self.id}/answers", body)
        return True


@dataclass
class Load:
    """What a load came to: seconds each act took, seconds in all, and processor time of this client."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    client_cpu: float = 0.0

    @property
    def per_second(self) -> float:
        """Acts per second."""
        return len(self.latencies) / self.seconds


async def hold_talks(url: str, make_talk: Callable[[], Talk], at_once: int, turns: int) -> Load:
    """So many talks at a time, each over a connection of its own, of so many answers each."""
    load = Load()

    async def hold(connection: Connection, talk: Talk) -> None:
        for _ in range(turns):
            began = time.perf_counter()
            if not await talk.answer(connection):
                return
            load.latencies.append(time.perf_counter() - began)

    connections = [await Connection.open(url) for _ in range(at_once)]
    talks = [make_talk() for _ in range(at_once)]
    await asyncio.gather(*(talk.begin(each) for talk, each in zip(talks, connections, strict=True)))
    await measure(load, *(hold(each, talk) for talk, each in zip(talks, connections, strict=True)))
    for each in connections:
        each.close()
    return load


async def measure(load: Load, *works: Awaitable[None]) -> None:
    """Do the works at once, and note how long that took in all."""
    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*works)
    load.seconds += time.perf_counter() - began
    load.client_cpu += time.process_time() - used
