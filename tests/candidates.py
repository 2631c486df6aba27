"""Clients of one interview over both transports, and the one history that all of them must be told."""

import asyncio
import json
import re
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
from provider_wire import Json
from serving import INTERVIEW, KEY, Server, frame
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

Outcome = Literal["accepted", "refused", "failed", "lost", "over"]

LONGEST_WAIT = 30.0  # seconds, after which a client is held to be stuck
# Messages are dealt with in order, so the refusal of this one tells that those before it are done with.
MARK = {"type": "typing", "data": {"is_typing": "mark"}}


@dataclass
class History:
    """What the clients of an interview sent and were told. Whatever does not fit is a violation."""

    interview_id: str
    violations: list[str] = field(default_factory=list)
    questions: dict[str, str] = field(default_factory=dict)  # the text by id
    sent: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by question; "": any
    accepted: dict[str, str] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    evaluations: dict[str, Json] = field(default_factory=dict)
    following: dict[str, str | None] = field(default_factory=dict)
    ends_at: str | None = None
    summary: Json | None = None
    repeats: int = 0

    def expect(self, holds: bool, fact: str) -> None:
        """Note a violation unless something holds."""
        if not holds:
            self.violations.append(f"{self.interview_id}: {fact}")

    @property
    def newest(self) -> str | None:
        """The id of the last question that anybody was shown."""
        return max(self.questions, key=number_of, default=None)

    def note_question(self, question: Json) -> None:
        """Somebody was shown a question."""
        text = self.questions.setdefault(question["id"], question["text"])
        self.expect(text == question["text"], f"{question['id']} changed from {text!r}: {question}")

    def note_evaluation(self, question_id: str, told: Json) -> None:
        """Somebody was told a grade."""
        evaluation = {k: v for k, v in told.items() if k not in ("question_id", "answer_id")}
        first = self.evaluations.setdefault(question_id, evaluation)
        self.expect(first == evaluation, f"the grade of {question_id} changed from {first} to {evaluation}")

    def note_accepted(self, question_id: str, text: str) -> None:
        """Somebody's answer was acknowledged."""
        self.repeats += question_id in self.accepted
        first = self.accepted.setdefault(question_id, text)
        self.expect(first == text, f"two answers to {question_id} were accepted: {first!r} and {text!r}")

    def note_result(self, question_id: str, text: str, data: Json) -> None:
        """Somebody's answer was acknowledged with its grade and the next question."""
        self.note_accepted(question_id, text)
        self.note_evaluation(question_id, data["evaluation"])
        following = data["next_question"]
        if following is not None:
            self.note_question(following)
        after = following and following["id"]
        first = self.following.setdefault(question_id, after)
        self.expect(first == after, f"after {question_id} came {first}, and then {after}")

    def note_time(self, ends_at: str | None) -> None:
        """Somebody was told when no further question is asked."""
        self.ends_at = self.ends_at or ends_at
        self.expect(ends_at in (None, self.ends_at), f"its time changed from {self.ends_at} to {ends_at}")

    def note_summary(self, summary: Json) -> None:
        """Somebody was told the summary."""
        if self.summary is None:
            self.summary = summary
        self.expect(self.summary == summary, f"the summary changed from {self.summary} to {summary}")

    def check_record(self, data: Json) -> None:
        """Hold the record of the interview, which is over, against all that was told."""
        self.expect(data["status"] == "completed" and data["current_question"] is None, f"not over: {data}")
        self.note_summary(data["summary"])
        turns: list[Json] = data["turns"]
        ids = [turn["question"]["id"] for turn in turns]
        self.expect(ids == [f"q{number}" for number in range(1, len(turns) + 1)], f"the ids are {ids}")
        self.expect(set(self.questions) <= set(ids), f"{set(self.questions) - set(ids)} were shown and lost")
        texts = Counter(turn["question"]["text"] for turn in turns)
        self.expect(max(texts.values(), default=1) == 1, f"a question was asked twice: {texts}")
        answers = Counter(turn["answer"] for turn in turns if turn["answer"] is not None)
        self.expect(max(answers.values(), default=1) == 1, f"an answer was recorded twice: {answers}")
        self.expect(answers.total() == data["summary"]["answered"], "an answer came in after the end")
        for turn, after in zip(turns, [*ids[1:], None], strict=True):
            self._check_turn(turn, after, data["summary"]["ungraded"])
        told = set(self.accepted) | set(self.evaluations)
        kept = {turn["question"]["id"] for turn in turns if turn["answer"] is not None}
        self.expect(told <= kept, f"acknowledged answers are lost: {told - kept}")

    def _check_turn(self, turn: Json, after: str | None, ungraded: list[str]) -> None:
        self.note_question(turn["question"])
        place, answer, evaluation = turn["question"]["id"], turn["answer"], turn["evaluation"]
        if answer is None:
            self.expect(after is None and evaluation is None, f"{place} was passed over: {turn}")
            return
        self.expect(answer in self.sent[place] | self.sent[""], f"{place} holds what nobody said: {answer!r}")
        known = self.accepted.get(place, answer)
        self.expect(answer == known, f"{place} holds {answer!r}, but {known!r} was acknowledged")
        if evaluation is None:
            self.expect(place in ungraded, f"{place} has no grade, and the summary does not say so")
            self.expect(place not in self.evaluations, f"the grade of {place} is lost")
            return
        self.note_evaluation(place, evaluation)
        self.expect(answer not in self.refused[place], f"{place} holds {answer!r}, which was refused")
        following = self.following.get(place, after)
        self.expect(following == after, f"after {place} comes {after}, but {following} was told")


