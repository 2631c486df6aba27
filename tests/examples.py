"""Records api/examples.json, which the documents of the API show: `make examples`. Every example is what a
real server said to a real request."""

import http.client
import json
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
from provider import BUSY_FOR_LONG, Provider, serving
from provider_wire import Json
from serving import KEY, OTHER_KEY, Server, frame
from websockets.sync.client import ClientConnection, connect

from api.demo import JOB, SEED, read_recording
from api.documents import EXAMPLES

BUSY_KEY = "busy-key-0123456789"
REQUESTS_A_MINUTE = 50  # of each key; recording takes fewer
MODEL = "example-model"
STORY = (
    "Last year our checkout was slow. I had to speed up a query that took several minutes. "
    "I read its plan and built two indexes. This reduced the time to under a second."
)
CREATE: Json = {
    "job_role": JOB,
    "experience_level": "Mid-level",
    "skills": ["Python", "SQL"],
    "interview_type": "mixed",
    "duration": 5,
}
COACH: Json = {
    "question": "Tell me about a time you solved a hard problem.",
    "answer": STORY,
    "framework": "STAR",
}
PRACTISE: Json = {"job_role": "Data Scientist", "skill": "Machine Learning", "difficulty": "intermediate"}
ANSWER: Json = {"question_id": "q1", "answer": "I don't know."}
ONE = "/interviews/{interview_id}"
OPERATIONS = {  # each with a body that it accepts
    "POST /interviews": CREATE,
    f"GET {ONE}": None,
    f"POST {ONE}/answers": ANSWER,
    f"POST {ONE}/end": None,
    "POST /coaching/feedback": COACH,
    "POST /coaching/practice-questions": PRACTISE,
}
LAST = {"Connection": "close"}  # the server reads no body that is too large, so it has to hang up
OF_ONE = [operation for operation in OPERATIONS if ONE in operation]


