"""Keys, tokens and what candidates said reach no log, whatever happens and however much is logged."""

import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from engines import reply
from provider import BROKEN, REFUSAL, WRONG_KEY, WRONG_SCHEMA, Provider, serving
from serving import Server, clean_environment, create_interview, frame, read_interview, submit
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

StartServer = Callable[..., Server]

ROOT = Path(__file__).parent.parent
KEY = "key-of-the-secrets-test-9f2c"
GUESS = "guess-of-the-secrets-test-77"
PROVIDER_KEY = "sk-secret-of-the-provider-314159"
SAID = "quokkas patched our zeppelin"  # what nobody but the candidate would say
ANSWER = f"At my last job {SAID} and the release went out in time."
SECRETS = (KEY, GUESS, PROVIDER_KEY, "quokka", "zeppelin", "Bearer")
FIRST, ONCE = {"question_id": "q1", "answer": ANSWER}, {"Idempotency-Key": "once"}
EVERYTHING_LOGGED = {
    "INTERVIEWER_LOG_LEVEL": "debug",
    "OPENAI_LOG": "debug",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONWARNINGS": "always",
}


@pytest.mark.parametrize("engine", ["offline", "openai:test"])
def test_a_full_session_with_everything_that_goes_wrong_logs_no_secret(
    start_server: StartServer, engine: str
) -> None:
    with serving(Provider()) as provider:
        server = start_server(
            INTERVIEWER_MODEL=engine,
            INTERVIEWER_API_KEYS=KEY,
            INTERVIEWER_MODEL_TIMEOUT_SECONDS="2",
            OPENAI_API_KEY=PROVIDER_KEY,
            OPENAI_BASE_URL=provider.url,
            **EVERYTHING_LOGGED,
        )
        with server.client(KEY) as client:
            provider.replies["answer_evaluation"] = quoting
            interview_id = hold_over_rest(client)
            hold_over_a_socket(server, client)
            be_refused(server, client, interview_id)
            let_the_provider_fail(client, provider)
            break_a_handler(server, client, interview_id)
    assert server.stop() == 0
    events = [json.loads(line)["event"] for line in server.log.splitlines()]
    assert "unexpected_error" in events
    assert '"method": "WS"' in server.log
    expect_no_secret(server)


def quoting(_: dict[str, object]) -> dict[str, object]:
    """A grade with a quote of what was said, so that the record holds the candidate's words."""
    points = {f"point_{n}": {"quote": SAID, "coverage": "made"} for n in range(1, 5)}
    return reply(key_points=points, feedback=f"You said that {SAID}.")


def hold_over_rest(client: httpx.Client) -> str:
    """An interview over REST; its id."""
    interview_id = create_interview(client, duration=10)
    read_interview(client, interview_id)
    for _ in range(2):
        response = client.post(f"/interviews/{interview_id}/answers", json=FIRST, headers=ONCE)
        assert response.status_code == 200, response.text
    assert client.post(f"/interviews/{interview_id}/end").status_code == 200
    client.post("/coaching/feedback", json={"question": "What was hard?", "answer": ANSWER})
    return interview_id


def hold_over_a_socket(server: Server, client: httpx.Client) -> None:
    """An interview over a socket whose address carries the key, with messages that are refused."""
    interview_id = create_interview(client, duration=10)
    with connect(f"{server.socket_url}/{interview_id}?token={KEY}&stream=true") as socket:
        receive_until(socket, "question")
        for bad in (ANSWER, frame("answer", answer=ANSWER, mood=SAID), frame("answer", answer=[ANSWER])):
            socket.send(bad)
            receive_until(socket, "error")
        socket.send(frame("answer", answer=ANSWER))
        receive_until(socket, "question")


def receive_until(socket: ClientConnection, kind: str) -> None:
    """Read messages up to one of a kind."""
    while json.loads(socket.recv(timeout=20))["type"] != kind:
        pass


def be_refused(server: Server, client: httpx.Client, interview_id: str) -> None:
    """Everything that a client can be refused for, with secrets in it."""
    with server.client(GUESS) as guesser:
        assert guesser.get(f"/interviews/{interview_id}").status_code == 401
    for address in (
        f"/{interview_id}?token={GUESS}",
        f"/nope?token={KEY}",
        f"/{interview_id}%3Ftoken={KEY}",
        f"/{interview_id}/%3Ftoken%3D{KEY}",
    ):
        with pytest.raises(InvalidStatus):
            connect(server.socket_url + address)
    answers = f"/interviews/{interview_id}/answers"
    for body in (b"{" + ANSWER.encode(), json.dumps([ANSWER]).encode(), b'{"answer": "' + SAID.encode()):
        assert client.post(answers, content=body).status_code == 400
    for fields in ({"answer": [ANSWER]}, {"answer": ANSWER, SAID: SAID}, {"question_id": ANSWER}):
        assert client.post(answers, json=fields).status_code == 400
    assert client.get("/nothing", params={"token": KEY, "said": SAID}).status_code == 404