class RestCandidate:
    """A client of an interview over REST. One HTTP client serves many of these."""

    def __init__(self, http: httpx.AsyncClient, history: History) -> None:
        self._http = http
        self._history = history
        self._path = f"/interviews/{history.interview_id}"

    async def answer(self, question_id: str, text: str, key: str | None = None) -> Outcome:
        """Submit an answer, under an Idempotency-Key if one is given."""
        self._history.sent[question_id].add(text)
        response = await self._post("/answers", key, {"question_id": question_id, "answer": text})
        if response is None:
            return "lost"
        if response.status_code == 200:
            self._history.note_result(question_id, text, response.json()["data"])
            return "accepted"
        if response.status_code == 400:
            self._history.refused[question_id].add(text)
            return "refused"
        return self._note_failure(response)

    async def end(self, key: str | None = None) -> Outcome:
        """End the interview."""
        response = await self._post("/end", key, None)
        if response is None:
            return "lost"
        if response.status_code == 200:
            self._history.note_summary(response.json()["data"]["summary"])
            return "accepted"
        return self._note_failure(response)

    async def look(self) -> Outcome:
        """Read the interview."""
        data = await self.read()
        return "lost" if data is None else "accepted"

    async def read(self) -> Json | None:
        """The interview as it stands, or nothing if that did not come."""
        try:
            response = await self._http.get(self._path)
        except httpx.HTTPError as error:
            self._note_stuck(error)
            return None
        if response.status_code != 200:
            self._note_failure(response)
            return None
        data: Json = response.json()["data"]
        self._history.note_time(data["progress"]["ends_at"])
        if data["current_question"] is not None:
            self._history.note_question(data["current_question"])
        if data["summary"] is not None:
            self._history.note_summary(data["summary"])
        return data

    async def close(self) -> None:
        """Nothing is held open."""

    async def _post(self, path: str, key: str | None, body: Json | None) -> httpx.Response | None:
        headers = {"Idempotency-Key": key} if key else {}
        try:
            return await self._http.post(self._path + path, json=body, headers=headers)
        except httpx.HTTPError as error:
            self._note_stuck(error)
            return None

    def _note_stuck(self, error: httpx.HTTPError) -> None:
        stuck = isinstance(error, (httpx.ReadTimeout, httpx.WriteTimeout))
        self._history.expect(not stuck, f"no response within {LONGEST_WAIT} seconds")

    def _note_failure(self, response: httpx.Response) -> Outcome:
        told = response.status_code == 500 and "retryable" in response.json()["error"]["details"]
        self._history.expect(told, f"{response.status_code} for {response.request.url}: {response.text}")
        return "failed"


