"""A client of version 1: each call is a value, and one rule decides when it is sent again.

    with Client("http://127.0.0.1:8000", key) as client:
        interview = client.send(create_interview("Nurse", duration=20))
        position = client.send(read_interview(interview.interview_id))

What did not arrive or failed for the moment is repeated: after 429 once `Retry-After` has passed, and after
a broken connection, 502, 503, 504, or a 500 that says `retryable`, after pauses that double. That is safe for
every call: answers and ends may be repeated by contract, and what makes something new carries an
`Idempotency-Key`.
This file depends on nothing else of the project, so it can be copied.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Generic, Literal, Self, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

PATIENCE = 90.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
TIMEOUT = httpx.Timeout(120, connect=10)


class CallFailed(Exception):
    """The server refused or failed, or could not be reached.

    `code` is the contract's, or `unreachable` when no answer came, or `not_understood` when it came from
    something else. `status` is the HTTP status, 0 where there is none.
    """

    def __init__(
        self, code: str, message: str, details: Mapping[str, Any] | None = None, status: int = 0
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.status = status


@dataclass(frozen=True, slots=True)
class Config:
    """What an interview is about; `duration` is in minutes."""

    job_role: str
    experience_level: str
    skills: list[str]
    interview_type: str
    duration: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question; a follow-up names its main question in `parent_id`."""

    id: str
    text: str
    kind: Literal["main", "follow_up"] = "main"
    parent_id: str | None = None
    competency: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A verbatim quote of the answer with its place in it, and what it shows."""

    quote: str
    start: int
    end: int
    shows: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The grade of an answer: `score` is from 0 to 10, `missing` what the answer leaves out."""

    score: int
    feedback: str
    evidence: list[Evidence] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of an interview; `overall_score` is from 0 to 100."""

    overall_score: int
    strengths: list[str]
    areas_for_improvement: list[str]
    recommendations: str
    answered: int = 0
    ungraded: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answer and grade, in an interview that is over."""

    question: Question
    answer: str | None
    evaluation: Evaluation | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an interview is, in main questions; none is asked after `ends_at`."""

    questions_asked: int
    questions_planned: int
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Created:
    """A new interview."""

    interview_id: str
    created_at: datetime
    status: str
    config: Config


@dataclass(frozen=True, slots=True)
class Interview:
    """An interview as it stands; `summary` and `turns` are there once it is completed."""

    interview_id: str
    created_at: datetime
    status: Literal["created", "in_progress", "completed"]
    config: Config
    current_question: Question | None
    progress: Progress
    summary: Summary | None = None
    turns: list[Turn] | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer; without a next question the interview is over."""

    answer_id: str
    evaluation: Evaluation
    next_question: Question | None


@dataclass(frozen=True, slots=True)
class Ended:
    """An interview that is over."""

    interview_id: str
    status: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class Feedback:
    """Coaching on one answer; each part's text in `framework_analysis` begins with its level."""

    overall: str
    framework_analysis: dict[str, str]
    improvements: list[str]


@dataclass(frozen=True, slots=True)
class Coached:
    """The reply to a request for coaching."""

    feedback: Feedback


@dataclass(frozen=True, slots=True)
class PracticeQuestion:
    """A question to practise on."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Guidance:
    """What a good answer holds, and how to order it."""

    key_points: list[str]
    structure: str


@dataclass(frozen=True, slots=True)
class Practice:
    """The reply to a request for practice."""

    question: PracticeQuestion
    guidance: Guidance


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and the type of its result. Sending the same value twice is asking once."""

    result: type[T]
    method: Literal["GET", "POST"]
    path: str
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def create_interview(job_role: str, **config: object) -> Call[Created]:
    """Create an interview; what `config` leaves out of the contract's fields gets the server's defaults."""
    return Call(Created, "POST", "/interviews", {"job_role": job_role, **config}, _once())


def read_interview(interview_id: str) -> Call[Interview]:
    """The interview with its open question, or with its summary and turns."""
    return Call(Interview, "GET", f"/interviews/{quote(interview_id, safe='')}")


def submit_answer(interview_id: str, question_id: str, answer: str) -> Call[Answered]:
    """Answer the current question."""
    path = f"/interviews/{quote(interview_id, safe='')}/answers"
    return Call(Answered, "POST", path, {"question_id": question_id, "answer": answer})


def end_interview(interview_id: str) -> Call[Ended]:
    """End the interview, or get the summary of one that is over."""
    return Call(Ended, "POST", f"/interviews/{quote(interview_id, safe='')}/end")


def request_feedback(question: str, answer: str, framework: str = "STAR") -> Call[Coached]:
    """Coaching on an answer by STAR, CAR, PAR or SOAR."""
    body = {"question": question, "answer": answer, "framework": framework}
    return Call(Coached, "POST", "/coaching/feedback", body)


