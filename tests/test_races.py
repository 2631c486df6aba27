"""Whatever a crowd does to one interview at once, in whatever order: one history, the same for everybody.

More orders, with another seed:

    SOAK_EXAMPLES=300 SOAK_SEED=8 python -m pytest tests/test_races.py -s
"""

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine, Iterator
from itertools import count, cycle, islice
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from candidates import Candidate, RestCandidate, SocketCandidate, create_history, mark_in, mark_of, open_http
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from nursery import ForkedServer, nursing
from provider import Answer, Provider, serving
from provider_wire import Json, schema_of
from serving import KEY

EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "8"))
SEED = int(os.environ.get("SOAK_SEED", "7"))
CROWDS = st.sampled_from([1, 2, 3, 8, 50])
TRANSPORTS = st.sampled_from(
    [("REST",), ("WebSocket",), ("REST", "WebSocket"), ("WebSocket", "REST", "REST")]
)
MOMENTS = st.sampled_from([0.0, 0.001, 0.005, 0.02, 0.1])  # seconds that pass before the next thing happens
figures: Counter[str] = Counter()


class HeldProvider(Provider):
    """A provider whose grades can be held back, so that other things happen while an answer is graded."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Event()
        self.gate.set()

    def answer(self, request: Json) -> Answer:
        """The reply to a request, once the gate is open."""
        reply = super().answer(request)
        self.gate.wait(20)
        return reply


class Crowd(RuleBasedStateMachine):
    """Clients of one interview; each rule starts something that goes on while the next rule starts."""

    def __init__(self, server: ForkedServer, provider: HeldProvider) -> None:
        super().__init__()
        self.server = server
        self.provider = provider
        self.loop = asyncio.Runner()
        self.under_way: set[asyncio.Task[Any]] = set()
        self.sockets: list[SocketCandidate] = []
        self.ever_here: list[SocketCandidate] = []  # one that left may have been about to connect
        self.numbers = count(1)
        self.asked_before = len(provider.requests)

    @initialize(minutes=st.sampled_from([10, 15, 30]))
    def create(self, minutes: int) -> None:
        """An interview of two, three or six main questions."""
        self.http = open_http(self.server)
        made = self.loop.run(create_history(self.http, duration=minutes))
        assert made is not None
        self.history = made
        self.loop.run(RestCandidate(self.http, self.history).read())

    @rule(crowd=CROWDS, transports=TRANSPORTS, same=st.booleans(), moment=MOMENTS)
    def answer(self, crowd: int, transports: tuple[str, ...], same: bool, moment: float) -> None:
        """Many answer the last question that anybody saw."""
        question_id, first = self.history.newest or "q1", self._text()
        for candidate in self._candidates(crowd, transports):
            self._start(candidate.answer(question_id, first if same else self._text()))
        self._pass(moment)

    @rule(crowd=CROWDS, moment=MOMENTS)
    def answer_what_is_open(self, crowd: int, moment: float) -> None:
        """Many answer over sockets without saying what."""
        for candidate in self._candidates(crowd, ("WebSocket",)):
            assert isinstance(candidate, SocketCandidate)
            self._start(candidate.answer_what_is_open(self._text()))
        self._pass(moment)

    @rule(crowd=CROWDS, transports=TRANSPORTS, differs=st.booleans(), moment=MOMENTS)
    def repeat(self, crowd: int, transports: tuple[str, ...], differs: bool, moment: float) -> None:
        """Many answer a question again that was answered, with the same words or others."""
        for question_id, text in list(self.history.accepted.items())[-2:]:
            for candidate in self._candidates(crowd, transports):
                self._start(candidate.answer(question_id, self._text() if differs else text))
        self._pass(moment)

    @rule(crowd=CROWDS, moment=MOMENTS)
    def submit_under_one_key(self, crowd: int, moment: float) -> None:
        """Many send the same request under the same key."""
        question_id, text = self.history.newest or "q1", self._text()
        for _ in range(crowd):
            self._start(RestCandidate(self.http, self.history).answer(question_id, text, f"key {text}"))
        self._pass(moment)

    @rule(crowd=CROWDS, transports=TRANSPORTS, moment=MOMENTS)
    def look(self, crowd: int, transports: tuple[str, ...], moment: float) -> None:
        """Many read the interview, or ask for the question."""
        for candidate in self._candidates(crowd, transports):
            self._start(candidate.look())
        self._pass(moment)

    @rule(crowd=CROWDS, moment=MOMENTS, rarely=st.integers(0, 3))
    def end(self, crowd: int, moment: float, rarely: int) -> None:
        """Many end the interview."""
        if rarely == 0:
            for _ in range(crowd):
                self._start(RestCandidate(self.http, self.history).end())
            self._pass(moment)

    @rule(crowd=CROWDS)
    def leave(self, crowd: int) -> None:
        """Some go away without a word, whatever they wait for."""
        for socket in self.sockets[:crowd]:
            self.loop.run(socket.close())
        del self.sockets[:crowd]

    @rule()
    def hold_the_model(self) -> None:
        """From now on the model is silent."""
        self.provider.gate.clear()

    @rule(moment=MOMENTS)
    def let_the_model_speak(self, moment: float) -> None:
        """The model replies again."""
        self.provider.gate.set()
        self._pass(moment)

    @rule()
    def settle(self) -> None:
        """All that is under way comes to its end."""
        self.provider.gate.set()
        if self.under_way:
            self.loop.run(self._gather())

    @invariant()
    def everybody_is_told_the_same(self) -> None:
        """No two clients were told different things."""
        if hasattr(self, "history"):
            assert self.history.violations == []

    def teardown(self) -> None:
        """Hold the record against all that was told, and the provider's calls against the record."""
        try:
            if hasattr(self, "history"):
                self.settle()
                self.loop.run(self._check())
        finally:
            self.provider.gate.set()
            self.loop.run(self._leave())
            self.loop.close()

    async def _check(self) -> None:
        rest = RestCandidate(self.http, self.history)
        assert await rest.end() == "accepted"
        data = await rest.read()
        assert data is not None
        self.history.check_record(data)
        assert self.history.violations == []
        asked = self.provider.requests[self.asked_before :]
        calls = Counter(mark_of(r) for r in asked if schema_of(r)[0] == "answer_evaluation")
        graded = [turn["answer"] for turn in data["turns"] if turn["evaluation"] is not None]
        if self.server.settings["INTERVIEWER_MODEL"] != "offline":
            assert calls == Counter(mark_in(text) for text in graded)
        assert sum(schema_of(request)[0] == "interview_summary" for request in asked) <= 1
        figures.update(interviews=1, turns=len(data["turns"]), repeats=self.history.repeats)

    async def _leave(self) -> None:
        for socket in self.ever_here:
            await socket.close()
        if hasattr(self, "http"):
            await self.http.aclose()

    def _start(self, act: Coroutine[Any, Any, Any]) -> None:
        task = self.loop.get_loop().create_task(act)
        self.under_way.add(task)
        figures["acts"] += 1
        figures["most at once"] = max(figures["most at once"], len(self.under_way))

    def _pass(self, seconds: float) -> None:
        """Let what is under way go on."""

        async def wait() -> None:
            done, self.under_way = await asyncio.wait(self.under_way, timeout=seconds)
            for task in done:
                task.result()

        if self.under_way:
            self.loop.run(wait())

    async def _gather(self) -> None:
        under_way, self.under_way = self.under_way, set()
        await asyncio.gather(*under_way)

    def _candidates(self, crowd: int, transports: tuple[str, ...]) -> list[Candidate]:
        """So many clients, over these transports in turn; a socket is used again if it is open."""
        chosen: list[Candidate] = []
        idle = iter(tuple(self.sockets))
        for transport in islice(cycle(transports), crowd):
            if transport == "REST":
                chosen.append(RestCandidate(self.http, self.history))
                continue
            socket = next(idle, None)
            if socket is None:
                self.sockets.append(socket := SocketCandidate(self.server, self.history))
                self.ever_here.append(socket)
            chosen.append(socket)
        return chosen

    def _text(self) -> str:
        return f"A generator yields one item at a time. (mark {next(self.numbers)})"