class SocketCandidate:
    """A client of an interview over a socket, which is opened by the first act and again when it broke."""

    def __init__(self, server: Server, history: History) -> None:
        self._url = f"{server.socket_url}/{history.interview_id}?token={KEY}"
        self._history = history
        self._socket: ClientConnection | None = None
        self._in_turn = asyncio.Lock()
        self._shown = 0

    async def answer(self, question_id: str, text: str, key: str | None = None) -> Outcome:
        """Submit an answer; sockets know no Idempotency-Key."""
        del key
        self._history.sent[question_id].add(text)
        outcome = await self._say(frame("answer", answer=text, question_id=question_id))
        if outcome == "accepted":
            self._history.note_accepted(question_id, text)
        elif outcome == "refused":
            self._history.refused[question_id].add(text)
        return outcome

    async def answer_what_is_open(self, text: str) -> Outcome:
        """Submit an answer without saying to what."""
        self._history.sent[""].add(text)
        return await self._say(frame("answer", answer=text))

    async def look(self) -> Outcome:
        """Ask for the open question."""
        return await self._say(frame("request_next"))

    async def close(self) -> None:
        """Leave, without a word if a reply is awaited."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.transport.abort()
            with suppress(ConnectionClosed):
                await socket.wait_closed()

    async def _say(self, message: str) -> Outcome:
        """Send a message and take in what comes until it is dealt with."""
        async with self._in_turn:
            try:
                async with asyncio.timeout(LONGEST_WAIT):
                    return await self._converse(message)
            except TimeoutError:
                self._history.expect(False, f"nothing came within {LONGEST_WAIT} seconds after {message}")
            except ConnectionClosed as closed:
                self._socket = None
                return "over" if closed.rcvd is not None and closed.rcvd.code == 1000 else "lost"
            except (OSError, InvalidHandshake, EOFError):
                pass
            await self.close()
            return "lost"

    async def _converse(self, message: str) -> Outcome:
        if self._socket is None:
            self._socket = await connect(self._url, max_size=None, open_timeout=LONGEST_WAIT, proxy=None)
            self._shown = 0
        await self._socket.send(message)
        await self._socket.send(json.dumps(MARK))
        outcome: Outcome = "accepted"
        while True:
            told = json.loads(await self._socket.recv())
            if told["type"] != "error":
                self._take_in(told["type"], told["data"])
            elif "is_typing" in told["data"]["message"]:
                return outcome
            else:
                outcome = self._note_error(told["data"])

    def _take_in(self, kind: str, data: Json) -> None:
        if kind == "question":
            number = number_of(data["id"])
            self._history.expect(number >= self._shown, f"a socket went back to {data['id']}")
            self._shown = number
            self._history.note_question(data)
        elif kind == "feedback":
            self._history.note_evaluation(data["question_id"], data)
        elif kind == "interview_ended":
            self._history.note_summary(data["summary"])

    def _note_error(self, error: Json) -> Outcome:
        if error["code"] == "invalid_request":
            return "refused"
        self._history.expect(error["code"] == "server_error", f"a socket was told {error}")
        return "failed"


Candidate = RestCandidate | SocketCandidate


def open_http(server: Server) -> httpx.AsyncClient:
    """What candidates over REST speak through."""
    return httpx.AsyncClient(
        base_url=server.url + "/api/v1",
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=LONGEST_WAIT,
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
    )


async def create_history(http: httpx.AsyncClient, key: str | None = None, **config: object) -> History | None:
    """A new interview's history, or nothing if the response did not come."""
    headers = {"Idempotency-Key": key} if key else {}
    try:
        response = await http.post("/interviews", json=INTERVIEW | config, headers=headers)
    except httpx.HTTPError:
        return None
    return History(response.json()["data"]["interview_id"]) if response.status_code == 201 else None


def number_of(question_id: str) -> int:
    """The place of a question in its interview, from 1."""
    return int(question_id.removeprefix("q"))


def mark_in(text: str) -> str:
    """The mark that an answer carries at its end, as in `It depends. (mark 7)`."""
    return text.partition("(mark ")[2].rstrip(")")


def mark_of(request: Json) -> str | None:
    """The mark of the answer that a provider is asked to grade: the newest one in the prompt."""
    marks: list[Any] = re.findall(r"\(mark (\d+)\)", json.dumps(request))
    return max(marks, key=int, default=None)
