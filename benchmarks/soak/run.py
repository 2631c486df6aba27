"""The run: a server on each engine, the traffic, what hurts them meanwhile, and the reckoning."""

import asyncio
import sqlite3
import time
from collections import Counter
from contextlib import AsyncExitStack, closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import httpx
from candidates import mark_in, mark_of, open_http
from nursery import ForkedServer, copy_database, nursing
from provider import (
    BROKEN,
    BUSY,
    EMPTY_CHOICES,
    HTML,
    INVALID_JSON,
    REFUSAL,
    Answer,
    Canned,
    Provider,
    serving,
)
from provider_wire import schema_of
from serving import KEY

from benchmarks.soak.traffic import Attendance, Tally

ENGINES = ("offline", "openai:soak")
FAULTS: list[Answer] = [BROKEN, BUSY, HTML, INVALID_JSON, EMPTY_CHOICES, REFUSAL, Canned(status=0, hangs=3)]


class Soak:
    """One run. A seed fixes what is tried and when; how it then falls out is the machine's."""

    def __init__(self, random: Random, clients: int) -> None:
        self._random = random
        self._clients = clients
        self._provider = Provider(latency=0.02)
        self._tally = Tally()
        self._calls: Counter[str | None] = Counter()  # for evaluations, by the answer's mark
        self._graded: dict[str, int] = {}  # the calls for each answer when its grade was found on disk

    async def run(self, seconds: float) -> Tally:
        """The figures and the violations of so many seconds of traffic."""
        async with AsyncExitStack() as stack:
            nursery = await asyncio.to_thread(stack.enter_context, nursing())
            stack.enter_context(serving(self._provider))
            servers = []
            for engine in ENGINES:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="soak-")))
                servers.append(server := ForkedServer(folder, self._settings(engine), nursery=nursery))
                stack.callback(server.kill)
                await asyncio.to_thread(server.start)
            self._tally.until = time.monotonic() + seconds
            works = [self._hurt_provider()]
            for server in servers:
                works.append(self._hurt(server))
                http = await stack.enter_async_context(open_http(server))
                works += [self._attend(server, http) for _ in range(self._clients // len(servers))]
            for outcome in await asyncio.gather(*works, return_exceptions=True):
                self._tally.expect(outcome is None, f"the soak itself failed: {outcome!r}")
            for server in servers:
                await asyncio.to_thread(self._sum_up, server)
        return self._tally

    def _settings(self, engine: str) -> dict[str, str]:
        return {
            "INTERVIEWER_API_KEYS": KEY,
            "INTERVIEWER_RATE_LIMIT": "10000000/minute",
            "INTERVIEWER_WS_CONNECTIONS": "10000",
            "INTERVIEWER_MODEL": engine,
            "INTERVIEWER_MODEL_TIMEOUT_SECONDS": "5",
            "INTERVIEWER_LOG_LEVEL": "warning",
            "OPENAI_BASE_URL": self._provider.url,
        }

    async def _attend(self, server: ForkedServer, http: httpx.AsyncClient) -> None:
        """Hold one interview after the other, each to its end, until the time is up."""
        random = Random(self._random.randrange(10**9))  # noqa: S311 - nothing secret about it
        while time.monotonic() < self._tally.until:
            await Attendance(self._tally, server, http, random).hold()

    async def _hurt(self, server: ForkedServer) -> None:
        """Kill the server or tell it to stop, look at what it leaves, and start it again."""
        random = Random(self._random.randrange(10**9))  # noqa: S311 - the same
        while time.monotonic() < self._tally.until - 2:
            await asyncio.sleep(random.uniform(0.5, 4))
            self._note_memory(server)
            if random.random() < 0.75:
                await asyncio.to_thread(server.kill)
                self._tally.figures["kill -9"] += 1
            else:
                status = await asyncio.to_thread(server.stop)
                self._tally.figures["SIGTERM"] += 1
                self._tally.expect(status == 0, f"told to stop, a server ended with {status}")
            await asyncio.to_thread(self._inspect, server)
            await asyncio.to_thread(server.start)

    async def _hurt_provider(self) -> None:
        """Let a few of the provider's replies be faults."""
        random = Random(self._random.randrange(10**9))  # noqa: S311 - the same
        while time.monotonic() < self._tally.until - 2:
            await asyncio.sleep(random.uniform(0.2, 2))
            faults = random.choices(FAULTS, k=random.randint(1, 3))
            self._provider.script += faults
            self._tally.figures["faults of the provider"] += len(faults)

    def _inspect(self, server: ForkedServer) -> None:
        """Check what the server left, in a copy, and note which grades are on disk."""
        path = copy_database(server.folder, server.folder / "copy")
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchall()
            graded = connection.execute(
                "SELECT answer FROM turns JOIN evaluations USING (interview_id, number)"
            )
            marks = [mark_in(answer) for (answer,) in graded]
        self._tally.expect(found == [("ok",)], f"integrity_check: {found}")
        self._tally.figures["databases checked"] += 1
        if server.settings["INTERVIEWER_MODEL"] != "offline":
            self._count_calls()
            for mark in marks:
                self._graded.setdefault(mark, self._calls[mark])

    def _count_calls(self) -> None:
        with self._provider.lock:
            asked, self._provider.requests[:] = self._provider.requests[:], []
        graded = [request for request in asked if schema_of(request)[0] == "answer_evaluation"]
        self._calls.update(mark_of(request) for request in graded)

    def _sum_up(self, server: ForkedServer) -> None:
        """Look at a server, its database and its model calls when all is over."""
        engine = server.settings["INTERVIEWER_MODEL"]
        self._note_memory(server)
        self._tally.expect(server.stop() == 0, f"{engine}: the last stop was not clean")
        self._inspect(server)
        self._tally.expect("Traceback" not in server.log, f"{engine}: a traceback: {server.log[-3000:]}")
        self._tally.expect("unexpected_error" not in server.log, f"{engine}: an error: {server.log[-3000:]}")
        if engine != "offline":
            again = [mark for mark, known in self._graded.items() if self._calls[mark] > known]
            self._tally.expect(not again, f"graded again although the grade was on disk: {again}")
            self._tally.figures["evaluations asked of the provider"] = self._calls.total()
            self._tally.figures["of these again (cut off, or a fault)"] = self._calls.total() - len(
                self._calls
            )

    def _note_memory(self, server: ForkedServer) -> None:
        """A server's resident memory: the first and the last that was seen, and the most."""
        engine, now = server.settings["INTERVIEWER_MODEL"].partition(":")[0], server.memory
        figures = self._tally.figures
        figures.setdefault(f"memory at the start, kB, {engine}", now)
        figures[f"memory at the end, kB, {engine}"] = now
        figures[f"memory at most, kB, {engine}"] = max(now, figures[f"memory at most, kB, {engine}"])
