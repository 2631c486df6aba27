"""What servers tell each other over Redis: what somebody watches, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from databases import DEADLINE, RedisServer
from redis.asyncio.client import PubSub

from graphs import relay
from graphs.events import EventBus, FeedbackWritten, RecordChanged, Subscription, ThinkingStarted
from graphs.redis_server import RedisServer as Client

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """What the service runs on."""
    return "asyncio"


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of the tests' own."""
    server = RedisServer().start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(relay, "FORGET_SECONDS", 2.0)


@asynccontextmanager
async def serving(server: RedisServer) -> AsyncIterator[EventBus]:
    """The events of one server."""
    client, events = Client(server.url), EventBus()
    relaying = events.relay = relay.RedisRelay(client, events)
    try:
        yield events
    finally:
        await relaying.close()
        await client.close()


def ignore() -> None:
    """What becomes of a watcher who does not read is not looked at here."""


@asynccontextmanager
async def listening(server: RedisServer) -> AsyncIterator[PubSub]:
    """All that is told of interviews, as Redis carries it."""
    client = Client(server.url)
    async with client.client.pubsub(ignore_subscribe_messages=True) as wire:
        await wire.psubscribe(f"{relay.EVENTS}:*")
        yield wire
    await client.close()


async def is_told(wire: PubSub, events: EventBus, interview_id: str) -> bool:
    """Whether a server tells the others of an interview, followed by one that is known to be watched."""
    told = set[str]()
    async with asyncio.timeout(DEADLINE):
        while "watched" not in told:
            for one in (interview_id, "watched"):
                events.publish(one, ThinkingStarted())
            while "watched" not in told and (message := await wire.get_message(timeout=0.5)):
                told.add(message["channel"].decode().rpartition(":")[2])
    return interview_id in told


async def wait_until_told(wire: PubSub, events: EventBus, interview_id: str, *, expected: bool) -> None:
    async with asyncio.timeout(DEADLINE):
        while await is_told(wire, events, interview_id) is not expected:
            pass


async def hear(watching: Subscription) -> object:
    """The next event, whatever was heard of thinking."""
    async with asyncio.timeout(DEADLINE):
        while isinstance(event := await watching.next(), ThinkingStarted):
            pass
    return event


async def test_only_what_others_watch_is_told_them(redis_server: RedisServer) -> None:
    async with serving(redis_server) as here, serving(redis_server) as there, listening(redis_server) as wire:
        with there.subscribe("watched", ignore):
            await wait_until_told(wire, here, "unwatched", expected=False)
            with there.subscribe("late", ignore):
                await wait_until_told(wire, here, "late", expected=True)


async def test_a_server_that_cannot_know_yet_tells_everything(redis_server: RedisServer) -> None:
    async with serving(redis_server) as there, listening(redis_server) as wire:
        with there.subscribe("watched", ignore):
            async with serving(redis_server) as new:
                assert await is_told(wire, new, "unwatched")


async def test_a_late_watcher_is_told_to_read_what_it_may_have_missed(redis_server: RedisServer) -> None:
    async with serving(redis_server) as here, serving(redis_server) as there, listening(redis_server) as wire:
        with there.subscribe("watched", ignore):
            await wait_until_told(wire, here, "unwatched", expected=False)
            with there.subscribe("late", ignore) as watching:
                assert await hear(watching) == RecordChanged()  # since it now listens
                assert await hear(watching) == RecordChanged()  # since the others now know that it does


async def test_a_server_that_is_gone_is_told_nothing_before_long(redis_server: RedisServer) -> None:
    async with serving(redis_server) as here, serving(redis_server) as there, listening(redis_server) as wire:
        with there.subscribe("watched", ignore):
            async with serving(redis_server) as gone:
                gone.subscribe("left", ignore).__enter__()  # killed, it takes nothing back
                await wait_until_told(wire, here, "left", expected=True)
            await wait_until_told(wire, here, "left", expected=False)


async def test_pieces_of_feedback_are_wanted_where_a_socket_elsewhere_asks_for_them(
    redis_server: RedisServer,
) -> None:
    async with serving(redis_server) as here, serving(redis_server) as there:
        with (
            there.subscribe("whole", ignore),
            there.subscribe("pieces", ignore, wants_pieces=True) as watching,
        ):
            async with asyncio.timeout(DEADLINE):
                while not here.wants_pieces("pieces"):  # noqa: ASYNC110 - Redis tells it, and no event of ours
                    await asyncio.sleep(0.02)
            assert not here.wants_pieces("whole")
            piece = FeedbackWritten("q1", "Good")
            here.publish("pieces", piece)
            while await hear(watching) != piece:
                pass
