"""Events between servers, over Redis.

What was recorded is not sent: the others are told that a record has changed, and read it. So whatever is
missed while Redis is away is made up for by one sign of change when it is back.

Each server says what its sockets watch, at once and then again and again, and is told of nothing else. Who
has not yet listened for long enough to know that tells everything.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from math import inf
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
EVENTS = f"{PREFIX}:events"
ALL = f"{PREFIX}:servers"  # where servers say what they watch
RENEW_SECONDS = 10.0  # after which a server says again what it watches
FORGET_SECONDS = 2.5 * RENEW_SECONDS  # after which that is forgotten unless it was said again

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
        self._watched: dict[str, bool] = {}  # interviews, and whether somebody wants pieces of their feedback
        self._has_news = asyncio.Event()
        self._elsewhere: dict[str, float] = {}  # until when others watch an interview
        self._pieces_elsewhere: dict[str, float] = {}
        self._knows_from = inf  # the time from which on those two are complete
        self._tasks = [asyncio.create_task(work()) for work in (self._send, self._listen)]

    def pass_on(self, interview_id: str, event: Event) -> None:
        """Tell the other servers, if any of them may be watching; nobody waits."""
        now = time.monotonic()
        if now < self._knows_from or now < self._elsewhere.get(interview_id, 0):
            self._tell(interview_id, _write(event))

    def watch(self, interview_id: str, *, wants_pieces: bool) -> None:
        """Bring what others tell of an interview, from soon on; then `RecordChanged` tells of before."""
        self._watched[interview_id] = wants_pieces or self._watched.get(interview_id, False)
        self._has_news.set()

    def unwatch(self, interview_id: str) -> None:
        """Bring it no more."""
        self._watched.pop(interview_id, None)
        self._has_news.set()

    def wants_pieces(self, interview_id: str) -> bool:
        """Whether somebody on another server wants to read feedback while it is being written."""
        return time.monotonic() < self._pieces_elsewhere.get(interview_id, 0)

    async def close(self) -> None:
        """Send what waits, and stop."""
        with suppress(RedisAway):
            await self._publish(self._take_unsent())
        await end_tasks(self._tasks)

    def _tell(self, interview_id: str, message: dict[str, Any]) -> None:
        self._unsent.append((interview_id, message))
        self._has_unsent.set()

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
            self._knows_from = inf
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _adjust(self, subscription: PubSub) -> None:
        """Subscribe to what is watched by now, and to nothing else, and tell the other servers."""
        subscribed: dict[str, bool] = {}
        renew_at = 0.0
        while True:
            self._has_news.clear()
            watched = self._watched.copy()
            new = dict(watched.items() - subscribed.items())
            old = subscribed.keys() - watched.keys()
            if new:
                await subscription.subscribe(*map(_channel, new))
            if old:
                await subscription.unsubscribe(*map(_channel, old))
            subscribed, now = watched, time.monotonic()
            if now < renew_at:
                await self._announce(new)
            else:
                await self._announce(watched)
                self._forget_what_is_over(now)
                renew_at = now + RENEW_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(renew_at - now):
                    await self._has_news.wait()

    async def _announce(self, watched: Mapping[str, bool]) -> None:
        """Say what is watched here; what is not heard is said again before long."""
        if watched:
            message = json.dumps({"by": self._name, "watches": watched})
            with suppress(RedisAway):
                await self._redis.attempt(lambda: self._redis.client.publish(ALL, message))

    def _note_watched(self, watched: Mapping[str, bool]) -> None:
        """Note what another server watches; what was not told to it so far, it is told to read."""
        now = time.monotonic()
        for interview_id, wants_pieces in watched.items():
            if self._knows_from <= now and now >= self._elsewhere.get(interview_id, 0):
                self._tell(interview_id, CHANGED)
            self._elsewhere[interview_id] = now + FORGET_SECONDS
            if wants_pieces:
                self._pieces_elsewhere[interview_id] = now + FORGET_SECONDS

    def _forget_what_is_over(self, now: float) -> None:
        for until in (self._elsewhere, self._pieces_elsewhere):
            for interview_id in [one for one, end in until.items() if end <= now]:
                del until[interview_id]

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
        channel, kind = (message["channel"] or b"").decode(), message["type"]
        if channel == ALL and kind == "subscribe":
            self._knows_from = time.monotonic() + 1.5 * RENEW_SECONDS
        prefix, _, interview_id = channel.rpartition(":")
        if kind == "subscribe" and prefix == EVENTS:  # what happened before could not be heard
            self._events.deliver(interview_id, RecordChanged())
        if kind != "message":
            return
        told = json.loads(message["data"])
        if told["by"] == self._name:
            return
        if channel == ALL:
            self._note_watched(told["watches"])
        else:
            self._events.deliver(interview_id, _read(told))


def _channel(interview_id: str) -> str:
    return f"{EVENTS}:{interview_id}"


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
