"""A turn costs one round trip to the model, counted at the provider behind a real server."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from provider import HANG, Provider, failure, serving
from provider_wire import Json, prompt_of, schema_of
from serving import KEY, Server, create_interview, frame, read_interview, submit
from websockets.sync.client import ClientConnection, connect

StartServer = Callable[..., Server]
ANSWER = "A generator yields one item at a time, so memory use stays small even for huge files."


def start_on(provider: Provider, start_server: StartServer, **settings: str) -> Server:
    """A server whose model is the provider's."""
    return start_server(INTERVIEWER_MODEL="openai:test", OPENAI_BASE_URL=provider.url, **settings)


def hold_interview(server: Server, turns: int, **config: object) -> tuple[str, list[str], list[float]]:
    """An interview of so many answers: its id, the questions' texts and the seconds that each answer took."""
    with server.client() as client:
        interview_id = create_interview(client, duration=240, **config)
        question = read_interview(client, interview_id)["current_question"]
        texts, seconds = [question["text"]], []
        for _ in range(turns):
            started = time.monotonic()
            response = submit(client, interview_id, question["id"], ANSWER)
            seconds.append(time.monotonic() - started)
            assert response.status_code == 200, response.text
            question = response.json()["data"]["next_question"]
            texts.append(question["text"])
        assert client.post(f"/interviews/{interview_id}/end").status_code == 200
    return interview_id, texts, seconds


def test_an_evaluation_and_the_next_draft_are_under_way_at_once(start_server: StartServer) -> None:
    with serving(Provider(latency=0.8)) as provider:
        _, _, seconds = hold_interview(start_on(provider, start_server), 2)
        assert provider.most_at_once == 2
        assert min(seconds) < 1.5  # two in a row would take 1.6


@pytest.mark.parametrize("text", ["Text {}", "x"], ids=["new texts", "always the same text"])
def test_an_interview_takes_at_most_two_calls_a_turn_and_four(start_server: StartServer, text: str) -> None:
    turns = 12
    with serving(Provider(text=text)) as provider:
        _, texts, _ = hold_interview(start_on(provider, start_server), turns)
        assert len(provider.requests) <= 2 * turns + 4
        assert len(provider.asked_for("interview_summary")) == 1
    assert len({text.casefold() for text in texts}) == turns + 1


def test_a_draft_waits_while_follow_ups_are_asked(start_server: StartServer) -> None:
    def leaves_gaps(request: Json) -> Json:
        fields = Provider.fit(provider, schema_of(request)[1])
        assert isinstance(fields, dict)
        number = len(provider.requests)
        for point in fields["key_points"].values():
            point["coverage"] = "not made"
        follow_up = {"gap": "other", "gap_in_words": f"gap {number}", "question": f"And gap {number}?"}
        return fields | {"follow_up": follow_up}

    with serving(Provider()) as provider:
        provider.replies["answer_evaluation"] = leaves_gaps
        _, texts, _ = hold_interview(start_on(provider, start_server), 6)
        assert [text.startswith("And gap") for text in texts] == [False, True, True] * 2 + [False]
        assert len(provider.asked_for("interview_question")) == 3


def test_the_first_question_is_one_call_away(start_server: StartServer) -> None:
    with serving(Provider(latency=1.0)) as provider:
        server = start_on(provider, start_server)
        with server.client() as client:
            started = time.monotonic()
            interview_id = create_interview(client)
            assert time.monotonic() - started < 1.0
            read_interview(client, interview_id)
            assert time.monotonic() - started < 2.0
        assert len(provider.requests) == 1


def test_a_failed_draft_does_not_fail_the_turn(start_server: StartServer) -> None:
    with serving(Provider()) as provider:
        server = start_on(provider, start_server)
        with server.client() as client:
            interview_id = create_interview(client)
            read_interview(client, interview_id)
            bad = iter([failure(400)])
            provider.replies["interview_question"] = lambda request: (
                next(bad, None) or _fit(provider, request)
            )
            response = submit(client, interview_id, "q1", ANSWER)
            assert response.status_code == 200, response.text
            assert response.json()["data"]["next_question"]["id"] == "q2"
        assert len(provider.requests) == 4