@pytest.fixture(scope="module")
def provider() -> Iterator[HeldProvider]:
    """A provider that can be held."""
    provider = HeldProvider()
    with serving(provider):
        yield provider


@pytest.fixture(scope="module", params=["openai:test", "offline"])
def server(
    request: pytest.FixtureRequest, provider: HeldProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ForkedServer]:
    """A server on the provider, or on the offline engine."""
    settings = {
        "INTERVIEWER_API_KEYS": KEY,
        "INTERVIEWER_RATE_LIMIT": "1000000/minute",
        "INTERVIEWER_WS_CONNECTIONS": "1000",
        "INTERVIEWER_MODEL": request.param,
        "OPENAI_BASE_URL": provider.url,
    }
    folder: Path = tmp_path_factory.mktemp("races")
    with nursing() as nursery:
        server = ForkedServer(folder, settings, nursery=nursery).start()
        yield server
        server.kill()


def test_a_crowd_makes_one_history(server: ForkedServer, provider: HeldProvider) -> None:
    figures.clear()

    @seed(SEED)
    def gather() -> Crowd:
        return Crowd(server, provider)

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        gather,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=15,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # a race seldom happens twice, so there is nothing to shrink
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"\nseed {SEED}, {server.settings['INTERVIEWER_MODEL']}: {dict(figures)}")  # noqa: T201
    assert figures["interviews"] >= EXAMPLES