class Requests:
    """What was sent to the operations, and what came back, by operation, status and name."""

    def __init__(self) -> None:
        self.recorded: dict[str, Json] = {name: {"responses": defaultdict(dict)} for name in OPERATIONS}

    def send(
        self,
        client: httpx.Client,
        operation: str,
        name: str,
        interview_id: str = "",
        *,
        json: Json | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Json:
        """The response, which is recorded under its status."""
        method, path = operation.split()
        address = path.format(interview_id=interview_id)
        response = client.request(method, address, json=json, content=content, headers=headers)
        self.note(operation, str(response.status_code), name, response.json())
        envelope: Json = response.json()
        return envelope

    def note(self, operation: str, status: str, name: str, content: Json) -> None:
        """Keep a response."""
        self.recorded[operation]["responses"][status][name] = content

    def offer(self, operation: str, **bodies: Json) -> None:
        """Keep bodies to send."""
        self.recorded[operation]["request"] = bodies


def record_examples(folder: Path) -> Json:
    """Requests with their responses, and socket messages by type. Runs two servers in the folder."""
    (folder / "offline").mkdir()
    (folder / "model").mkdir()
    limits = {"INTERVIEWER_RATE_LIMIT": f"{REQUESTS_A_MINUTE}/minute", "INTERVIEWER_SEED": str(SEED)}
    keys = {"INTERVIEWER_API_KEYS": f"{KEY},{OTHER_KEY},{BUSY_KEY}"}
    requests = Requests()
    messages: dict[str, Json] = defaultdict(dict)
    with running(Server(folder / "offline", keys | limits)) as server:
        record_interview(server, requests)
        record_refusals(server, requests)
        record_socket(server, messages)
        record_rate_limit(server, requests)
    with serving(Provider()) as provider:
        model = {"INTERVIEWER_MODEL": f"openai:{MODEL}", "OPENAI_BASE_URL": provider.url}
        with running(Server(folder / "model", keys | model)) as server:
            record_failures(server, provider, requests)
            provider.always = None
            record_pieces(server, messages)
    return {"requests": requests.recorded, "messages": messages}


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """A server for as long as the context lasts."""
    try:
        yield server.start()
    finally:
        server.kill()


def record_interview(server: Server, requests: Requests) -> None:
    """An interview from its creation to its summary, coaching and practice."""
    answers = read_recording("strong").answers
    create, get, answer, end, coach, practise = OPERATIONS
    requests.offer(create, everything=CREATE, only_the_job_role={"job_role": "Nurse"})
    requests.offer(answer, an_answer=ANSWER | {"answer": STORY}, i_do_not_know=ANSWER)
    requests.offer(coach, star=COACH, car=COACH | {"framework": "CAR"})
    requests.offer(practise, everything=PRACTISE)
    with server.client() as client:
        one = requests.send(client, create, "created", json=CREATE)["data"]["interview_id"]
        question = requests.send(client, get, "in_progress", one)["data"]["current_question"]
        said = {"question_id": question["id"], "answer": answers[question["text"]]}
        question = requests.send(client, answer, "graded", one, json=said)["data"]["next_question"]
        while question is not None:
            said = {"question_id": question["id"], "answer": "I don't know."}
            question = requests.send(client, answer, "the_last_one", one, json=said)["data"]["next_question"]
        requests.send(client, end, "completed", one)
        requests.send(client, get, "completed", one)
        requests.send(client, coach, "star", json=COACH)
        requests.send(client, practise, "a_question", json=PRACTISE)


def record_refusals(server: Server, requests: Requests) -> None:
    """What no operation accepts."""
    create, get, answer, end, coach, practise = OPERATIONS
    with server.client() as client, server.client(OTHER_KEY) as other, server.client("wrong") as stranger:
        one = client.post("/interviews", json=CREATE).json()["data"]["interview_id"]
        for operation, body in OPERATIONS.items():
            requests.send(stranger, operation, "unknown_key", one, json=body)
            requests.send(other, operation, "too_large", one, content=b" " * 300_000, headers=LAST)
        for operation in OF_ONE:
            requests.send(other, operation, "interview_of_another_key", one, json=OPERATIONS[operation])
            requests.send(client, operation, "unknown_interview", "12345", json=OPERATIONS[operation])
        used = {"Idempotency-Key": "used"}
        client.post("/interviews", json=CREATE, headers=used)
        requests.send(client, create, "wrong_fields", json=CREATE | {"duration": 500, "skils": []})
        requests.send(client, create, "idempotency_key_used", json=CREATE | {"duration": 6}, headers=used)
        requests.send(client, answer, "wrong_question", one, json=ANSWER | {"question_id": "q7"})
        requests.send(client, answer, "wrong_fields", one, json=ANSWER | {"answer": " "})
        requests.send(client, end, "long_idempotency_key", one, headers={"Idempotency-Key": "k" * 256})
        requests.send(client, coach, "unknown_framework", json=COACH | {"framework": "WOW"})
        requests.send(client, practise, "wrong_fields", json=PRACTISE | {"difficulty": "hard"})
    requests.note(get, "400", "no_host", send_without_host(server, one))


def send_without_host(server: Server, interview_id: str) -> Json:
    """The response to a request that breaks HTTP's own rules."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.putrequest("GET", f"/api/v1/interviews/{interview_id}", skip_host=True)
        connection.endheaders()
        response = connection.getresponse()
        assert response.status == 400
        content: Json = json.loads(response.read())
    return content


def record_rate_limit(server: Server, requests: Requests) -> None:
    """What each operation says once a key has used up its minute."""
    with server.client(BUSY_KEY) as client:
        for _ in range(REQUESTS_A_MINUTE):
            client.get("/interviews/12345")
        for operation, body in OPERATIONS.items():
            requests.send(client, operation, "too_many_requests", "12345", json=body)


def record_failures(server: Server, provider: Provider, requests: Requests) -> None:
    """What each operation says when the model, or the disk, fails."""
    create, get, answer, end, *coaching = OPERATIONS
    with server.client() as client:
        started = client.post("/interviews", json=CREATE).json()["data"]["interview_id"]
        client.get(f"/interviews/{started}")
        provider.always = BUSY_FOR_LONG
        fresh = client.post("/interviews", json=CREATE).json()["data"]["interview_id"]
        requests.send(client, get, "the_model_is_busy", fresh)
        requests.send(client, answer, "the_model_is_busy", started, json=ANSWER | {"answer": STORY})
        for operation in coaching:
            requests.send(client, operation, "the_model_is_busy", json=OPERATIONS[operation])
        with disk_full(server):
            requests.send(client, create, "the_disk_is_full", json=CREATE)
            requests.send(client, end, "the_disk_is_full", started)


@contextmanager
def disk_full(server: Server) -> Iterator[None]:
    """The server's database refuses to keep anything new."""
    tables = ("interviews", "turns")
    with closing(sqlite3.connect(server.folder / "data" / "interviewer.db")) as database:
        for table in tables:
            for change in ("INSERT", "UPDATE"):
                refuse = "BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
                database.execute(f"CREATE TRIGGER full_{table}_{change} BEFORE {change} ON {table} {refuse}")
        yield
        for table in tables:
            for change in ("INSERT", "UPDATE"):
                database.execute(f"DROP TRIGGER full_{table}_{change}")


def record_socket(server: Server, messages: dict[str, Json]) -> None:
    """Every kind of message but pieces of feedback, which only a model writes."""
    answers = read_recording("strong").answers
    with server.client() as client:
        one = client.post("/interviews", json=CREATE).json()["data"]["interview_id"]
    with connect(f"{server.socket_url}/{one}?token={KEY}") as socket:
        hear(socket, messages, until=is_kind("question"))
        say(socket, messages, "typing", "typing", is_typing=True)
        say(socket, messages, "request_next", "request_next")
        question = hear(socket, messages, until=is_kind("question"))["data"]
        say(socket, defaultdict(dict), "answer", "", answer=" ")
        hear(socket, messages, until=is_kind("error"))
        said = answers[question["text"]]
        say(socket, messages, "answer", "to_a_question", answer=said, question_id=question["id"])
        ended = hear(socket, messages, until=is_pause)
        while ended["type"] != "interview_ended":
            say(socket, messages, "answer", "to_the_shown_question", answer="I don't know.")
            ended = hear(socket, messages, until=is_pause)


def is_kind(kind: str) -> Callable[[Json], bool]:
    """Whether a message is of a kind."""
    return lambda message: message["type"] == kind


def is_pause(message: Json) -> bool:
    """Whether it is the candidate's turn, or over."""
    return message["type"] == "interview_ended" or message["data"].get("is_thinking") is False


def record_pieces(server: Server, messages: dict[str, Json]) -> None:
    """Feedback as a model writes it."""
    with server.client() as client:
        one = client.post("/interviews", json=CREATE).json()["data"]["interview_id"]
        client.get(f"/interviews/{one}")
    with connect(f"{server.socket_url}/{one}?token={KEY}&stream=true") as socket:
        hear(socket, defaultdict(dict), until=is_kind("question"))
        say(socket, defaultdict(dict), "answer", "", answer=STORY)
        piece = hear(socket, defaultdict(dict), until=is_kind("feedback_delta"))
        messages["feedback_delta"]["a_piece"] = piece


def say(socket: ClientConnection, messages: dict[str, Json], kind: str, name: str, **data: object) -> None:
    """Send a message, and keep it."""
    socket.send(frame(kind, **data))
    messages[kind][name] = json.loads(frame(kind, **data))


def hear(socket: ClientConnection, messages: dict[str, Json], until: Callable[[Json], bool]) -> Json:
    """The first message that is awaited; all that come are kept, equal ones once."""
    while True:
        message: Json = json.loads(socket.recv(timeout=20))
        kept = messages[message["type"]]
        if message not in kept.values():
            kept[f"{message['type']}_{len(kept) + 1}"] = message
        if until(message):
            return message


def choose(recorded: Json) -> Json:
    """What is shown of it: two messages of each kind are enough."""
    messages = {kind: dict(list(said.items())[:2]) for kind, said in recorded["messages"].items()}
    return recorded | {"messages": messages}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        shown = choose(record_examples(Path(folder)))
        EXAMPLES.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n")