def test_a_draft_that_hangs_holds_the_client_no_longer_than_the_limit(start_server: StartServer) -> None:
    with serving(Provider()) as provider:
        server = start_on(provider, start_server, INTERVIEWER_MODEL_TIMEOUT_SECONDS="2")
        with server.client() as client:
            interview_id = create_interview(client)
            read_interview(client, interview_id)
            provider.replies["interview_question"] = lambda _: HANG
            started = time.monotonic()
            assert submit(client, interview_id, "q1", ANSWER).status_code == 500
            assert time.monotonic() - started < 3  # a second full try would end after 3.2
            del provider.replies["interview_question"]
            again = submit(client, interview_id, "q1", ANSWER)
            assert again.status_code == 200, again.text
            assert len(provider.asked_for("answer_evaluation")) == 1  # the grade was kept


def test_the_prompts_of_a_long_interview_stay_short_and_begin_alike(start_server: StartServer) -> None:
    with serving(Provider()) as provider:
        hold_interview(start_on(provider, start_server), 30)
        for name in ("interview_question", "answer_evaluation"):
            prompts = [prompt_of(request) for request in provider.asked_for(name)]
            assert len({system for system, _ in prompts}) == 1
            lengths = [len(system + user) for system, user in prompts]
            assert lengths[29] <= 1.2 * lengths[4]


def watch(server: Server, interview_id: str, query: str) -> ClientConnection:
    """A socket of an interview."""
    return connect(f"{server.socket_url}/{interview_id}?token={KEY}{query}")


@pytest.mark.parametrize("stream", [True, False])
def test_feedback_is_streamed_to_those_who_ask_for_it(start_server: StartServer, *, stream: bool) -> None:
    with serving(Provider()) as provider:
        server = start_on(provider, start_server)
        with server.client() as client:
            interview_id = create_interview(client)
        with watch(server, interview_id, "&stream=true" if stream else "") as socket:
            messages = _read_until(socket, "question")
            socket.send(frame("answer", answer=ANSWER))
            messages = _read_until(socket, "question")
        pieces = [message["data"]["text"] for message in messages if message["type"] == "feedback_delta"]
        (feedback,) = (message["data"] for message in messages if message["type"] == "feedback")
        assert "".join(pieces) == (feedback["feedback"] if stream else "")
        assert bool(provider.asked_for("answer_evaluation")[0].get("stream")) is stream


def test_the_evaluation_shows_its_evidence_and_where_it_comes_from(start_server: StartServer) -> None:
    with serving(Provider()) as provider:
        server = start_on(provider, start_server)
        with server.client() as client:
            interview_id = create_interview(client)
            evaluation = submit(client, interview_id, "q1", ANSWER).json()["data"]["evaluation"]
    made = evaluation["provenance"]
    assert evaluation["evidence"] == []
    assert evaluation["missing"] == []
    assert (made["engine"], made["model_served"]) == ("openai:test", "test-2026-01-01")
    assert made["prompt"] == "evaluate_answer@1"
    assert made["input_tokens"] > 0


def test_a_model_without_key_or_address_stops_the_start(tmp_path: Path) -> None:
    server = Server(tmp_path, {"INTERVIEWER_MODEL": "openai:test"})
    with pytest.raises(AssertionError, match="OPENAI_API_KEY"):
        server.start()
    server.kill()


def _fit(provider: Provider, request: Json) -> Json:
    fields = provider.fit(schema_of(request)[1])
    assert isinstance(fields, dict)
    return fields


def _read_until(socket: ClientConnection, kind: str) -> list[Json]:
    messages: list[Json] = []
    while not messages or messages[-1]["type"] != kind:
        messages.append(json.loads(socket.recv(timeout=10)))
    return messages


def test_a_shutdown_lets_what_has_begun_finish(start_server: StartServer) -> None:
    with serving(Provider(latency=0.5)) as provider:
        server = start_on(provider, start_server)
        with server.client() as client:
            interview_id = create_interview(client, duration=10)
            question = read_interview(client, interview_id)["current_question"]
            while question:  # the last reply does not wait for the summary
                response = submit(client, interview_id, question["id"], "I don't know.")
                question = response.json()["data"]["next_question"]
        assert server.stop() == 0
        assert len(provider.asked_for("interview_summary")) == 1
        server.start()
        with server.client() as client:
            assert read_interview(client, interview_id)["summary"]["answered"] == 2
        assert len(provider.asked_for("interview_summary")) == 1