def let_the_provider_fail(client: httpx.Client, provider: Provider) -> None:
    """Faults of the provider, which quotes its key and the answer in what it says."""
    if not provider.requests:
        return
    interview_id = create_interview(client)
    read_interview(client, interview_id)
    for fault in (WRONG_KEY, REFUSAL, WRONG_SCHEMA, BROKEN):
        provider.always = fault
        assert submit(client, interview_id, "q1", ANSWER).status_code == 500
    provider.always = None


def break_a_handler(server: Server, client: httpx.Client, interview_id: str) -> None:
    """Change what is stored so that the program stumbles over the candidate's own words."""
    path = server.folder / "data" / "interviewer.db"
    for statement in (
        "UPDATE responses SET status = ?",
        "UPDATE evaluations SET evaluation = json_set(evaluation, '$.score', ?)",
    ):
        with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            assert connection.execute(statement, (SAID,)).rowcount >= 1
    repeated = client.post(f"/interviews/{interview_id}/answers", json=FIRST, headers=ONCE)
    assert (repeated.status_code, repeated.json()["error"]["code"]) == (500, "server_error")
    assert client.get(f"/interviews/{interview_id}").status_code == 500


FAULTS = f"""
import asyncio, gc, logging, warnings
import structlog, uvloop
from api.logs import configure_logs, log_loop_fault

async def fail():
    raise ExceptionGroup("{SAID}", [KeyError("{SAID}"), OSError(28, "{SAID}")])

async def run():
    asyncio.get_running_loop().set_exception_handler(log_loop_fault)
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del task
    gc.collect()
    warnings.warn("{SAID}", ResourceWarning)
    logging.getLogger("library").info("{SAID}")
    try:
        try:
            int("{SAID}")
        except ValueError as error:
            raise RuntimeError("{SAID}") from error
    except RuntimeError as error:
        logging.getLogger("library").exception("It failed.")
        structlog.get_logger().exception("ours_failed")

configure_logs("debug")
uvloop.run(run())
"""


def test_faults_and_warnings_are_logged_by_kind_and_place_and_not_in_their_words() -> None:
    environment = clean_environment() | {"PYTHONWARNINGS": "always"}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert not any(secret in done.stderr for secret in SECRETS)
    loop, warning, theirs, ours = map(json.loads, done.stderr.splitlines())
    assert (loop["event"], warning["event"]) == ("loop_fault", "python_warning")
    assert (theirs["event"], ours["event"]) == ("It failed.", "ours_failed")
    assert all(
        word in loop["exception"] for word in ("ExceptionGroup", "KeyError", "No space left on device")
    )
    assert (warning["category"], theirs["logger"]) == ("ResourceWarning", "library")
    for event in (theirs, ours):
        assert all(word in event["exception"] for word in ("ValueError", "RuntimeError", 'File "<string>"'))


def test_nothing_is_traced_unless_it_is_asked_for(start_server: StartServer) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as tracer:
        endpoint = f"http://127.0.0.1:{tracer.getsockname()[1]}"
        server = start_server(LANGSMITH_API_KEY="lsv2-key", LANGSMITH_ENDPOINT=endpoint)
        with server.client() as client:
            submit(client, create_interview(client), "q1", ANSWER)
        assert server.stop() == 0
        tracer.setblocking(False)
        with pytest.raises(BlockingIOError):
            tracer.accept()


def expect_no_secret(server: Server) -> None:
    """Neither the output nor any file but the database, which has the answers, and hashes of the keys."""
    kept = [path for path in server.folder.rglob("*") if path.is_file()]
    texts = {path.name: path.read_text(errors="replace") for path in kept if ".db" not in path.name}
    texts["standard output"] = "".join(server.welcome)
    assert "server.log" in texts
    for name, text in texts.items():
        for secret in SECRETS:
            lines = [line[:2000] for line in text.splitlines() if secret in line]
            assert not lines, f"{secret} in {name}: {lines[0]}"
    database = b"".join(path.read_bytes() for path in kept if ".db" in path.name)
    assert SAID.encode() in database
    assert not any(secret.encode() in database for secret in (KEY, GUESS, PROVIDER_KEY))
