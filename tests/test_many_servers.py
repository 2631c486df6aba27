"""Any number of servers on one PostgreSQL and one Redis are one service, also while some of it is away."""

import asyncio
import json
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from databases import DEADLINE, Postgres, RedisServer, wait_until
from nursery import ForkedServer, Nursery, nursing
from provider import Provider, serving
from running import run_interviewer
from serving import KEY, Server, create_interview, frame, read_interview, submit
from websockets.asyncio.client import ClientConnection as LiveConnection
from websockets.asyncio.client import connect as connect_live
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from deploy.cluster import Cluster
from graphs.migrate import MIGRATIONS

StartServers = Callable[..., list[ForkedServer]]
Json = dict[str, Any]
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
ANSWER = "A generator yields one item at a time, so memory use stays small."
names = count(1)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis for each test."""
    running = RedisServer().start()
    yield running
    running.stop()


@pytest.fixture
def database_url(postgres: Postgres, tmp_path: Path) -> str:
    """A database that is brought up to date."""
    url = postgres.create_database(f"test{next(names)}")
    done = run_interviewer(tmp_path, "db", "upgrade", INTERVIEWER_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    return url


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Where this module's servers are forked."""
    with nursing() as nursery:
        yield nursery


@pytest.fixture
def start_servers(
    database_url: str, redis: RedisServer, nursery: Nursery, tmp_path: Path
) -> Iterator[StartServers]:
    """Starts servers that share the database and Redis."""
    servers: list[ForkedServer] = []

    def start(number: int = 3, **settings: str) -> list[ForkedServer]:
        shared = {
            "INTERVIEWER_DATABASE_URL": database_url,
            "INTERVIEWER_REDIS_URL": redis.url,
            "INTERVIEWER_API_KEYS": KEY,
            "INTERVIEWER_RATE_LIMIT": "100000/minute",
        } | settings
        for place in range(number):
            folder = tmp_path / f"server{place}"
            folder.mkdir()
            servers.append(ForkedServer(folder, shared, nursery=nursery).start())
        return servers

    yield start
    for server in servers:
        server.kill()


def readiness(server: Server) -> str:
    """What a server says of itself."""
    return str(httpx.get(f"{server.url}/readyz", timeout=20).json()["status"])


def read_count(database_url: str, query: str) -> int:
    """The number that a query gives."""
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])


def hear(socket: ClientConnection, *kinds: str) -> list[Json]:
    """The next messages of these kinds, one of each in this order; thinking is left out."""
    heard = list[Json]()
    while len(heard) < len(kinds):
        message = json.loads(socket.recv(timeout=20))
        if message["type"] != "thinking":
            assert message["type"] == kinds[len(heard)], message
            heard.append(message["data"])
    return heard


def wait_for_close(socket: ClientConnection) -> int | None:
    """The code that a server closes a socket with."""
    try:
        while True:
            socket.recv(timeout=20)
    except ConnectionClosed as closing:
        return closing.rcvd.code if closing.rcvd else None


def test_an_interview_is_created_answered_watched_and_ended_on_different_servers(
    start_servers: StartServers,
) -> None:
    first, second, third = start_servers()
    with first.client() as a, second.client() as b:
        interview_id = create_interview(a)
        with connect(f"{third.socket_url}/{interview_id}?token={KEY}") as watching:
            (question,) = hear(watching, "question")
            assert question == read_interview(b, interview_id)["current_question"]
            for number, client in ((1, b), (2, a), (3, b)):
                told = submit(client, interview_id, f"q{number}", ANSWER).json()["data"]
                feedback, question = hear(watching, "feedback", "question")
                assert feedback["question_id"] == f"q{number}"
                assert feedback["score"] == told["evaluation"]["score"]
                assert question == told["next_question"]
            summary = a.post(f"/interviews/{interview_id}/end").json()["data"]["summary"]
            (ended,) = hear(watching, "interview_ended")
            assert ended["summary"] == summary
            assert wait_for_close(watching) == 1000
        assert read_interview(b, interview_id)["status"] == "completed"


def test_feedback_streams_to_a_socket_on_another_server(start_servers: StartServers) -> None:
    with serving(Provider()) as provider:
        first, second = start_servers(2, INTERVIEWER_MODEL="openai:test", OPENAI_BASE_URL=provider.url)
        with first.client() as client:
            interview_id = create_interview(client)
            with connect(f"{second.socket_url}/{interview_id}?token={KEY}&stream=true") as watching:
                hear(watching, "question")
                pieces, feedback = "", None
                submit(client, interview_id, "q1", ANSWER)
                while feedback is None:
                    message = json.loads(watching.recv(timeout=20))
                    pieces += message["data"].get("text", "") if message["type"] == "feedback_delta" else ""
                    feedback = message["data"] if message["type"] == "feedback" else None
                assert pieces == feedback["feedback"]


