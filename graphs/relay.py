"""Events between servers, over Redis.

What was recorded is not sent: the others are told that a record has changed, and read it. So whatever is
missed while Redis is away is made up for by one sign of change when it is back.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

import structlog
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from graphs.errors import RedisAway
from graphs.events import (
    Event,
    EventBus,
    FeedbackWritten,
    RecordChanged,
    ThinkingStarted,
    ThinkingStopped,
)
from graphs.redis_server import PREFIX, TRY_AGAIN_SECONDS, RedisServer
from graphs.tasks import end_tasks

MOST_UNSENT = 10_000  # interviews that changed while Redis was away
SILENT_SECONDS = 2.0  # after which Redis is asked whether it is still there
CHANGED: dict[str, Any] = {"changed": True}
ALL = f"{PREFIX}:servers"  # a channel without messages, for a subscription that is never empty

log = structlog.get_logger()


class RedisRelay:
    """Tells other servers what happens here, and the watchers here what happens there."""

    def __init__(self, redis: RedisServer, events: EventBus) -> None:
        self._redis = redis
        self._events = events
        self._name = uuid4().hex
        self._unsent: list[tuple[str, dict[str, Any]]] = []
        self._unheard: set[str] = set()  # interviews of which others were told nothing
        self._has_unsent = asyncio.Event()
        self._watched: set[str] = set()  # channels
        self._has_news = asyncio.Event()
        self._tasks = [asyncio.create_task(work()) for work in (self._send, self._listen)]

    def pass_on(self, interview_id: str, event: Event) -> None:
        """Tell the other servers; nobody waits."""
        self._unsent.append((interview_id, _write(event)))
        self._has_unsent.set()

    def watch(self, interview_id: str, *, wants_pieces: bool) -> None:
        """Bring what others tell of an interview, from soon on; then one `RecordChanged` tells of before."""
        self._watched.add(_channel(interview_id))
        if wants_pieces:
            self._watched.add(_channel(interview_id, "pieces"))
        self._has_news.set()

    def unwatch(self, interview_id: str) -> None:
        """Bring it no more."""
        self._watched -= {_channel(interview_id), _channel(interview_id, "pieces")}
        self._has_news.set()

    async def wants_pieces(self, interview_id: str) -> bool:
        """Whether somebody on another server wants to read feedback while it is being written."""
        channel = _channel(interview_id, "pieces")
        try:
            found = await self._redis.attempt(lambda: self._redis.client.pubsub_numsub(channel))
        except RedisAway:
            return False
        return bool(found and found[0][1])

    async def close(self) -> None:
        """Send what waits, and stop."""
        with suppress(RedisAway):
            await self._publish(self._take_unsent())
        await end_tasks(self._tasks)

    async def _send(self) -> None:
        while True:
            await self._has_unsent.wait()
            messages = self._take_unsent()
            try:
                await self._publish(messages)
            except RedisAway:
                self._unheard.update(interview_id for interview_id, _ in messages)
                if len(self._unheard) > MOST_UNSENT:
                    self._unheard.clear()  # others, too, find Redis back and read all that they watch
                await asyncio.sleep(TRY_AGAIN_SECONDS)
                self._has_unsent.set()

    def _take_unsent(self) -> list[tuple[str, dict[str, Any]]]:
        self._has_unsent.clear()
        missed = [(interview_id, CHANGED) for interview_id in self._unheard]
        messages, self._unsent = missed + self._unsent, []
        return messages

    async def _publish(self, messages: list[tuple[str, dict[str, Any]]]) -> None:
        """Send messages; signs of change that follow each other go as one. Raises `RedisAway`."""

        async def send() -> None:
            async with self._redis.client.pipeline(transaction=False) as pipeline:
                last: dict[str, dict[str, Any]] = {}
                for interview_id, message in messages:
                    if message != CHANGED or last.get(interview_id) != CHANGED:
                        pipeline.publish(_channel(interview_id), json.dumps(message | {"by": self._name}))
                    last[interview_id] = message
                await pipeline.execute()

        if messages:
            await self._redis.attempt(send)
            self._unheard.clear()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.client.pubsub() as subscription:
                    await subscription.subscribe(ALL)
                    adjusting = asyncio.create_task(self._adjust(subscription))
                    try:
                        await self._hear(subscription)
                    finally:
                        await end_tasks([adjusting])
            except (RedisError, OSError) as error:
                log.warning("events_of_others_not_heard", fact=type(error).__name__)
            except Exception:
                log.exception("relay_failed")
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _adjust(self, subscription: PubSub) -> None:
        """Subscribe to what is watched by now, and to nothing else."""
        subscribed = set[str]()
        while True:
            self._has_news.clear()
            new, old = self._watched - subscribed, subscribed - self._watched
            if new:
                await subscription.subscribe(*new)
            if old:
                await subscription.unsubscribe(*old)
            subscribed = subscribed - old | new
            await self._has_news.wait()

    async def _hear(self, subscription: PubSub) -> None:
        """Deliver what comes. Raises `RedisError` once nothing is heard any more, not even an answer."""
        asked = False
        while True:
            message = await subscription.get_message(timeout=SILENT_SECONDS)
            if message is None:
                if asked:
                    raise RedisError
                await subscription.ping()
            asked = message is None
            if message is not None:
                self._deliver(message)

    def _deliver(self, message: dict[str, Any]) -> None:
        prefix, _, interview_id = (message["channel"] or b"").decode().rpartition(":")
        if prefix != f"{PREFIX}:events":
            return
        if message["type"] == "subscribe":  # what happened before could not be heard
            self._events.deliver(interview_id, RecordChanged())
        elif message["type"] == "message":
            told = json.loads(message["data"])
            if told["by"] != self._name:
                self._events.deliver(interview_id, _read(told))


def _channel(interview_id: str, kind: str = "events") -> str:
    return f"{PREFIX}:{kind}:{interview_id}"


def _write(event: Event) -> dict[str, Any]:
    match event:
        case ThinkingStarted() | ThinkingStopped():
            return {"thinks": isinstance(event, ThinkingStarted)}
        case FeedbackWritten(question_id, text):
            return {"question_id": question_id, "text": text}
        case _:
            return CHANGED


def _read(told: dict[str, Any]) -> Event:
    if "thinks" in told:
        return ThinkingStarted() if told["thinks"] else ThinkingStopped()
    if "text" in told:
        return FeedbackWritten(told["question_id"], told["text"])
    return RecordChanged()
