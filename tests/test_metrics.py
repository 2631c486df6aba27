"""What /metrics says is what happened; read from real servers after real turns."""

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types
from databases import Postgres, RedisServer, wait_until
from prometheus_client.parser import text_string_to_metric_families
from provider import BUSY, PROSE, UNKNOWN_MODEL, Provider, serving
from provider_wire import Json
from running import run_interviewer
from serving import KEY, Server, create_interview, find_free_port, read_interview, submit
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from agent.openai.prices import price_call
from graphs.postgres import plain_url

StartServer = Callable[..., Server]

DEPLOY = Path(__file__).parent.parent / "deploy"
ANSWER = "A generator yields one item at a time, so memory use stays small."
NAMES = re.compile(r"\binterviewer_\w+")
MODEL = "gpt-5-mini"


def read_metric(server: Server, name: str, **labels: str) -> float:
    """What a server's samples of this name and these labels come to, whatever their other labels are."""
    text = httpx.get(f"{server.url}/metrics", timeout=20).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def read_names(server: Server) -> set[str]:
    """The names under which Prometheus finds something, also where nothing was counted yet."""
    text = httpx.get(f"{server.url}/metrics").text
    names = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, flags=re.MULTILINE):
        names |= {name} | (
            {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else set()
        )
    return names


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A model's provider."""
    with serving(Provider()) as provider:
        yield provider


def start_with_model(start_server: StartServer, provider: Provider, **settings: str) -> Server:
    """A server with that model."""
    given = {
        "INTERVIEWER_MODEL": f"openai:{MODEL}",
        "OPENAI_BASE_URL": provider.url,
        "OPENAI_API_KEY": "sk-x",
    }
    return start_server(**given | settings)


def test_turns_are_counted_by_what_became_of_them(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client, duration=10)
        assert submit(client, interview_id, "q1", ANSWER).status_code == 200
        assert submit(client, interview_id, "q1", ANSWER).status_code == 200
        assert submit(client, interview_id, "q1", "Something else.").status_code == 400
        assert client.post(f"/interviews/{interview_id}/end").status_code == 200
    counted = {
        outcome: read_metric(server, "interviewer_turns_total", outcome=outcome)
        for outcome in ("graded", "repeated", "refused", "failed")
    }
    assert counted == {"graded": 1, "repeated": 1, "refused": 1, "failed": 0}
    assert read_metric(server, "interviewer_turns_in_flight") == 0
    assert read_metric(server, "interviewer_turn_seconds_count", part="own") == 1
    assert read_metric(server, "interviewer_turn_seconds_count", part="model") == 0
    for event in ("created", "completed"):
        assert read_metric(server, "interviewer_interviews_total", event=event) == 1
    for kind in ("read", "write"):
        assert read_metric(server, "interviewer_store_seconds_count", kind=kind) >= 3
    assert read_metric(server, "interviewer_store_waiting") == 0


def test_a_turn_is_the_model_s_time_and_our_own_and_two_calls_at_once_count_once(
    start_server: StartServer, provider: Provider
) -> None:
    server = start_with_model(start_server, provider)
    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        provider.latency = 1.5
        began = time.monotonic()
        assert submit(client, interview_id, "q1", ANSWER).status_code == 200
        whole = time.monotonic() - began
    assert provider.most_at_once == 2
    model, own = (read_metric(server, "interviewer_turn_seconds_sum", part=part) for part in ("model", "own"))
    assert 1.5 <= model < whole
    assert 0 < own < whole - 1.5
    assert model + own <= whole
    assert read_metric(server, "interviewer_model_seconds_sum", purpose="evaluate_answer") >= 1.5


def test_turns_in_flight_and_calls_that_hang_are_seen_while_they_last(
    start_server: StartServer, provider: Provider
) -> None:
    server = start_with_model(start_server, provider)
    with server.client() as client, ThreadPoolExecutor(1) as elsewhere:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        provider.latency = 3
        turn = elsewhere.submit(submit, client, interview_id, "q1", ANSWER)
        wait_until(lambda: read_metric(server, "interviewer_turns_in_flight") == 1, "the turn was not seen")
        assert turn.result().status_code == 200
    assert read_metric(server, "interviewer_turns_in_flight") == 0


def test_tokens_and_their_price_are_counted_per_model(start_server: StartServer, provider: Provider) -> None:
    server = start_with_model(start_server, provider)
    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        assert submit(client, interview_id, "q1", ANSWER).status_code == 200
    tokens = {
        kind: read_metric(server, "interviewer_model_tokens_total", model=MODEL, kind=kind)
        for kind in ("input", "output", "cached")
    }
    assert tokens["input"] > 1000
    assert tokens["output"] > 100
    assert tokens["cached"] == 0
    price = price_call(MODEL, int(tokens["input"]), 0, int(tokens["output"]))
    assert price
    counted = read_metric(server, "interviewer_model_cost_dollars_total", model=MODEL)
    assert math.isclose(counted, price, rel_tol=1e-3)
    calls = read_metric(server, "interviewer_model_calls_total", model=MODEL, outcome="answered")
    assert calls == len(provider.requests) == 3


def test_a_model_s_failures_are_told_apart(start_server: StartServer, provider: Provider) -> None:
    server = start_with_model(start_server, provider)

    def count(outcome: str) -> float:
        return read_metric(
            server, "interviewer_model_calls_total", outcome=outcome, purpose="evaluate_answer"
        )

    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        provider.always = UNKNOWN_MODEL
        assert submit(client, interview_id, "q1", ANSWER).status_code == 500
        assert (count("failed"), count("unusable")) == (1, 0)
        assert read_metric(server, "interviewer_model_retries_total") == 0
        provider.always = PROSE
        assert submit(client, interview_id, "q1", ANSWER).status_code == 500
        assert (count("failed"), count("unusable")) == (1, 2)
        provider.always = BUSY
        while not count("withheld"):
            assert submit(client, interview_id, "q1", ANSWER).status_code == 500
    assert read_metric(server, "interviewer_turns_total", outcome="failed") >= 3
    assert read_metric(server, "interviewer_turn_seconds_count") == 0


def test_a_call_that_nobody_waits_for_any_more_is_no_failure_of_the_model(
    start_server: StartServer, provider: Provider
) -> None:
    def hang(_: Json) -> Any:  # noqa: ANN401 - whatever the provider can send
        provider.stopped.wait(5)
        return {}

    server = start_with_model(start_server, provider)
    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        provider.replies["interview_question"] = hang  # which is drafted beside the grade
        provider.replies["answer_evaluation"] = lambda _: UNKNOWN_MODEL
        assert submit(client, interview_id, "q1", ANSWER).status_code == 500
    for purpose, outcome in (("evaluate_answer", "failed"), ("generate_question", "cancelled")):
        counted = {"purpose": purpose, "outcome": outcome}
        assert read_metric(server, "interviewer_model_calls_total", **counted) == 1


def test_repetitions_of_a_model_s_requests_are_counted(start_server: StartServer, provider: Provider) -> None:
    server = start_with_model(start_server, provider)
    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        provider.script = [BUSY, BUSY]
        assert submit(client, interview_id, "q1", ANSWER).status_code == 200
        assert read_metric(server, "interviewer_model_retries_total") == 2
        provider.replies["answer_evaluation"] = script([PROSE], provider)
        assert submit(client, interview_id, "q2", ANSWER).status_code == 200
        assert read_metric(server, "interviewer_model_retries_total") == 3


def script(first: list[Any], provider: Provider) -> Callable[[Json], Any]:
    """These replies first, then none of them."""

    def reply(_: Json) -> Any:  # noqa: ANN401 - whatever the provider can send
        if len(first) == 1:
            del provider.replies["answer_evaluation"]
        return first.pop(0)

    return reply


def test_open_sockets_and_each_limit_that_is_hit_are_counted(start_server: StartServer) -> None:
    limits = {
        "INTERVIEWER_RATE_LIMIT": "6/minute",
        "INTERVIEWER_AUTH_FAILURE_LIMIT": "2/minute",
        "INTERVIEWER_WS_CONNECTIONS": "1",
    }
    server = start_server(**limits)
    with server.client() as client:
        interview_id = create_interview(client)
        url = f"{server.socket_url}/{interview_id}?token={KEY}"
        with connect(url):
            assert read_metric(server, "interviewer_open_sockets") == 1
            with pytest.raises(InvalidStatus):
                connect(url).close()
        wait_until(lambda: read_metric(server, "interviewer_open_sockets") == 0, "the socket stays open")
        while client.get(f"/interviews/{interview_id}").status_code != 429:
            pass
    with server.client("wrong-key-0123456789") as guesser:
        assert [guesser.get("/interviews/x").status_code for _ in range(4)] == [401, 401, 429, 429]
    hit = {
        limit: read_metric(server, "interviewer_limits_hit_total", limit=limit)
        for limit in ("requests", "sockets", "authentication")
    }
    assert hit == {"requests": 1, "sockets": 1, "authentication": 2}


def test_a_database_that_is_slow_shows_in_the_queue_and_the_pool(
    start_server: StartServer, postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.create_database("metrics")
    assert run_interviewer(tmp_path, "db", "upgrade", INTERVIEWER_DATABASE_URL=url).returncode == 0
    server = start_server(INTERVIEWER_DATABASE_URL=url)
    with server.client() as client, ThreadPoolExecutor(1) as elsewhere:
        with psycopg.connect(plain_url(url)) as locking:
            locking.execute("LOCK TABLE interviews")
            created = elsewhere.submit(create_interview, client)
            wait_until(lambda: read_metric(server, "interviewer_store_waiting") >= 1, "no write waits")
            assert 1 <= read_metric(server, "interviewer_store_connections_in_use") <= 5
        read_interview(client, created.result())
    wait_until(
        lambda: read_metric(server, "interviewer_store_connections_in_use") == 0, "a connection is kept"
    )
    assert read_metric(server, "interviewer_ready") == 1
    postgres.stop()
    wait_until(lambda: read_metric(server, "interviewer_ready") == 0, "it is told to be ready")
    postgres.start()
    wait_until(lambda: read_metric(server, "interviewer_ready") == 1, "it is not told to be ready")
    assert server.stop() == 0


def test_redis_is_up_while_it_answers_and_not_told_of_where_none_is_set(start_server: StartServer) -> None:
    redis = RedisServer().start()
    server = start_server("with", INTERVIEWER_REDIS_URL=redis.url)

    def is_up() -> bool:
        return read_metric(server, "interviewer_redis_up") == 1

    assert is_up()
    redis.stop()
    wait_until(lambda: not is_up(), "Redis is still told to be up")
    redis.start()
    wait_until(is_up, "Redis is still told to be away")
    redis.stop()
    assert "interviewer_redis_up" not in read_names(start_server("without"))


def test_no_label_holds_an_id_a_key_or_a_word_of_anybody(
    start_server: StartServer, provider: Provider
) -> None:
    server = start_with_model(start_server, provider)
    with server.client() as client:
        for _ in range(3):
            interview_id = create_interview(client)
            read_interview(client, interview_id)
            submit(client, interview_id, "q1", ANSWER)
        client.get(f"/interviews/{interview_id}x")
        client.request("NONSENSE", "/interviews")
    text = httpx.get(f"{server.url}/metrics").text
    values = {
        value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("interviewer_")
        for sample in family.samples
        for name, value in sample.labels.items()
        if name != "le"
    }
    purposes = {"generate_question", "evaluate_answer"}
    words = {
        "graded",
        "repeated",
        "refused",
        "failed",
        "answered",
        "own",
        "model",
        "read",
        "write",
        "created",
    }
    words |= {"completed", "input", "output", "cached", "requests", "sockets", "authentication", MODEL}
    assert values <= words | purposes | {"GET", "POST", "200", "201", "400", "404", "405"}


def read_dashboard() -> set[str]:
    """Every metric that the dashboard asks for."""
    dashboard = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(asked) > 15
    return {name for expression in asked for name in NAMES.findall(expression)}


def read_alerts() -> list[dict[str, Any]]:
    """The rules of all groups."""
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_dashboard_and_the_alerts_ask_for_nothing_that_no_server_tells(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_REDIS_URL=f"redis://127.0.0.1:{find_free_port()}/0")
    told = read_names(server)
    assert read_dashboard() <= told
    assert {name for rule in read_alerts() for name in NAMES.findall(rule["expr"])} <= told


def test_every_metric_and_every_alert_is_in_the_guide(start_server: StartServer) -> None:
    guide = (DEPLOY.parent / "docs" / "operations.md").read_text()
    text = httpx.get(f"{start_server(INTERVIEWER_REDIS_URL='redis://127.0.0.1:1/0').url}/metrics").text
    kinds = re.findall(r"^# TYPE (interviewer_\S+) (?:\S+)$", text, flags=re.MULTILINE)
    assert len(kinds) >= 18
    assert set(kinds) == set(re.findall(r"`(interviewer_\w+)[`{]", guide))
    assert {rule["alert"] for rule in read_alerts()} <= set(
        re.findall(r"^\| `(\w+)` \|", guide, re.MULTILINE)
    )
    for rule in read_alerts():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