def test_two_servers_never_grade_the_same_turn(start_servers: StartServers, database_url: str) -> None:
    with serving(Provider(latency=0.3)) as provider:
        servers = start_servers(INTERVIEWER_MODEL="openai:test", OPENAI_BASE_URL=provider.url)
        clients = [server.client() for server in servers]
        interview_id = create_interview(clients[0])
        read_interview(clients[0], interview_id)
        with ThreadPoolExecutor(18) as pool:
            replies = list(
                pool.map(lambda n: submit(clients[n % 3], interview_id, "q1", ANSWER).json(), range(18))
            )
        assert replies == [replies[0]] * 18
        assert len(provider.asked_for("answer_evaluation")) == 1
        assert read_count(database_url, "SELECT count(*) FROM evaluations") == 1
        for client in clients:
            client.close()


def test_a_killed_server_s_turn_is_finished_by_another_with_one_result(
    start_servers: StartServers, database_url: str
) -> None:
    with serving(Provider(latency=0.5)) as provider:
        first, second = start_servers(2, INTERVIEWER_MODEL="openai:test", OPENAI_BASE_URL=provider.url)
        with first.client() as a, second.client() as b:
            interview_id = create_interview(a)
            read_interview(b, interview_id)
            with connect(f"{first.socket_url}/{interview_id}?token={KEY}") as cut_off:
                hear(cut_off, "question")
                cut_off.send(frame("answer", question_id="q1", answer=ANSWER))
                wait_until(
                    lambda: len(provider.asked_for("answer_evaluation")) == 1, "no grade was asked for"
                )
                first.kill()
            with connect(f"{second.socket_url}/{interview_id}?token={KEY}") as again:
                again.send(frame("answer", question_id="q1", answer=ANSWER))
                (feedback, following) = hear(again, "feedback", "question")
            assert (feedback["question_id"], following["id"]) == ("q1", "q2")
            repeated = submit(b, interview_id, "q1", ANSWER).json()["data"]
            assert repeated["evaluation"]["score"] == feedback["score"]
            assert repeated["next_question"]["text"] == following["text"]
            assert len(provider.asked_for("answer_evaluation")) == 2
        assert read_count(database_url, "SELECT count(*) FROM evaluations") == 1


def test_a_paused_server_loses_its_turn_to_another_and_tells_nobody_a_second_result(
    start_servers: StartServers, database_url: str
) -> None:
    with serving(Provider(latency=1.0)) as provider:
        first, second = start_servers(2, INTERVIEWER_MODEL="openai:test", OPENAI_BASE_URL=provider.url)
        with first.client() as a, second.client() as b:
            interview_id = create_interview(a)
            read_interview(b, interview_id)
            late = list[httpx.Response]()
            asking = threading.Thread(target=lambda: late.append(submit(a, interview_id, "q1", ANSWER)))
            asking.start()
            wait_until(lambda: len(provider.asked_for("answer_evaluation")) == 1, "no grade was asked for")
            first.send(signal.SIGSTOP)
            told = submit(b, interview_id, "q1", ANSWER)
            first.send(signal.SIGCONT)
            asking.join()
            assert told.status_code == 200, told.text
            assert late[0].status_code == 200 or late[0].json()["error"]["details"]["retryable"]
            again = submit(a, interview_id, "q1", ANSWER).json()
            assert again == told.json()
            assert late[0].status_code == 500 or late[0].json() == again
        assert read_count(database_url, "SELECT count(*) FROM evaluations") == 1


def test_limits_hold_over_all_servers(start_servers: StartServers) -> None:
    servers = start_servers(INTERVIEWER_RATE_LIMIT="12/minute", INTERVIEWER_WS_CONNECTIONS="2")
    with servers[0].client() as client:
        interview_id = create_interview(client)
    url = f"/{interview_id}?token={KEY}"
    with connect(servers[0].socket_url + url), connect(servers[1].socket_url + url):
        with pytest.raises(InvalidStatus, match="429"):
            connect(servers[2].socket_url + url)
        servers[1].kill()  # its place runs out by itself; the others are not to wait for that here
    statuses = list[int]()
    for number in range(12):
        server = servers[0 if number % 2 else 2]
        with server.client() as client:
            statuses.append(client.get("/interviews/nope").status_code)
    assert statuses == [404] * 8 + [429] * 4


