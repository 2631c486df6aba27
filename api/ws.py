"""Version 1 over WebSocket: a conversation is messages in, events out, and the same calls as REST."""

import asyncio
import json
from collections.abc import Awaitable, MutableMapping
from contextlib import suppress
from functools import partial
from typing import Any, Literal, TypeVar

import structlog
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.websockets import WebSocketDisconnect

from agent.interview import answer_id
from agent.telemetry import request_span
from api.errors import ApiError, describe_error, describe_invalid
from api.limits import Pace
from api.schemas import AnswerText, ErrorBody, EvaluationData, QuestionData, QuestionId, SummaryData
from api.services import Services
from graphs.events import (
    AnswerEvaluated,
    Event,
    FeedbackWritten,
    InterviewEnded,
    QuestionAsked,
    RecordChanged,
    Subscription,
    ThinkingStarted,
    ThinkingStopped,
)
from graphs.records import Interview
from graphs.tasks import end_tasks

NORMAL, POLICY_VIOLATION, INTERNAL_ERROR, SERVICE_RESTART, TRY_AGAIN_LATER = 1000, 1008, 1011, 1012, 1013

log = structlog.get_logger()

T = TypeVar("T")
Shape = TypeVar("Shape", bound=BaseModel)
Frame = MutableMapping[str, Any]

MOST_WAITING = 16  # messages that were taken in and not dealt with
MESSAGES_PER_SECOND, BURST = 50, 300  # per socket; a large message counts as several
BYTES_OF_A_MESSAGE = 1024

router = APIRouter(redirect_slashes=False)


class MessageData(BaseModel):
    """What a message carries, taken literally."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AnswerMessage(MessageData):
    """An answer; without a question id, the open question is meant."""

    answer: AnswerText
    question_id: QuestionId | None = None


class TypingMessage(MessageData):
    """Whether the candidate is typing."""

    is_typing: bool


class RequestNextMessage(MessageData):
    """Nothing."""


class ThinkingMessage(BaseModel):
    """Whether something that the candidate waits for is being prepared."""

    is_thinking: bool


class DeltaMessage(BaseModel):
    """A piece of feedback as it is written."""

    question_id: str
    text: str


class FeedbackMessage(EvaluationData):
    """The grade of an answer, and which answer it is."""

    question_id: str
    answer_id: str


class EndedMessage(BaseModel):
    """How the interview ended."""

    summary: SummaryData


class Message(BaseModel):
    """The envelope of a message from the client."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["answer", "request_next", "typing"]
    data: dict[str, Any] = {}


@router.websocket("/ws/interviews/{interview_id}")
async def hold_interview(websocket: WebSocket, interview_id: str) -> None:
    """Hold an interview live; refused with the HTTP status and envelope before the handshake completes."""
    services: Services = websocket.app.state.services
    request_id: str = websocket.state.request_id
    try:
        owner = websocket.state.owner = await services.authenticator.identify(websocket)
        await services.requests.count(owner)
        interview = await services.interviewer.find(owner, interview_id)
        conversation = Conversation(websocket, services, interview)
        async with services.sockets.open(owner, revoked=partial(conversation.end, POLICY_VIOLATION)):
            await conversation.hold()
    except (WebSocketDisconnect, OSError):  # the client left, perhaps before the handshake was over
        return
    except Exception as error:  # noqa: BLE001 - every failure becomes the contract's envelope
        await websocket.send_denial_response(describe_error(error, request_id).respond())


