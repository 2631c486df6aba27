"""The traffic: interviews over both transports, with races, repeats, coaching and departures."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import httpx
from candidates import Candidate, History, Outcome, RestCandidate, SocketCandidate, create_history
from serving import Server

Json = dict[str, Any]

ACTS = ("answer", "race", "repeat", "look", "coach", "leave", "end")
OFTEN = (30, 10, 12, 12, 6, 6, 2)
PATIENCE = 90.0  # seconds after which an interview that gives no final reply is held to be stuck
COACHING = {"question": "Tell me about a failure.", "answer": "We missed a date. I told the client."}
PRACTICE = {"job_role": "Nurse", "skill": "Triage"}
WORDS = ("I don't know.", "A generator yields one item at a time, so memory use stays small.", "It depends.")


@dataclass
class Tally:
    """What a run counts; all who take part write into it."""

    figures: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    until: float = 0.0
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def expect(self, holds: bool, fact: str) -> None:
        """Note a violation unless something holds."""
        if not holds:
            self.violations.append(fact)


class Attendance:
    """One interview from its creation to its end, and all who come to it."""

    def __init__(self, tally: Tally, server: Server, http: httpx.AsyncClient, random: Random) -> None:
        self._tally = tally
        self._server = server
        self._http = http
        self._random = random
        self._history = History("")

    async def hold(self) -> None:
        """Create it, act on it until it is over, and hold its record against what was told."""
        self._history = await self._create()
        self._rest = RestCandidate(self._http, self._history)
        self._own: Candidate = self._choose()
        data = await self._read()
        while data["status"] != "completed":
            (act,) = self._random.choices(ACTS, OFTEN)
            self._tally.figures["acts"] += 1
            await self._do(
                "end" if time.monotonic() > self._tally.until else act, data["current_question"]["id"]
            )
            data = await self._read()
        await self._insist(self._rest.end)
        self._history.check_record(await self._read())
        await self._own.close()
        self._tally.violations += self._history.violations
        answered = sum(turn["answer"] is not None for turn in data["turns"])
        self._tally.figures.update(interviews=1, turns=answered, repeats=self._history.repeats)

    async def _do(self, act: str, question_id: str) -> None:
        if act == "answer":
            text, key = self._text(), f"key-{next(self._tally.numbers)}"
            await self._settle(question_id, [self._own.answer(question_id, text, key)])
        elif act == "race":
            await self._race(question_id)
        elif act == "repeat":
            await self._repeat()
        elif act == "look":
            await self._own.look()
        elif act == "leave":
            await self._leave(question_id)
        elif act == "coach":
            await self._coach()
        else:
            key = f"key-{next(self._tally.numbers)}"
            await self._insist(lambda: self._rest.end(key))

    async def _race(self, question_id: str) -> None:
        """Several answer at once, with the same words or others, while others look and one may end it."""
        first = self._text()
        came = [self._choose() for _ in range(self._random.randint(2, 8))]
        acts = [c.answer(question_id, self._random.choice([first, self._text()])) for c in came]
        acts += [self._choose().look() if isinstance(c, RestCandidate) else c.look() for c in came[:2]]
        if self._random.random() < 0.1:
            acts.append(self._rest.end())
        self._random.shuffle(acts)
        self._tally.figures["races"] += 1
        await self._settle(question_id, acts)
        for candidate in came:
            await candidate.close()

    async def _settle(self, question_id: str, acts: Sequence[Awaitable[Outcome]]) -> None:
        """Let the acts come out as they will, then submit again all that was said: one answer is stored."""
        outcomes = await asyncio.gather(*acts)
        self._tally.figures["replies lost"] += outcomes.count("lost")
        self._tally.figures["replies that told a failure"] += outcomes.count("failed")
        if all(outcome == "accepted" for outcome in outcomes):
            return
        texts = sorted(self._history.sent[question_id])
        settled = [await self._insist(lambda t=t: self._rest.answer(question_id, t)) for t in texts]  # type: ignore[misc]
        self._history.expect(settled.count("accepted") <= 1, f"several of {texts} are stored")

    async def _repeat(self) -> None:
        """Submit an answer again that was acknowledged; it is acknowledged the same way."""
        if self._history.accepted:
            question_id, text = self._random.choice(list(self._history.accepted.items()))
            if question_id in self._history.evaluations:
                outcome = await self._insist(lambda: self._rest.answer(question_id, text))
                self._history.expect(outcome == "accepted", f"{text!r} was accepted, and is {outcome} now")

    async def _leave(self, question_id: str) -> None:
        """Answer over a socket and go away in mid-turn; then see what became of it."""
        socket, text = SocketCandidate(self._server, self._history), self._text()
        going = asyncio.ensure_future(socket.answer(question_id, text))
        await asyncio.sleep(self._random.uniform(0, 0.1))
        await socket.close()
        going.cancel()
        with suppress(asyncio.CancelledError):
            await going
        self._tally.figures["departures in mid-turn"] += 1
        await self._settle(question_id, [self._rest.answer(question_id, text)])

    async def _coach(self) -> None:
        """Coaching and practice, each twice under a key: the second response is the first."""
        for path, body in (("/coaching/feedback", COACHING), ("/coaching/practice-questions", PRACTICE)):
            headers = {"Idempotency-Key": f"key-{next(self._tally.numbers)}"}
            told = [await self._post(path, body, headers) for _ in range(2)]
            if None not in told:
                self._history.expect(told[0] == told[1], f"{path} under one key: {told}")
                self._tally.figures["coaching"] += 1

    async def _post(self, path: str, body: Json, headers: dict[str, str]) -> Json | None:
        try:
            response = await self._http.post(path, json=body, headers=headers)
        except httpx.HTTPError:
            return None
        self._history.expect(response.status_code in (200, 500), f"{path}: {response.text}")
        return dict(response.json()) if response.status_code == 200 else None

    async def _create(self) -> History:
        """A new interview; under a key, so that a response that was lost makes no second one."""
        key, minutes = f"create-{next(self._tally.numbers)}", self._random.choice([10, 15, 30, 60])
        until = time.monotonic() + PATIENCE
        while (made := await create_history(self._http, key, duration=minutes)) is None:
            if time.monotonic() > until:
                raise TimeoutError("no interview could be created")
            await asyncio.sleep(0.05)
        return made

    async def _insist(self, act: Callable[[], Awaitable[Outcome]]) -> Outcome:
        until = time.monotonic() + PATIENCE
        while (outcome := await act()) in ("lost", "failed"):
            if time.monotonic() > until:
                raise TimeoutError(f"{self._history.interview_id} is stuck")
            await asyncio.sleep(0.05)
        return outcome

    async def _read(self) -> Json:
        until = time.monotonic() + PATIENCE
        while (data := await self._rest.read()) is None or (
            data["status"] == "completed" and data["summary"] is None
        ):
            if time.monotonic() > until:
                raise TimeoutError(f"{self._history.interview_id} cannot be read")
            await asyncio.sleep(0.05)
        return data

    def _choose(self) -> Candidate:
        if self._random.random() < 0.5:
            return RestCandidate(self._http, self._history)
        return SocketCandidate(self._server, self._history)

    def _text(self) -> str:
        return f"{self._random.choice(WORDS)} (mark {next(self._tally.numbers)})"
