"""An interview held live over a WebSocket that may break: nothing is lost, and nothing is said twice.

    with Conversation(client, interview_id) as conversation:
        for event in conversation:
            match event:
                case Asked(question):
                    conversation.answer(question.id, input(question.text))
                case Graded(_, evaluation):
                    print(evaluation.score, evaluation.feedback)
                case Ended(summary):
                    print(summary.overall_score)

An answer is kept until its grade has come. When the connection breaks, or the server asks to wait, it is sent
again with its question's id, for which the contract promises the stored result.
"""

import json
import time
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

import httpx
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from api.client import (
    CallFailed,
    Client,
    Evaluation,
    Question,
    Retries,
    Summary,
    is_near,
    read_error,
    read_result,
    submit_answer,
)

TOO_LARGE = 1009
OPEN_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """A question is open."""

    question: Question


@dataclass(frozen=True, slots=True)
class Thinking:
    """The interviewer begins or ceases to prepare something."""

    is_thinking: bool


@dataclass(frozen=True, slots=True)
class Writing:
    """A piece of feedback as it is written, if the conversation streams; `Graded` brings the whole."""

    question_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Graded:
    """The grade of an answer."""

    question_id: str
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection broke, and another one is being opened; what was being written comes anew."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The interview is over."""

    summary: Summary


Event = Asked | Thinking | Writing | Graded | Broken | Ended


class Conversation:
    """The events of one interview, until it has ended; to be used by one thread."""

    def __init__(self, client: Client, interview_id: str, *, stream: bool = False) -> None:
        self._client = client
        self._id = interview_id
        place = f"/api/v1/ws/interviews/{quote(interview_id, safe='')}?"
        query = urlencode({"token": client.key} | ({"stream": "true"} if stream else {}))
        self._url = "ws" + client.url.removeprefix("http") + place + query
        self._opened = ExitStack()
        self._socket: ClientConnection | None = None
        self._retries = Retries(client.patience)
        self._pending: tuple[str, str] | None = None
        self._asked: str | None = None
        self._graded: set[str] = set()
        self._over = False
        self._ready: deque[Event] = deque()

    def answer(self, question_id: str, text: str) -> None:
        """Answer a question; its grade comes as an event."""
        self._pending = (question_id, text)
        self._retries = Retries(self._client.patience)
        self._send_pending()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        """The next event, over a new connection where the old one broke. Raises `CallFailed`.

        After what the server refused, such as an answer that is too long, the open question comes again.
        """
        while not self._ready:
            if self._over:
                raise StopIteration
            self._receive()
        return self._ready.popleft()

    def close(self) -> None:
        """Leave; the interview goes on whenever somebody connects again."""
        self._socket = None
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self) -> None:
        """Wait for a message and make ready what it says."""
        try:
            if self._socket is None:
                self._socket = self._connect()
                self._send_pending()
            message = json.loads(self._socket.recv())
        except ConnectionClosed as closed:
            self._mend(closed)
            return
        if message["type"] == "error":
            self._overcome(read_error(message["data"]))
            return
        self._note(message["type"], message["data"])

    def _connect(self) -> ClientConnection:
        """A connection, tried for as long as the client is patient."""
        while True:
            outcome: httpx.Response | httpx.TransportError
            try:
                proxy: Literal[True] | None = None if is_near(self._client.url) else True
                return self._opened.enter_context(
                    connect(self._url, max_size=None, open_timeout=OPEN_SECONDS, proxy=proxy)
                )
            except InvalidStatus as refused:
                answer = refused.response
                outcome = httpx.Response(
                    answer.status_code, headers=list(answer.headers.raw_items()), content=bytes(answer.body)
                )
            except (OSError, InvalidHandshake) as error:
                outcome = httpx.ConnectError(str(error))
            pause = self._retries.next_pause(outcome)
            if pause is None:
                read_result(dict, outcome, self._client.url)
            else:
                time.sleep(pause)

    def _mend(self, closed: ConnectionClosed) -> None:
        """Put a broken connection aside; the next one is opened after a pause."""
        self.close()
        if closed.rcvd is not None and closed.rcvd.code == TOO_LARGE:
            self._withdraw()
            raise CallFailed("invalid_request", "The answer is too long for the server.")
        self._ready.append(Broken())
        self._pause_after(httpx.ReadError("the connection was closed"))

    def _overcome(self, error: CallFailed) -> None:
        """Wait and repeat where the server says that this helps."""
        if error.code == "rate_limited":
            seconds = str(error.details.get("retry_after", ""))
            self._pause_after(httpx.Response(429, headers={"Retry-After": seconds}), error)
        elif error.details.get("retryable") is True:
            self._pause_after(httpx.ReadError(error.message), error)
        else:
            self._withdraw()
            raise error
        if not self._send_pending():
            self._send("request_next", {})

    def _withdraw(self) -> None:
        """Give an answer up and ask for the open question, which is told once more."""
        self._pending = self._asked = None
        self._send("request_next", {})

    def _pause_after(
        self, outcome: httpx.Response | httpx.TransportError, error: CallFailed | None = None
    ) -> None:
        pause = self._retries.next_pause(outcome)
        if pause is None:
            raise error or CallFailed("unreachable", f"The connection to {self._client.url} keeps breaking.")
        time.sleep(pause)

    def _note(self, kind: str, data: dict[str, Any]) -> None:
        """Make the event of a message ready, unless it was told before."""
        if kind == "question" and self._pending is None and data["id"] != self._asked:
            self._asked = data["id"]
            self._retries = Retries(self._client.patience)
            self._ready.append(Asked(TypeAdapter(Question).validate_python(data)))
        elif kind == "thinking":
            self._ready.append(Thinking(data["is_thinking"]))
        elif kind == "feedback_delta":
            self._ready.append(Writing(data["question_id"], data["text"]))
        elif kind == "feedback":
            self._note_grade(data["question_id"], TypeAdapter(Evaluation).validate_python(data))
        elif kind == "interview_ended":
            self._note_end(TypeAdapter(Summary).validate_python(data["summary"]))

    def _note_grade(self, question_id: str, evaluation: Evaluation) -> None:
        if self._pending is not None and self._pending[0] == question_id:
            self._pending = None
        if question_id not in self._graded:
            self._graded.add(question_id)
            self._ready.append(Graded(question_id, evaluation))

    def _note_end(self, summary: Summary) -> None:
        """The end; a grade that a broken connection swallowed is asked for before."""
        self._over = True
        if self._pending is not None:
            self._fetch_grade(*self._pending)
        self._ready.append(Ended(summary))
        self.close()

    def _fetch_grade(self, question_id: str, text: str) -> None:
        with suppress(CallFailed):  # the interview was ended before the answer came
            result = self._client.send(submit_answer(self._id, question_id, text))
            self._note_grade(question_id, result.evaluation)

    def _send_pending(self) -> bool:
        if self._pending is None:
            return False
        question_id, text = self._pending
        self._send("answer", {"question_id": question_id, "answer": text})
        return True

    def _send(self, kind: str, data: dict[str, object]) -> None:
        """Send, if there is a connection; one that breaks now is mended when the next event is waited for."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                self._socket.send(json.dumps({"type": kind, "data": data}, ensure_ascii=False))
