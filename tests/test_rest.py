"""The REST contract, to the letter, against a real server."""

import concurrent.futures
import re
from typing import Any

import httpx
import pytest
from serving import INTERVIEW, OTHER_KEY, Server, create_interview, read_interview, submit

DECLINE = "I don't know."
RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error object, after a look at the envelope."""
    body = response.json()
    assert set(body) == {"status", "error"}
    assert body["status"] == "error"
    assert set(body["error"]) == {"code", "message", "details"}
    assert isinstance(body["error"]["details"], dict)
    error: dict[str, Any] = body["error"]
    return error


def finish(client: httpx.Client, interview_id: str) -> None:
    """Decline every question until none is left."""
    question = read_interview(client, interview_id)["current_question"]
    while question:
        question = submit(client, interview_id, question["id"], DECLINE).json()["data"]["next_question"]


def test_creating_an_interview_returns_201_and_echoes_the_config(client: httpx.Client) -> None:
    response = client.post("/interviews", json=INTERVIEW | {"experience_level": "Senior"})
    data = response.json()["data"]
    assert response.status_code == 201
    assert response.json()["status"] == "success"
    assert data["status"] == "created"
    assert data["config"] == INTERVIEW | {"experience_level": "Senior"}
    assert RFC_3339_UTC.fullmatch(data["created_at"])


def test_only_the_job_role_is_required(client: httpx.Client) -> None:
    data = client.post("/interviews", json={"job_role": "Nurse"}).json()["data"]
    assert data["config"] == {
        "job_role": "Nurse",
        "experience_level": "Mid-level",
        "skills": [],
        "interview_type": "mixed",
        "duration": 30,
    }


def test_a_get_right_after_create_shows_the_first_question(client: httpx.Client) -> None:
    data = read_interview(client, create_interview(client))
    assert data["status"] == "in_progress"
    assert data["current_question"]["id"] == "q1"
    assert data["current_question"]["kind"] == "main"


def test_reading_never_changes_the_question(client: httpx.Client) -> None:
    interview_id = create_interview(client)
    assert read_interview(client, interview_id) == read_interview(client, interview_id)


def test_an_answer_is_graded_and_the_next_question_follows(client: httpx.Client) -> None:
    interview_id = create_interview(client)
    read_interview(client, interview_id)
    data = submit(client, interview_id, "q1", DECLINE).json()["data"]
    assert data["answer_id"] == "a1"
    assert data["evaluation"]["score"] in (0, 1)
    assert data["evaluation"]["feedback"]
    assert data["evaluation"]["provenance"]["engine"] == "offline"
    assert data["next_question"]["id"] == "q2"
    assert read_interview(client, interview_id)["current_question"] == data["next_question"]


def test_the_same_answer_again_returns_the_stored_result(client: httpx.Client) -> None:
    interview_id = create_interview(client)
    first = submit(client, interview_id, "q1", DECLINE)
    submit(client, interview_id, "q2", DECLINE)
    assert submit(client, interview_id, "q1", DECLINE).json() == first.json()


def test_eight_equal_submissions_at_once_get_eight_equal_responses(
    server: Server, client: httpx.Client
) -> None:
    interview_id = create_interview(client)
    with concurrent.futures.ThreadPoolExecutor(8) as pool, server.client() as shared:
        responses = list(pool.map(lambda _: submit(shared, interview_id, "q1", DECLINE), range(8)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.text for response in responses}) == 1


def test_another_answer_to_an_answered_question_is_refused_and_changes_nothing(client: httpx.Client) -> None:
    interview_id = create_interview(client)
    first = submit(client, interview_id, "q1", DECLINE)
    refused = submit(client, interview_id, "q1", "Something else.")
    assert refused.status_code == 400
    assert error_of(refused)["details"]["current_question_id"] == "q2"
    assert submit(client, interview_id, "q1", DECLINE).json() == first.json()


@pytest.mark.parametrize("question_id", ["q2", "q99", "nonsense"])
def test_an_answer_to_a_question_that_is_not_open_names_the_open_one(
    client: httpx.Client, question_id: str
) -> None:
    interview_id = create_interview(client)
    refused = submit(client, interview_id, question_id, DECLINE)
    assert refused.status_code == 400
    assert error_of(refused)["code"] == "invalid_request"
    assert error_of(refused)["details"]["current_question_id"] == "q1"


def test_an_interview_ends_by_itself_when_its_questions_are_used_up(client: httpx.Client) -> None:
    interview_id = create_interview(client, duration=10)
    finish(client, interview_id)
    data = read_interview(client, interview_id)
    assert data["status"] == "completed"
    assert data["current_question"] is None
    assert data["summary"]["answered"] == 2
    assert [turn["question"]["id"] for turn in data["turns"]] == ["q1", "q2"]


def test_ending_is_repeatable_and_returns_the_same_summary(client: httpx.Client) -> None:
    interview_id = create_interview(client)
    submit(client, interview_id, "q1", DECLINE)
    first = client.post(f"/interviews/{interview_id}/end")
    assert first.status_code == 200
    assert first.json()["data"]["status"] == "completed"
    assert client.post(f"/interviews/{interview_id}/end").json() == first.json()
    assert read_interview(client, interview_id)["summary"] == first.json()["data"]["summary"]


def test_ending_without_an_answer_says_that_nothing_was_assessed(client: httpx.Client) -> None:
    summary = client.post(f"/interviews/{create_interview(client)}/end").json()["data"]["summary"]
    assert (summary["overall_score"], summary["answered"], summary["strengths"]) == (0, 0, [])
    assert "assess" in summary["recommendations"]


def test_no_answer_is_taken_after_the_end_but_a_stored_one_is_repeated(client: httpx.Client) -> None:
    interview_id = create_interview(client)
    first = submit(client, interview_id, "q1", DECLINE)
    client.post(f"/interviews/{interview_id}/end")
    refused = submit(client, interview_id, "q2", DECLINE)
    assert refused.status_code == 400
    assert error_of(refused)["details"]["current_question_id"] is None
    assert submit(client, interview_id, "q1", DECLINE).json() == first.json()


def test_coaching_has_exactly_the_framework_s_parts(client: httpx.Client) -> None:
    body = {
        "question": "Tell me about a time you faced a difficult technical challenge.",
        "answer": "At my last job a report took minutes. I had to fix it. I added an index. It takes 1 s.",
    }
    parts = {
        "STAR": ["situation", "task", "action", "result"],
        "CAR": ["challenge", "action", "result"],
        "PAR": ["problem", "action", "result"],
        "SOAR": ["situation", "obstacle", "action", "result"],
    }
    for framework, names in parts.items():
        response = client.post("/coaching/feedback", json=body | {"framework": framework})
        feedback = response.json()["data"]["feedback"]
        assert list(feedback["framework_analysis"]) == names
        assert all(
            re.match("(Well|Partially|Not) addressed", text)
            for text in feedback["framework_analysis"].values()
        )
        assert feedback["overall"]


def test_an_unknown_framework_is_refused_and_the_known_ones_are_listed(client: httpx.Client) -> None:
    body = {"question": "Why?", "answer": "Because.", "framework": "MOON"}
    refused = client.post("/coaching/feedback", json=body)
    assert refused.status_code == 400
    assert all(name in error_of(refused)["message"] for name in ("STAR", "CAR", "PAR", "SOAR"))


@pytest.mark.parametrize("difficulty", ["beginner", "intermediate", "advanced"])
def test_a_practice_question_comes_with_guidance(client: httpx.Client, difficulty: str) -> None:
    body = {"job_role": "Data Scientist", "skill": "Machine Learning", "difficulty": difficulty}
    data = client.post("/coaching/practice-questions", json=body).json()["data"]
    assert data["question"]["id"].startswith("pq")
    assert data["question"]["text"]
    assert len(data["guidance"]["key_points"]) >= 3
    assert data["guidance"]["structure"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "job_role"),
        ({"job_role": " \t\n"}, "job_role"),
        ({"job_role": 5}, "job_role"),
        ({"job_role": "x" * 201}, "job_role"),
        ({"job_role": "a", "duration": 0}, "duration"),
        ({"job_role": "a", "duration": 241}, "duration"),
        ({"job_role": "a", "duration": 30.5}, "duration"),
        ({"job_role": "a", "duration": "30"}, "duration"),
        ({"job_role": "a", "duration": True}, "duration"),
        ({"job_role": "a", "interview_type": "casual"}, "interview_type"),
        ({"job_role": "a", "skills": "Python"}, "skills"),
        ({"job_role": "a", "skills": ["Python", ""]}, "skills.1"),
        ({"job_role": "a", "skills": ["s"] * 21}, "skills"),
        ({"job_role": "a", "color": "red"}, "color"),
    ],
)
def test_each_bad_field_is_named(client: httpx.Client, body: dict[str, object], field: str) -> None:
    response = client.post("/interviews", json=body)
    assert response.status_code == 400
    error = error_of(response)
    assert error["code"] == "invalid_request"
    assert [bad["field"] for bad in error["details"]["fields"]] == [field]
    assert all(bad["reason"] for bad in error["details"]["fields"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"a":' * 5000,
        b'{"job_role":"\\ud800"}',
        b"NaN",
        b"9" * 9999,
    ],
)
def test_what_is_no_json_object_is_a_clear_400(client: httpx.Client, body: bytes) -> None:
    response = client.post("/interviews", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert error_of(response)["code"] == "invalid_request"


def test_a_nul_character_is_stored_as_the_replacement_character(client: httpx.Client) -> None:
    data = client.post("/interviews", json={"job_role": "a\x00b"}).json()["data"]
    assert data["config"]["job_role"] == "a\ufffdb"


def test_an_answer_may_have_20000_characters_and_no_more(client: httpx.Client) -> None:
    interview_id = create_interview(client)
    assert submit(client, interview_id, "q1", "\U0001f600" * 20_001).status_code == 400
    assert submit(client, interview_id, "q1", "\U0001f600" * 20_000).status_code == 200


def test_an_oversize_body_is_413_however_it_is_sent(client: httpx.Client) -> None:
    for content in (b"x" * 300_000, iter([b"x" * 100_000] * 3)):
        response = client.post("/interviews", content=content)
        assert response.status_code == 413
        assert error_of(response)["code"] == "invalid_request"


def test_an_unknown_address_is_404_and_a_wrong_method_405(client: httpx.Client) -> None:
    assert client.get("/interviews/").status_code == 404
    unknown, wrong = client.get("/nothing"), client.put("/interviews")
    assert (unknown.status_code, error_of(unknown)["code"]) == (404, "not_found")
    assert (wrong.status_code, error_of(wrong)["code"], wrong.headers["allow"]) == (
        405,
        "invalid_request",
        "POST",
    )


@pytest.mark.parametrize("interview_id", ["0" * 32, "nope", "a" * 500, "%00", "..%2f..", "ünïcode"])
def test_an_unknown_interview_is_404(client: httpx.Client, interview_id: str) -> None:
    response = client.get(f"/interviews/{interview_id}")
    assert (response.status_code, error_of(response)["code"]) == (404, "not_found")


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic abc", "Bearer wrong", "Bearer \xe9"])
def test_without_a_valid_key_everything_is_401(server: Server, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    response = httpx.post(server.url + "/api/v1/interviews", content=b"{", headers=headers)  # type: ignore[arg-type]
    assert response.status_code == 401
    assert error_of(response)["code"] == "unauthorized"
    assert response.headers["www-authenticate"] == "Bearer"


def test_another_key_s_interview_is_403(server: Server, client: httpx.Client) -> None:
    interview_id = create_interview(client)
    with server.client(OTHER_KEY) as other:
        answers = [
            other.get(f"/interviews/{interview_id}"),
            submit(other, interview_id, "q1", DECLINE),
            other.post(f"/interviews/{interview_id}/end"),
        ]
    assert [(r.status_code, error_of(r)["code"]) for r in answers] == [(403, "unauthorized")] * 3
    assert read_interview(client, interview_id)["status"] == "in_progress"


def test_every_response_carries_a_request_id(client: httpx.Client) -> None:
    sane = {"X-Request-ID": "trace-1.2_3"}
    assert client.get("/interviews/nope", headers=sane).headers["x-request-id"] == "trace-1.2_3"
    for strange in ("a b", "x" * 200, "é"):
        given = client.get("/nope", headers={b"X-Request-ID": strange.encode()}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", given)


def test_health_needs_no_key_and_metrics_count(server: Server) -> None:
    assert httpx.get(server.url + "/healthz").json() == {"status": "alive"}
    assert httpx.get(server.url + "/readyz").json()["status"] == "ready"
    assert httpx.head(server.url + "/healthz").status_code == 200
    assert "interviewer_http_requests_total" in httpx.get(server.url + "/metrics").text


def test_the_openapi_document_tells_what_is_returned(server: Server) -> None:
    document = httpx.get(server.url + "/openapi.json").json()
    assert set(document["paths"]) == {
        "/api/v1/interviews",
        "/api/v1/interviews/{interview_id}",
        "/api/v1/interviews/{interview_id}/answers",
        "/api/v1/interviews/{interview_id}/end",
        "/api/v1/coaching/feedback",
        "/api/v1/coaching/practice-questions",
    }
    assert "422" not in str(document)
    answers = document["paths"]["/api/v1/interviews/{interview_id}/answers"]["post"]["responses"]
    assert set(answers) == {"200", "400", "401", "403", "404", "413", "429", "500"}
    assert all("Failure" in str(answers[code]) for code in answers if code != "200")
