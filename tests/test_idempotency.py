"""Idempotency keys: a request under a key happens once, whatever becomes of its response."""

import concurrent.futures
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from serving import INTERVIEW, OTHER_KEY, Server, create_interview, submit

FEEDBACK = {"question": "Tell me about a failure.", "answer": "We missed a date. I told the client."}
PRACTICE = {"job_role": "Nurse", "skill": "Triage"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/interviews", INTERVIEW),
        ("/coaching/feedback", FEEDBACK),
        ("/coaching/practice-questions", PRACTICE),
    ],
)
def test_the_same_key_and_body_return_the_stored_response(
    client: httpx.Client, path: str, body: dict[str, object]
) -> None:
    headers = {"Idempotency-Key": f"once-{path}"}
    first = client.post(path, json=body, headers=headers)
    again = client.post(path, json=dict(reversed(body.items())), headers=headers)
    assert first.status_code in (200, 201)
    assert (again.status_code, again.json()) == (first.status_code, first.json())


def test_another_body_under_the_same_key_is_refused(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "one-body"}
    client.post("/interviews", json=INTERVIEW, headers=headers)
    refused = client.post("/interviews", json=INTERVIEW | {"duration": 60}, headers=headers)
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "invalid_request"


def test_a_key_counts_for_one_path_and_one_caller(server: Server, client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "shared"}
    mine = client.post("/interviews", json=INTERVIEW, headers=headers).json()["data"]["interview_id"]
    with server.client(OTHER_KEY) as other:
        theirs = other.post("/interviews", json=INTERVIEW, headers=headers).json()["data"]["interview_id"]
    assert mine != theirs
    assert client.post(f"/interviews/{mine}/end", headers=headers).status_code == 200


def test_equal_creates_at_once_make_one_interview(server: Server) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool, server.client() as client:
        headers = {"Idempotency-Key": "at-once"}
        made = list(pool.map(lambda _: client.post("/interviews", json=INTERVIEW, headers=headers), range(8)))
    assert {response.status_code for response in made} == {201}
    assert len({response.text for response in made}) == 1


def test_a_final_refusal_is_kept(client: httpx.Client) -> None:
    interview_id = create_interview(client)
    headers = {"Idempotency-Key": "too-early"}
    path, body = f"/interviews/{interview_id}/answers", {"question_id": "q2", "answer": "I don't know."}
    first = client.post(path, json=body, headers=headers)
    submit(client, interview_id, "q1", "I don't know.")
    again = client.post(path, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (400, 400)
    assert again.json() == first.json()


def test_a_malformed_body_is_kept_as_refused_too(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "malformed"}
    assert client.post("/interviews", json={}, headers=headers).status_code == 400
    assert client.post("/interviews", json=INTERVIEW, headers=headers).status_code == 400


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_that_is_empty_or_too_long_is_refused(client: httpx.Client, key: str) -> None:
    refused = client.post("/interviews", json=INTERVIEW, headers={"Idempotency-Key": key})
    assert refused.status_code == 400
    assert "Idempotency-Key" in refused.json()["error"]["message"]


def test_a_response_is_kept_for_24_hours_and_then_forgotten(start_server: Callable[..., Server]) -> None:
    server = start_server()
    headers = {"Idempotency-Key": "yesterday"}

    def create_after(hours: float) -> str:
        """What the key stands for when its first use was so many hours ago."""
        server.stop()
        created_at = (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="microseconds")
        with closing(sqlite3.connect(server.folder / "data" / "interviewer.db")) as connection, connection:
            connection.execute("UPDATE responses SET created_at = ?", (created_at,))
        server.start()
        with closing(sqlite3.connect(server.folder / "data" / "interviewer.db")) as connection:
            until = time.monotonic() + 10
            while hours > 24 and connection.execute("SELECT count(*) FROM responses").fetchone() != (0,):
                assert time.monotonic() < until
                time.sleep(0.02)
        with server.client() as client:
            return str(
                client.post("/interviews", json=INTERVIEW, headers=headers).json()["data"]["interview_id"]
            )

    first = create_after(0)
    assert create_after(23.99) == first
    assert create_after(24.01) != first