def test_a_place_is_given_back_when_its_socket_closes(start_servers: StartServers) -> None:
    first, second = start_servers(2, INTERVIEWER_WS_CONNECTIONS="1")
    with first.client() as client:
        interview_id = create_interview(client)
    for _ in range(3):
        for server in (first, second):
            wait_until(lambda s=server: _can_connect(s, interview_id), "the place was not given back")  # type: ignore[misc]


def _can_connect(server: Server, interview_id: str) -> bool:
    try:
        with connect(f"{server.socket_url}/{interview_id}?token={KEY}"):
            return True
    except InvalidStatus as refusal:
        return refusal.response.status_code != 429


def test_without_redis_interviews_go_on_and_it_heals_by_itself(
    start_servers: StartServers, redis: RedisServer
) -> None:
    first, second = start_servers(2)
    with first.client() as a, second.client() as b:
        interview_id = create_interview(a)
        with connect(f"{second.socket_url}/{interview_id}?token={KEY}") as watching:
            hear(watching, "question")
            redis.stop()
            wait_until(lambda: readiness(first) == readiness(second) == "degraded", "nobody noticed")
            assert submit(a, interview_id, "q1", ANSWER).status_code == 200
            assert submit(b, interview_id, "q2", ANSWER).status_code == 200
            redis.start()
            hear(watching, "feedback")  # what was missed, once Redis is back
            wait_until(lambda: readiness(first) == readiness(second) == "ready", "it did not heal")
            submit(a, interview_id, "q3", ANSWER)
            while json.loads(watching.recv(timeout=20))["data"].get("question_id") != "q3":
                pass


def test_a_redis_that_hangs_keeps_no_answer_waiting(start_servers: StartServers, redis: RedisServer) -> None:
    (server,) = start_servers(1)
    with server.client() as client, redis.paused():
        interview_id = create_interview(client)
        for number in (1, 2, 3):
            assert submit(client, interview_id, f"q{number}", ANSWER).status_code == 200
        assert readiness(server) == "degraded"
    wait_until(lambda: readiness(server) == "ready", "it did not heal")


def test_while_postgres_is_away_nothing_is_lost_and_it_heals_by_itself(
    start_servers: StartServers, postgres: Postgres
) -> None:
    first, second = start_servers(2)
    with first.client() as a, second.client() as b:
        interview_id = create_interview(a)
        before = submit(a, interview_id, "q1", ANSWER).json()
        postgres.stop()
        for client in (a, b):
            refused = submit(client, interview_id, "q2", ANSWER)
            assert (refused.status_code, refused.json()["error"]["details"]["retryable"]) == (500, True)
        assert httpx.get(f"{first.url}/readyz", timeout=20).status_code == 503
        postgres.start()
        wait_until(lambda: readiness(first) == readiness(second) == "ready", "it did not heal")
        assert submit(b, interview_id, "q1", ANSWER).json() == before
        assert submit(b, interview_id, "q2", ANSWER).status_code == 200


def test_a_postgres_that_hangs_is_told_within_seconds(
    start_servers: StartServers, postgres: Postgres
) -> None:
    (server,) = start_servers(1)
    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        with postgres.paused():
            refused = submit(client, interview_id, "q1", ANSWER)
            assert (refused.status_code, refused.json()["error"]["details"]["retryable"]) == (500, True)
        wait_until(lambda: readiness(server) == "ready", "it did not heal")
        assert submit(client, interview_id, "q1", ANSWER).status_code == 200


def test_a_rolling_restart_loses_no_turn(start_servers: StartServers) -> None:
    servers = start_servers()
    ended = list[int]()

    def roll() -> None:
        for server in servers:
            ended.append(server.stop())
            server.start()

    counts = asyncio.run(_hold_meanwhile([server.url for server in servers], roll))
    assert ended == [0, 0, 0]
    assert min(counts) > 0


def test_a_cluster_behind_its_balancer_restarts_in_turn_and_loses_no_turn(
    postgres: Postgres, redis: RedisServer, tmp_path: Path
) -> None:
    settings = {
        "INTERVIEWER_DATABASE_URL": postgres.create_database(f"test{next(names)}"),
        "INTERVIEWER_REDIS_URL": redis.url,
        "INTERVIEWER_API_KEYS": KEY,
        "INTERVIEWER_RATE_LIMIT": "100000/minute",
    }
    with Cluster(tmp_path, settings) as cluster:
        counts = asyncio.run(_hold_meanwhile([cluster.url], cluster.roll))
        assert cluster.stop() == [0, 0, 0]
    assert min(counts) > 0


