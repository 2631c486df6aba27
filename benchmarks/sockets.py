"""The load client's sockets: many candidates who each answer now and then."""

import asyncio
import json
import time
from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.load import ANSWER, Connection, Load, OurTalk
from benchmarks.processes import KEY

OPENED_AT_ONCE = 50


async def begin_talks(url: str, count: int) -> list[OurTalk]:
    """So many interviews with their first questions."""
    talks = [OurTalk() for _ in range(count)]
    connections = [await Connection.open(url) for _ in range(OPENED_AT_ONCE)]

    async def begin(connection: Connection, mine: Sequence[OurTalk]) -> None:
        for talk in mine:
            await talk.begin(connection)

    await asyncio.gather(*(begin(each, talks[at::OPENED_AT_ONCE]) for at, each in enumerate(connections)))
    for each in connections:
        each.close()
    return talks


async def open_sockets(url: str, talks: Sequence[OurTalk]) -> list[ClientConnection]:
    """A socket for each interview, with its open question read from it."""
    gate = asyncio.Semaphore(OPENED_AT_ONCE)

    async def open_one(talk: OurTalk) -> ClientConnection:
        async with gate:
            address = f"{url.replace('http', 'ws')}/api/v1/ws/interviews/{talk.id}?token={KEY}"
            socket = await connect(address, compression=None, ping_interval=None, proxy=None)
            await read_question(socket)
            return socket

    return list(await asyncio.gather(*(open_one(talk) for talk in talks)))


async def answer_now_and_then(
    sockets: Sequence[ClientConnection], every: float, times: int, provider: float
) -> Load:
    """An answer on each socket at intervals, evenly spread; the latencies are those beyond the provider's."""
    load = Load()

    async def hold(place: int, socket: ClientConnection) -> None:
        start = time.perf_counter() + every * place / len(sockets)
        for turn in range(times):
            await asyncio.sleep(start + turn * every - time.perf_counter())
            began = time.perf_counter()
            await socket.send(json.dumps({"type": "answer", "data": {"answer": f"{ANSWER}{turn}"}}))
            await read_question(socket)
            load.latencies.append(time.perf_counter() - began - provider)

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(hold(place, socket) for place, socket in enumerate(sockets)))
    load.seconds, load.client_cpu = time.perf_counter() - began, time.process_time() - used
    return load


async def close_sockets(sockets: Sequence[ClientConnection]) -> None:
    """Close them."""
    await asyncio.gather(*(socket.close() for socket in sockets))


async def read_question(socket: ClientConnection) -> None:
    """Read on until the next question has come. Raises `RuntimeError` on an error message."""
    while True:
        message = json.loads(await socket.recv())
        if message["type"] == "question":
            return
        if message["type"] == "error":
            raise RuntimeError(f"the server said {message['data']}")
