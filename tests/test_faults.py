"""No failure becomes a score: what a provider can do wrong, through the real client."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from threading import Event

import pytest
from engines import (
    ANSWER,
    CONFIG,
    QUESTION,
    brief_after,
    evaluate,
    make_turn,
    reply,
    settings_for,
    with_engine,
)
from provider import (
    BROKEN,
    BUSY,
    BUSY_FOR_LONG,
    BUSY_WITHOUT_HINT,
    CUT_OFF,
    EMPTY_CHOICES,
    FILTERED,
    HANG,
    HTML,
    HTML_AS_JSON,
    INVALID_JSON,
    PROSE,
    REFUSAL,
    UNKNOWN_MODEL,
    WRONG_KEY,
    WRONG_SCHEMA,
    Answer,
    Canned,
    Provider,
    Reply,
    failure,
    serving,
)
from provider_wire import Json
from serving import Server, create_interview, find_free_port, read_interview, submit

from agent.deadline import seconds_left, time_limit
from agent.engine import AnswerBrief
from agent.errors import EngineFailed
from agent.fallback import FallbackEngine
from agent.offline.engine import OfflineEngine
from agent.openai.breaker import OPENS_AT, PROBE_SECONDS, QUICK, SLOW, Breaker
from agent.openai.engine import OpenAIEngine

StartServer = Callable[..., Server]
BRIEF = AnswerBrief(CONFIG, QUESTION, ANSWER)
REPLIES: dict[str, Reply] = {"answer_evaluation": reply()}

PASSING: dict[str, Answer] = {
    "429 with Retry-After": BUSY,
    "429 without": BUSY_WITHOUT_HINT,
    "500": BROKEN,
    "503": failure(503),
    "connection dropped": Canned(status=0),
    "HTML": HTML,
    "HTML called JSON": HTML_AS_JSON,
    "invalid JSON": INVALID_JSON,
    "wrong schema": WRONG_SCHEMA,
    "prose": PROSE,
    "empty choices": EMPTY_CHOICES,
    "refusal": REFUSAL,
    "length cut-off": CUT_OFF,
    "content filter": FILTERED,
}
LASTING = {
    "429 for long": (BUSY_FOR_LONG, True, 1),
    "no credit": (failure(429, "insufficient_quota"), False, 3),
    "500": (BROKEN, True, 3),
    "HTML": (HTML, True, 2),
    "invalid JSON": (INVALID_JSON, True, 2),
    "wrong schema": (WRONG_SCHEMA, True, 2),
    "empty choices": (EMPTY_CHOICES, True, 2),
    "refusal": (REFUSAL, True, 2),
    "length cut-off": (CUT_OFF, True, 2),
    "content filter": (FILTERED, True, 2),
    "filtered prompt": (failure(400, "content_filter"), False, 1),
    "wrong key": (WRONG_KEY, False, 1),
    "no permission": (failure(403), False, 1),
    "unknown model": (UNKNOWN_MODEL, False, 1),
    "bad request": (failure(400), False, 2),  # the second time by way of a tool
    "hang": (HANG, True, 2),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_passing_fault_is_not_noticed(fault: Answer) -> None:
    with serving(Provider(script=[fault], replies=REPLIES)) as provider:
        assert evaluate(provider).score == 6
        assert len(provider.requests) == 2


@pytest.mark.parametrize(("fault", "retryable", "calls"), LASTING.values(), ids=LASTING)
def test_a_lasting_fault_is_told_truthfully_and_without_internals(
    fault: Answer, *, retryable: bool, calls: int
) -> None:
    started = time.monotonic()
    with serving(Provider(always=fault)) as provider:
        with pytest.raises(EngineFailed) as failed:
            with_engine(provider.url, lambda engine: engine.evaluate_answer(BRIEF), seconds=3)
        assert len(provider.requests) == calls
        assert time.monotonic() - started < 4.5  # a second full try would end after 4.8
        assert failed.value.retryable is retryable
        for internal in ("secret", "sk-", str(provider.server.server_port), "Error", "html"):
            assert internal not in str(failed.value)


@pytest.mark.parametrize("fault", [EMPTY_CHOICES, CUT_OFF, REFUSAL, FILTERED], ids=str)
def test_a_stream_that_ends_badly_is_no_evaluation(fault: Answer) -> None:
    pieces: list[str] = []
    with serving(Provider(script=[fault], replies=REPLIES)) as provider:
        evaluation = with_engine(provider.url, lambda engine: engine.evaluate_answer(BRIEF, pieces.append))
        assert evaluation.score == 6
        assert [bool(request.get("stream")) for request in provider.requests] == [True, False]


def test_a_provider_that_is_not_there_is_told_as_retryable() -> None:
    with pytest.raises(EngineFailed) as failed:
        with_engine(f"http://127.0.0.1:{find_free_port()}/v1", lambda e: e.evaluate_answer(BRIEF))
    assert failed.value.retryable


def test_a_provider_that_accepts_and_says_nothing_costs_no_more_than_the_limit() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        started = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(EngineFailed, match="in time"):
            with_engine(url, lambda engine: engine.evaluate_answer(BRIEF), seconds=2)
        assert time.monotonic() - started < 3  # a second full try would end after 3.2


def test_a_request_has_one_limit_for_all_that_is_done_for_it() -> None:
    with serving(Provider(always=HANG)) as provider:

        async def twice(engine: OpenAIEngine) -> float:
            started = time.monotonic()
            with time_limit(1.0):
                for _ in range(2):
                    with pytest.raises(EngineFailed):
                        await asyncio.create_task(engine.generate_question(brief_after(1)))
            return time.monotonic() - started

        assert with_engine(provider.url, twice) < 1.9  # with a limit for each it would be 2
    assert seconds_left() == float("inf")


def test_a_summary_that_hangs_is_replaced_by_the_computed_one() -> None:
    with serving(Provider(always=HANG)) as provider:
        summary = with_engine(
            provider.url, lambda engine: engine.summarise_interview(CONFIG, (make_turn(1),)), seconds=0.5
        )
    assert summary.recommendations


def test_a_breaker_opens_after_failures_in_a_row_and_lets_probes_through() -> None:
    now = [100.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(OPENS_AT - 1):
        breaker.note_failure(QUICK)
        assert not breaker.is_open()
    breaker.note_failure(QUICK)
    assert breaker.is_open()
    assert [breaker.may_probe() for _ in range(3)] == [True, False, False]  # the first one at once
    now[0] += PROBE_SECONDS
    assert [breaker.may_probe(), breaker.may_probe()] == [True, False]
    breaker.note_success()
    assert not breaker.is_open()
    assert PROBE_SECONDS <= 10


def test_two_calls_that_hang_open_a_breaker_and_a_success_in_between_resets_it() -> None:
    breaker = Breaker()
    breaker.note_failure(SLOW)
    breaker.note_success()
    breaker.note_failure(SLOW)
    assert not breaker.is_open()
    breaker.note_failure(SLOW)
    assert breaker.is_open()


def test_a_dead_provider_does_not_hold_every_request_and_is_tried_again() -> None:
    with serving(Provider(always=HANG, replies=REPLIES)) as provider:

        async def insist(engine: OpenAIEngine) -> list[float]:
            waits = []
            for _ in range(6):
                started = time.monotonic()
                with pytest.raises(EngineFailed) as failed:
                    await engine.evaluate_answer(BRIEF)
                assert failed.value.retryable
                waits.append(time.monotonic() - started)
            provider.always = None
            await asyncio.sleep(PROBE_SECONDS)
            with suppress(EngineFailed):  # the probe can outlast the moment that its request waits
                assert (await engine.evaluate_answer(BRIEF)).score == 6
            await asyncio.gather(*engine._client._probes)
            assert (await engine.evaluate_answer(BRIEF)).score == 6
            return waits

        waits = with_engine(provider.url, insist, seconds=1)
    assert [wait > 0.9 for wait in waits] == [True, True, False, False, False, False]
    assert max(waits[2:]) < 0.5


def test_a_probe_that_outlasts_its_request_still_closes_the_breaker() -> None:
    let_go = Event()

    def work(_: Json) -> Json:
        let_go.wait(30)
        return reply()

    with serving(Provider(replies={"answer_evaluation": work})) as provider:

        async def recover(engine: OpenAIEngine) -> None:
            breaker = engine._client._breaker
            breaker.note_failure(OPENS_AT)
            with pytest.raises(EngineFailed, match="not answering"):
                await engine.evaluate_answer(BRIEF)
            (probe,) = engine._client._probes
            let_go.set()
            await asyncio.wait({probe})
            assert not breaker.is_open()
            assert (await engine.evaluate_answer(BRIEF)).score == 6

        with_engine(provider.url, recover, seconds=3)


def test_a_fallback_takes_over_and_says_who_made_the_evaluation() -> None:
    with serving(Provider(script=[WRONG_KEY], replies=REPLIES)) as provider:

        async def grade_twice(engine: OpenAIEngine) -> list[str]:
            pair = FallbackEngine(engine, OfflineEngine(), 5)
            assert pair.drafts_ahead
            return [(await pair.evaluate_answer(BRIEF)).provenance.engine for _ in range(2)]

        assert with_engine(provider.url, grade_twice) == ["offline", "openai:test"]


def test_a_fallback_has_time_left_when_the_first_engine_hangs() -> None:
    with serving(Provider(always=HANG)) as dead, serving(Provider()) as alive:

        async def ask(second: OpenAIEngine) -> tuple[str, float]:
            first = OpenAIEngine("dead", settings_for(dead.url))
            started = time.monotonic()
            pair = FallbackEngine(first, second, 2.0)
            draft = await pair.generate_question(brief_after(0))
            await first.close()
            return draft.source, time.monotonic() - started

        source, seconds = with_engine(alive.url, ask)
    assert source == "openai:test"
    assert 0.9 < seconds < 2.0


def test_closing_a_pair_closes_both_even_if_one_cannot_be() -> None:
    async def close() -> None:
        first, second = (OpenAIEngine(name, settings_for("http://127.0.0.1:9/v1")) for name in ("a", "b"))
        pair = FallbackEngine(first, FallbackEngine(OfflineEngine(), second, 5), 5)
        await pair.close()
        await OfflineEngine().close()
        assert first._client._http.is_closed
        assert second._client._http.is_closed

    asyncio.run(close())


def test_a_fault_of_the_provider_costs_no_answer_and_no_place(start_server: StartServer) -> None:
    with serving(Provider()) as provider:
        server = start_server(
            INTERVIEWER_MODEL="openai:test",
            OPENAI_BASE_URL=provider.url,
            INTERVIEWER_MODEL_TIMEOUT_SECONDS="2",
        )
        with server.client() as client:
            interview_id = create_interview(client, duration=60)
            asked = read_interview(client, interview_id)["current_question"]
            for fault, retryable in ((WRONG_KEY, False), (BROKEN, True), (HTML, True)):
                provider.always = fault
                response = submit(client, interview_id, "q1", ANSWER)
                assert response.status_code == 500, response.text
                error = response.json()["error"]
                assert (error["code"], error["details"]["retryable"]) == ("server_error", retryable)
                assert read_interview(client, interview_id)["current_question"]["id"] == "q1"
                other = submit(client, interview_id, "q1", "Something else.")
                assert other.status_code == 400  # the first one is stored
            provider.always = None
            response = submit(client, interview_id, "q1", ANSWER)
            until = time.monotonic() + 10  # by then the breaker has let a probe through
            while response.status_code == 500 and time.monotonic() < until:
                time.sleep(0.2)
                response = submit(client, interview_id, "q1", ANSWER)
            assert response.status_code == 200, response.text
            assert response.json()["data"]["next_question"]["text"] != asked["text"]
        assert "sk-" not in server.log
        assert ANSWER not in server.log


def test_an_answer_that_is_never_graded_is_left_out_of_the_summary_and_listed(
    start_server: StartServer,
) -> None:
    with serving(Provider()) as provider:
        server = start_server(INTERVIEWER_MODEL="openai:test", OPENAI_BASE_URL=provider.url)
        with server.client() as client:
            interview_id = create_interview(client)
            read_interview(client, interview_id)
            provider.always = WRONG_KEY
            assert submit(client, interview_id, "q1", ANSWER).status_code == 500
            ended = client.post(f"/interviews/{interview_id}/end")
            assert ended.status_code == 200, ended.text
            summary = ended.json()["data"]["summary"]
            assert (summary["overall_score"], summary["answered"], summary["ungraded"]) == (0, 1, ["q1"])
            assert submit(client, interview_id, "q1", ANSWER).status_code == 400


def test_an_offline_fallback_keeps_the_service_going_without_a_provider(start_server: StartServer) -> None:
    server = start_server(
        INTERVIEWER_MODEL="openai:test",
        INTERVIEWER_FALLBACK_MODEL="offline",
        OPENAI_BASE_URL=f"http://127.0.0.1:{find_free_port()}/v1",
    )
    with server.client() as client:
        interview_id = create_interview(client)
        response = submit(client, interview_id, "q1", ANSWER)
        assert response.status_code == 200, response.text
        assert response.json()["data"]["evaluation"]["provenance"]["engine"] == "offline"


def test_an_answer_without_words_for_the_model_is_still_only_data() -> None:
    with serving(Provider(replies=REPLIES)) as provider:
        assert evaluate(provider, "\u200b\u200b", replace(QUESTION, text="\u202eWhy?")).evidence == ()
