"""What happened in an interview, told to everyone who watches it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from agent.interview import Evaluation, Question, Summary

MOST_UNREAD = 256


@dataclass(frozen=True, slots=True)
class ThinkingStarted:
    """The interviewer began to work on something the candidate waits for."""


@dataclass(frozen=True, slots=True)
class ThinkingStopped:
    """Nothing more is being prepared."""


@dataclass(frozen=True, slots=True)
class FeedbackWritten:
    """A piece of feedback as the model writes it; the whole follows as `AnswerEvaluated`."""

    question_id: str
    text: str


@dataclass(frozen=True, slots=True)
class AnswerEvaluated:
    """An evaluation was recorded."""

    question_id: str
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """A question was recorded and is open."""

    question: Question


@dataclass(frozen=True, slots=True)
class InterviewEnded:
    """The summary was recorded."""

    summary: Summary


@dataclass(frozen=True, slots=True)
class RecordChanged:
    """Another server has, or may have, gone on with the interview; its record tells how far."""


Event = (
    ThinkingStarted
    | ThinkingStopped
    | FeedbackWritten
    | AnswerEvaluated
    | QuestionAsked
    | InterviewEnded
    | RecordChanged
)


class Subscription:
    """The events of one interview for one watcher, who is cut off when too many stay unread.

    A list and a future in place of an `asyncio.Queue`, which would take 3 KB of each idle socket.
    """

    def __init__(self, overflowed: Callable[[], None], *, wants_pieces: bool = False) -> None:
        self.wants_pieces = wants_pieces
        self._unread: list[Event] = []
        self._has_unread: asyncio.Future[None] | None = None
        self._overflowed = overflowed

    async def next(self) -> Event:
        """The next event, once there is one; one reader at a time."""
        while not self._unread:
            self._has_unread = asyncio.get_running_loop().create_future()
            await self._has_unread
        return self._unread.pop(0)

    def put(self, event: Event) -> None:
        """Add an event without waiting for a slow watcher."""
        if len(self._unread) == MOST_UNREAD:
            self._overflowed()
            return
        self._unread.append(event)
        if self._has_unread is not None and not self._has_unread.done():
            self._has_unread.set_result(None)


class Relay(Protocol):
    """What brings events to the other servers, and theirs here."""

    def pass_on(self, interview_id: str, event: Event) -> None:
        """Tell the other servers; nobody waits."""

    def watch(self, interview_id: str, *, wants_pieces: bool) -> None:
        """Bring what others tell of an interview, from soon on."""

    def unwatch(self, interview_id: str) -> None:
        """Bring it no more."""

    def wants_pieces(self, interview_id: str) -> bool:
        """Whether somebody on another server wants to read feedback while it is being written."""


class EventBus:
    """Brings events to every watcher of an interview, through a relay also on other servers."""

    def __init__(self) -> None:
        self._watchers: defaultdict[str, set[Subscription]] = defaultdict(set)
        self.relay: Relay | None = None

    def publish(self, interview_id: str, event: Event) -> None:
        """Tell the watchers; nobody waits."""
        self.deliver(interview_id, event)
        if self.relay is not None:
            self.relay.pass_on(interview_id, event)

    def deliver(self, interview_id: str, event: Event) -> None:
        """Tell the watchers in this process."""
        for watcher in tuple(self._watchers.get(interview_id, ())):
            watcher.put(event)

    def wants_pieces(self, interview_id: str) -> bool:
        """Whether somebody wants to read feedback while it is being written."""
        if any(watcher.wants_pieces for watcher in self._watchers.get(interview_id, ())):
            return True
        return self.relay is not None and self.relay.wants_pieces(interview_id)

    @contextmanager
    def subscribe(
        self, interview_id: str, overflowed: Callable[[], None], *, wants_pieces: bool = False
    ) -> Iterator[Subscription]:
        """Watch an interview for as long as the context lasts; `overflowed` is called if some are lost."""
        subscription = Subscription(overflowed, wants_pieces=wants_pieces)
        self._watchers[interview_id].add(subscription)
        if self.relay is not None:
            self.relay.watch(interview_id, wants_pieces=wants_pieces)
        try:
            yield subscription
        finally:
            self._watchers[interview_id].discard(subscription)
            if not self._watchers[interview_id]:
                del self._watchers[interview_id]
                if self.relay is not None:
                    self.relay.unwatch(interview_id)