def request_practice(job_role: str, skill: str, difficulty: str = "intermediate") -> Call[Practice]:
    """A question to practise on; `difficulty` is beginner, intermediate or advanced."""
    body = {"job_role": job_role, "skill": skill, "difficulty": difficulty}
    return Call(Practice, "POST", "/coaching/practice-questions", body, _once())


class Client:
    """Sends calls with one key, and waits at most `patience` seconds in all for one to succeed."""

    def __init__(self, url: str, key: str, patience: float = PATIENCE) -> None:
        self.url = read_url(url)
        self.key = key
        self.patience = patience
        self._http = httpx.Client(**_connection(self.url, key))

    def send(self, call: Call[T]) -> T:
        """The result of a call. Raises `CallFailed`."""
        retries = Retries(self.patience)
        while True:
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = self._http.request(call.method, call.path, json=call.body, headers=call.headers)
            except httpx.TransportError as error:
                outcome = error
            pause = retries.next_pause(outcome)
            if pause is None:
                return read_result(call.result, outcome, self.url)
            time.sleep(pause)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient:
    """The same without blocking."""

    def __init__(self, url: str, key: str, patience: float = PATIENCE) -> None:
        self.url = read_url(url)
        self.patience = patience
        self._http = httpx.AsyncClient(**_connection(self.url, key))

    async def send(self, call: Call[T]) -> T:
        """The result of a call. Raises `CallFailed`."""
        retries = Retries(self.patience)
        while True:
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = await self._http.request(
                    call.method, call.path, json=call.body, headers=call.headers
                )
            except httpx.TransportError as error:
                outcome = error
            pause = retries.next_pause(outcome)
            if pause is None:
                return read_result(call.result, outcome, self.url)
            await asyncio.sleep(pause)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()


class Retries:
    """The rule of repetition for one call, which may pause for `patience` seconds in all."""

    def __init__(self, patience: float) -> None:
        self._left = patience
        self._pauses = (min(FIRST_PAUSE * 2**n, LONGEST_PAUSE) for n in count())

    def next_pause(self, outcome: httpx.Response | httpx.TransportError) -> float | None:
        """Seconds to wait before the call is sent again, or nothing if the outcome is final."""
        if isinstance(outcome, httpx.UnsupportedProtocol):
            return None
        if isinstance(outcome, httpx.Response) and outcome.status_code == 429:
            stated = outcome.headers.get("Retry-After", "")
            pause = float(stated) if stated.isdecimal() else LONGEST_PAUSE
        elif isinstance(outcome, httpx.TransportError) or _is_passing(outcome):
            # Spread, so that clients cut off together do not come back together.
            pause = next(self._pauses) * random.uniform(0.5, 1)  # noqa: S311 - nothing secret about it
        else:
            return None
        self._left -= pause
        return pause if self._left >= 0 else None


def read_result(kind: type[T], outcome: httpx.Response | httpx.TransportError, url: str) -> T:
    """What a response carries. Raises `CallFailed` if that is an error, or no response of this service."""
    if isinstance(outcome, httpx.TransportError):
        fact = str(outcome) or type(outcome).__name__
        raise CallFailed("unreachable", f"There is no answer from {url} ({fact}). Is it running?")
    if outcome.is_success:
        try:
            return TypeAdapter(kind).validate_python(outcome.json()["data"])
        except (ValueError, ValidationError, KeyError, TypeError):
            raise _foreign(outcome, url) from None
    try:
        raise read_error(outcome.json()["error"], outcome.status_code)
    except (ValueError, KeyError, TypeError):
        raise _foreign(outcome, url) from None


def read_error(body: Mapping[str, Any], status: int = 0) -> CallFailed:
    """The contract's `error` object as an exception."""
    return CallFailed(body["code"], body["message"], body["details"], status)


def read_url(url: str) -> str:
    """The address of a server as it is used: with a scheme and without a slash at the end."""
    return (url if "://" in url else f"http://{url}").rstrip("/")


def is_near(url: str) -> bool:
    """Whether the address is of this very machine, which no proxy leads to."""
    return urlsplit(read_url(url)).hostname in ("127.0.0.1", "localhost", "::1")


def _connection(url: str, key: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"}
    return {
        "base_url": url + "/api/v1",
        "headers": headers,
        "timeout": TIMEOUT,
        "trust_env": not is_near(url),
    }


def _once() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def _is_passing(response: httpx.Response) -> bool:
    if response.status_code != 500:
        return response.status_code in (502, 503, 504)
    try:
        return response.json()["error"]["details"].get("retryable") is True
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _foreign(response: httpx.Response, url: str) -> CallFailed:
    fact = f"{url} answered {response.status_code}, but not as an interviewer does. Is the address right?"
    return CallFailed("not_understood", fact, status=response.status_code)