class Conversation:
    """One socket of one interview."""

    def __init__(self, websocket: WebSocket, services: Services, interview: Interview) -> None:
        self._websocket = websocket
        self._services = services
        self._interviewer = services.interviewer
        self._owner = interview.owner
        self._id = interview.id
        self._told = {turn.question.id for turn in interview.turns if turn.evaluation is not None}
        self._streams = websocket.query_params.get("stream") == "true"
        self._shown: str | None = None
        self._over = False
        self._thinks = False
        self._idle = False
        self._inbox: asyncio.Queue[tuple[Frame, str | None]] = asyncio.Queue(MOST_WAITING)
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(self, code: int) -> None:
        """Have the socket closed with a code, unless that has begun."""
        if not self._ended.done():
            self._ended.set_result(code)

    async def hold(self) -> None:
        """Accept the socket and serve it until the interview or the connection is over."""
        await self._websocket.accept()
        overflowed = partial(self.end, TRY_AGAIN_LATER)
        with (
            self._services.shutdown.told_to(self._end_if_idle),
            self._interviewer.events.subscribe(self._id, overflowed, wants_pieces=self._streams) as events,
        ):
            works = [
                asyncio.create_task(work)
                for work in (self._listen(), self._converse(), self._forward(events))
            ]
            try:
                awaited: list[asyncio.Future[Any]] = [*works, self._ended]
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
                done = [work for work in works if work.done()]
            finally:
                await end_tasks(works)
        faults = [fault for work in done if (fault := work.exception()) is not None]
        if any(isinstance(fault, WebSocketDisconnect) for fault in faults):
            return
        for fault in faults:
            log.error("socket_failed", kind=type(fault).__name__, exc_info=fault)
        with suppress(RuntimeError):  # the client, or what it sent, has closed the socket in the meantime
            self.end(NORMAL)
            await self._websocket.close(INTERNAL_ERROR if faults else self._ended.result())

    async def _listen(self) -> None:
        """Take in frames, each with the question that this client had been shown when it came.

        The next frame is not read before this one has its place, so a flood slows down its sender alone.
        """
        pace = Pace(MESSAGES_PER_SECOND, BURST)
        while True:
            frame = await self._websocket.receive()
            if frame["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(frame.get("code", NORMAL))
            await self._inbox.put((frame, self._shown))
            await pace.spend(1 + len(frame.get("text") or frame.get("bytes") or "") / BYTES_OF_A_MESSAGE)

    async def _converse(self) -> None:
        """Say where things stand, then deal with one message after the other."""
        if await self._attempt(self._send_position()) == "over":
            return
        while True:
            self._idle = self._inbox.empty()
            if self._services.shutdown.has_begun:
                self._end_if_idle()
            message = await self._inbox.get()
            self._idle = False
            await self._attempt(self._handle(*message))

    def _end_if_idle(self) -> None:
        """End this socket for the server's end, once its messages are dealt with."""
        if self._idle:
            self.end(SERVICE_RESTART)

    async def _attempt(self, step: Awaitable[T]) -> T | None:
        """Do a step; what is refused or fails is told to the client, and the socket stays open."""
        try:
            return await step
        except (WebSocketDisconnect, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - every failure becomes an error message
            told = describe_error(error, self._websocket.state.request_id)
            await self._send("error", ErrorBody.model_validate(told.body))
            return None

    async def _handle(self, frame: Frame, shown: str | None) -> None:
        message = _read_message(frame)
        if message.type == "typing":
            _validate(TypingMessage, message.data)
        elif message.type == "request_next":
            _validate(RequestNextMessage, message.data)
            await self._send_position()
        else:
            await self._answer(_validate(AnswerMessage, message.data), shown)

    async def _answer(self, message: AnswerMessage, shown: str | None) -> None:
        """Submit an answer. Without a question id it is for the question shown when it was sent, so that an
        answer sent twice in a hurry is not taken for the next question's too."""
        await self._services.requests.count(self._owner)
        question_id = message.question_id or shown
        with request_span("WS answer", (), {"interview_id": self._id}):
            result = await self._interviewer.answer(self._owner, self._id, question_id, message.answer)
        if result.repeated:  # nobody else is told again, so this socket gets the stored result
            self._told.discard(result.question_id)
            await self._show(AnswerEvaluated(result.question_id, result.evaluation))
            await self._send_position()

    async def _send_position(self) -> Literal["open", "over"]:
        """Send the open question, or the end."""
        shown = self._shown
        try:
            interview = await self._interviewer.read(self._owner, self._id)
        except Exception:
            await self._send_question(await self._interviewer.find(self._owner, self._id), shown)
            raise
        if interview.summary is not None:
            await self._show(InterviewEnded(interview.summary))
            return "over"
        await self._send_question(interview, shown)
        return "open"

    async def _send_question(self, interview: Interview, shown: str | None) -> None:
        """Send the open question, also once more, unless its event brought it in the meantime."""
        if interview.current is not None:
            if self._shown == shown:
                self._shown = None
            await self._show(QuestionAsked(interview.current.question))

    async def _forward(self, events: Subscription) -> None:
        """Show what happens, until the interview has ended and nothing more is being prepared."""
        ended = False
        while True:
            event = await events.next()
            if isinstance(event, RecordChanged):
                await self._attempt(self._catch_up())
            await self._show(event)
            ended = ended or isinstance(event, InterviewEnded)
            if (ended and isinstance(event, ThinkingStopped)) or (self._over and not ended):
                return

    async def _catch_up(self) -> None:
        """Show what the record holds that this socket has not shown."""
        interview = await self._interviewer.find(self._owner, self._id)
        for turn in interview.turns:
            if turn.evaluation is not None:
                await self._show(AnswerEvaluated(turn.question.id, turn.evaluation))
        if interview.current is not None and interview.current.answer is None:
            await self._show(QuestionAsked(interview.current.question))
        if interview.summary is not None:
            await self._show(ThinkingStopped())
            await self._show(InterviewEnded(interview.summary))

    async def _show(self, event: Event) -> None:
        match event:
            case ThinkingStarted():
                self._thinks = True
                await self._send("thinking", ThinkingMessage(is_thinking=True))
            case ThinkingStopped() if self._thinks:
                await self._send("thinking", ThinkingMessage(is_thinking=False))
            case FeedbackWritten(question_id, text) if self._streams:
                await self._send("feedback_delta", DeltaMessage(question_id=question_id, text=text))
            case AnswerEvaluated(question_id, evaluation) if question_id not in self._told:
                self._told.add(question_id)
                grade = dict(EvaluationData.of(evaluation))
                ids = {"question_id": question_id, "answer_id": answer_id(question_id)}
                await self._send("feedback", FeedbackMessage(**grade, **ids))
            case QuestionAsked(question) if question.id != self._shown:
                self._shown = question.id
                await self._send("question", QuestionData.of(question))
            case InterviewEnded(summary) if not self._over:
                self._over = True
                await self._send("interview_ended", EndedMessage(summary=SummaryData.of(summary)))

    async def _send(self, kind: str, data: BaseModel) -> None:
        message = {"type": kind, "data": data.model_dump(mode="json")}
        try:
            await self._websocket.send_text(json.dumps(message, ensure_ascii=False))
        except RuntimeError as error:  # the socket was closed while this was on its way
            raise WebSocketDisconnect from error


def _read_message(frame: Frame) -> Message:
    try:
        raw = str(frame["text"]) if frame.get("text") is not None else bytes(frame["bytes"]).decode()
        content = json.loads(raw)
    except (ValueError, RecursionError):
        fact = 'The message is not valid JSON. Expected {"type": "...", "data": {...}}.'
        raise ApiError(400, "invalid_request", fact) from None
    return _validate(Message, content)


def _validate(shape: type[Shape], content: object) -> Shape:
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        raise describe_invalid(error.errors()) from None