async def _hold_meanwhile(urls: Sequence[str], work: Callable[[], None]) -> list[int]:
    """How many turns each of some candidates had before and after, half of them over sockets."""
    over = asyncio.Event()
    turns = [0] * 6
    with httpx.Client(base_url=f"{urls[0]}/api/v1", headers=AUTHORIZED, timeout=20) as client:
        ids = [create_interview(client, duration=240) for _ in range(3)]
    talks = [asyncio.create_task(_talk(urls, number, turns, over)) for number in range(3)]
    for number, interview_id in enumerate(ids, 3):
        talks.append(asyncio.create_task(_talk_live(urls, number, turns, interview_id, over)))

    async def wait_for_a_turn_of_each() -> None:
        before = turns.copy()
        async with asyncio.timeout(DEADLINE):
            while any(turns[one] == before[one] and not talk.done() for one, talk in enumerate(talks)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    await wait_for_a_turn_of_each()
    await asyncio.to_thread(work)
    await wait_for_a_turn_of_each()
    over.set()
    await asyncio.gather(*talks)
    return turns


async def _talk(urls: Sequence[str], number: int, turns: list[int], over: asyncio.Event) -> None:
    """Answer over REST; what fails is sent again, to the next server."""
    places = count(number)

    async def ask(method: str, path: str, **content: object) -> Json:
        while True:
            url = f"{urls[next(places) % len(urls)]}/api/v1{path}"
            try:
                async with httpx.AsyncClient(
                    headers={"Authorization": f"Bearer {KEY}"}, timeout=20
                ) as client:
                    response = await client.request(method, url, **content)  # type: ignore[arg-type]
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if response.status_code < 400:
                data: Json = response.json()["data"]
                return data
            assert response.json()["error"]["details"]["retryable"], response.text

    while not over.is_set():
        config = {"job_role": "Python Developer", "skills": ["Python"], "duration": 15}
        interview_id = (await ask("POST", "/interviews", json=config))["interview_id"]
        question = (await ask("GET", f"/interviews/{interview_id}"))["current_question"]
        answered = 0
        while question is not None and not over.is_set():
            body = {"question_id": question["id"], "answer": f"{ANSWER} {turns[number]}"}
            told = await ask("POST", f"/interviews/{interview_id}/answers", json=body)
            question, answered = told["next_question"], answered + 1
            turns[number] += 1
        record = await ask("POST", f"/interviews/{interview_id}/end")
        assert record["summary"]["answered"] == answered


async def _talk_live(
    urls: Sequence[str], number: int, turns: list[int], interview_id: str, over: asyncio.Event
) -> None:
    """Answer over sockets; after each close, go on at the next server."""
    answered = set[str]()
    places = count(number)
    while not over.is_set():
        try:
            address = urls[next(places) % len(urls)].replace("http", "ws", 1)
            url = f"{address}/api/v1/ws/interviews/{interview_id}?token={KEY}"
            async with connect_live(url) as socket:
                await _answer_live(socket, number, turns, answered, over)
        except ConnectionClosed as closing:
            code = closing.rcvd.code if closing.rcvd else None
            if code == 1000:
                break
            if code not in (None, 1012):
                raise
        except (OSError, InvalidStatus, InvalidMessage):  # nobody is there, or the balancer says so
            await asyncio.sleep(0.05)


async def _answer_live(
    socket: LiveConnection, number: int, turns: list[int], answered: set[str], over: asyncio.Event
) -> None:
    while not over.is_set():
        message = json.loads(await socket.recv())
        if message["type"] == "question":
            question_id = message["data"]["id"]
            await socket.send(frame("answer", question_id=question_id, answer=ANSWER))
        elif message["type"] == "feedback":
            answered.add(message["data"]["question_id"])
            turns[number] = len(answered)
        assert message["type"] != "error", message


def test_an_idle_socket_is_closed_with_1012_and_a_busy_one_after_its_turn(
    start_servers: StartServers,
) -> None:
    with serving(Provider(latency=0.5)) as provider:
        (server,) = start_servers(1, INTERVIEWER_MODEL="openai:test", OPENAI_BASE_URL=provider.url)
        with server.client() as client:
            ids = [create_interview(client), create_interview(client)]
        urls = [f"{server.socket_url}/{interview_id}?token={KEY}" for interview_id in ids]
        with connect(urls[0]) as idle, connect(urls[1]) as busy:
            hear(idle, "question")
            hear(busy, "question")
            busy.send(frame("answer", question_id="q1", answer=ANSWER))
            wait_until(lambda: len(provider.asked_for("answer_evaluation")) == 1, "no grade was asked for")
            server.send(signal.SIGTERM)
            assert wait_for_close(idle) == 1012
            hear(busy, "feedback", "question")
            assert wait_for_close(busy) == 1012
        assert server.stop() == 0


def test_a_key_revoked_beside_the_servers_is_useless_on_all_of_them(
    start_servers: StartServers, database_url: str, tmp_path: Path
) -> None:
    made = run_interviewer(tmp_path, "keys", "create", "app", INTERVIEWER_DATABASE_URL=database_url)
    key = made.stdout.strip()
    servers = start_servers(2, INTERVIEWER_API_KEYS="")
    for server in servers:
        with server.client(key) as client:
            assert client.get("/interviews/nope").status_code == 404
    (line,) = run_interviewer(
        tmp_path, "keys", "list", INTERVIEWER_DATABASE_URL=database_url
    ).stdout.splitlines()
    run_interviewer(tmp_path, "keys", "revoke", line.split()[0], INTERVIEWER_DATABASE_URL=database_url)
    for server in servers:
        with server.client(key) as client:
            assert client.get("/interviews/nope").status_code == 401


def test_a_database_that_is_not_upgraded_or_newer_is_refused_with_the_command_to_run(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.create_database(f"test{next(names)}")
    refused = run_interviewer(tmp_path, "serve", "--port", "0", INTERVIEWER_DATABASE_URL=url)
    assert refused.returncode == 1
    assert "interviewer db upgrade" in refused.stderr
    assert run_interviewer(tmp_path, "db", "upgrade", INTERVIEWER_DATABASE_URL=url).returncode == 0
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for words in (["serve", "--port", "0"], ["db", "upgrade"]):
        refused = run_interviewer(tmp_path, *words, INTERVIEWER_DATABASE_URL=url)
        assert refused.returncode == 1
        assert "newer version" in refused.stderr


def test_an_address_that_is_none_is_refused_without_its_password(tmp_path: Path) -> None:
    for url in ("postgresql+psycopg://u:hunter2@127.0.0.1:1/x", "postgresql://u:hunter2@h/x", "pg:hunter2"):
        refused = run_interviewer(tmp_path, "serve", "--port", "0", INTERVIEWER_DATABASE_URL=url)
        assert refused.returncode == 1
        assert "hunter2" not in refused.stderr
        assert "Traceback" not in refused.stderr
    refused = run_interviewer(tmp_path, "serve", "--port", "0", INTERVIEWER_REDIS_URL="http://:hunter2@h")
    assert "INTERVIEWER_REDIS_URL" in refused.stderr
    assert "hunter2" not in refused.stderr


def test_a_database_of_the_first_release_is_upgraded_and_its_interview_goes_on(
    postgres: Postgres, nursery: Nursery, tmp_path: Path
) -> None:
    """Version 0.1 left this interview waiting for the answer to its third question."""
    url = postgres.create_database(f"test{next(names)}")
    upgrade_to(url, "0001")
    script = (Path(__file__).parent / "snapshots" / "interview_in_progress_0_1.sql").read_text()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for table in ("interviews", "turns", "evaluations"):
            for statement in re.findall(
                rf"^INSERT INTO \"?{table}\"? VALUES.*?\);$", script, re.MULTILINE | re.DOTALL
            ):
                connection.execute(statement.encode())
        connection.execute("UPDATE interviews SET expires_at = '9999'")
        ((interview_id,),) = connection.execute("SELECT id FROM interviews").fetchall()
    settings = {"INTERVIEWER_DATABASE_URL": url, "INTERVIEWER_API_KEYS": KEY}
    refused = run_interviewer(tmp_path, "serve", "--port", "0", INTERVIEWER_DATABASE_URL=url)
    assert "interviewer db upgrade" in refused.stderr
    assert run_interviewer(tmp_path, "db", "upgrade", INTERVIEWER_DATABASE_URL=url).returncode == 0
    server = ForkedServer(tmp_path, settings, nursery=nursery).start()
    try:
        with server.client() as client:
            before = submit(client, interview_id, "q2", "It depends.").json()["data"]
            assert read_interview(client, interview_id)["current_question"] == before["next_question"]
            assert submit(client, interview_id, "q3", ANSWER).status_code == 200
    finally:
        server.kill()


def upgrade_to(database_url: str, version: str) -> None:
    """Bring a database to a version of the past."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = database_url
    command.upgrade(config, version)
