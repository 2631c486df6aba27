"""A server may be killed at any moment: nothing acknowledged is lost or changed, and every interview goes on.

In full, with the seed printed at a failure or another one:

    SOAK_KILLS=220 SOAK_SEED=7 python -m pytest tests/test_crashes.py -s
"""

import asyncio
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random

import pytest
from candidates import (
    Candidate,
    History,
    Outcome,
    RestCandidate,
    SocketCandidate,
    create_history,
    mark_in,
    mark_of,
    open_http,
)
from nursery import ForkedServer, Nursery, copy_database, nursing
from provider import Provider, serving
from provider_wire import prompt_of, schema_of
from serving import KEY, create_interview, read_interview, submit

KILLS = int(os.environ.get("SOAK_KILLS", "20"))
SEED = int(os.environ.get("SOAK_SEED", "7"))
IN_FULL = KILLS >= 200
ENGINES = ["offline", "openai:test"]
TRANSPORTS = ["REST", "WebSocket"]
ACTS = ["answer", "the same twice", "two answers", "end", "create"]
OFTEN = [6, 3, 3, 2, 1]  # how often each act is cut off, out of 15
SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Where this module's servers are forked."""
    with nursing() as nursery:
        yield nursery


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider whose replies take long enough for a crash to fall into them."""
    with serving(Provider(latency=0.03)) as provider:
        yield provider


@pytest.fixture
def server(nursery: Nursery, tmp_path: Path, provider: Provider) -> Iterator[ForkedServer]:
    """A server that has not been started, on the provider where its model is not offline."""
    settings = {
        "INTERVIEWER_API_KEYS": KEY,
        "INTERVIEWER_RATE_LIMIT": "1000000/minute",
        "INTERVIEWER_WS_CONNECTIONS": "1000",
        "OPENAI_BASE_URL": provider.url,
    }
    server = ForkedServer(tmp_path, settings, nursery=nursery)
    yield server
    server.kill()


class Crashes:
    """One interview after the other, each of whose acts may be cut off by a kill and is then repeated."""

    def __init__(self, server: ForkedServer, provider: Provider, transport: str, random: Random) -> None:
        self.server = server
        self.provider = provider
        self.transport = transport
        self.random = random
        self.figures: Counter[str] = Counter()
        self.violations: list[str] = []
        self._numbers = count(1)
        self._calls: Counter[str | None] = Counter()  # for evaluations, by the answer's mark
        self._seen = 0
        self._graded: dict[str, int] = {}  # the calls for each answer when its grade was found on disk
        self._history = History("")

    async def run(self, kills: int) -> None:
        """So many kills, and what follows from each."""
        self.server.start()
        async with open_http(self.server) as self._http:
            await self._create(f"first-{self.server.port}")
            self._act_seconds = await self._measure_act()
            while self.figures["kills"] < kills:
                (act,) = self.random.choices(ACTS, OFTEN)
                await self._cut_off(act)
            await self._end_and_check()
        calls = self._count_calls()
        self.violations += [
            f"graded again: mark {m}" for m, before in self._graded.items() if calls[m] > before
        ]
        self.figures["evaluations asked for"] = calls.total()
        self.figures["of these again, since the reply was cut off"] = calls.total() - len(calls)

    async def _measure_act(self) -> float:
        """How long a turn takes here, and so how late a kill can be and still fall into one."""
        started = time.monotonic()
        assert await self._rest().answer("q1", self._text()) == "accepted"
        return 1.5 * (time.monotonic() - started)

    async def _cut_off(self, act: str) -> None:
        """Begin something, kill the server while it may be under way, start again and repeat it."""
        question_id = self._history.newest or "q1"
        same = self._text()
        texts = {"answer": [same], "the same twice": [same, same], "two answers": [same, self._text()]}
        key = f"key-{next(self._numbers)}"
        candidates = [self._candidate() for _ in texts.get(act, [])]
        acts: list[Awaitable[object]] = [
            candidate.answer(question_id, text)
            for candidate, text in zip(candidates, texts.get(act, []), strict=True)
        ]
        if act == "end":
            acts = [self._rest().end(key)]
        elif act == "create":
            acts = [create_history(self._http, key, duration=10)]
        heard = await self._kill_during(acts)
        self.figures["kills"] += 1
        self.figures[f"during {act}"] += 1
        self.figures["cut off"] += any(told in (None, "lost") for told in heard)
        for candidate in candidates:
            await candidate.close()
        self._inspect_database()
        self.server.start()
        if act == "create":
            await self._end_and_check()
            await self._create(key, *heard)
        elif act == "end":
            await self._insist(lambda: self._rest().end(key))
            await self._end_and_check()
        else:
            await self._repeat(question_id, texts[act])

    async def _kill_during(self, acts: list[Awaitable[object]]) -> list[object]:
        under_way = [asyncio.ensure_future(act) for act in acts]
        await asyncio.sleep(self.random.uniform(0, self._act_seconds))
        self.server.kill()
        return await asyncio.gather(*under_way)

    async def _create(self, key: str, heard: object = None) -> None:
        """An interview under a key; the one that was made first, if its response was heard."""
        until = time.monotonic() + 20
        while (made := await create_history(self._http, key, duration=10)) is None:
            assert time.monotonic() < until, "no interview could be created"
        if isinstance(heard, History) and heard.interview_id != made.interview_id:
            self.violations.append(f"two interviews under {key}")
        self._history = made
        await self._rest().read()

    async def _repeat(self, question_id: str, texts: list[str]) -> None:
        """Submit again what was submitted; all of it is settled now, and one answer is the stored one."""
        outcomes = {
            text: await self._insist(lambda text=text: self._rest().answer(question_id, text))  # type: ignore[misc]
            for text in texts
        }
        accepted = [text for text, outcome in outcomes.items() if outcome == "accepted"]
        self._history.expect(len(accepted) == 1, f"of {texts} these are stored: {accepted}")
        data = await self._rest().read()
        assert data is not None
        if data["status"] == "completed":
            self.figures["ended by themselves"] += 1
            await self._end_and_check()
        else:
            after = f"q{int(question_id[1:]) + 1}"
            open_now = data["current_question"] and data["current_question"]["id"]
            self._history.expect(open_now == after, f"after {question_id} {open_now} is open")

    async def _insist(self, act: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Repeat until there is an answer, which an interview that is stuck would never give."""
        until = time.monotonic() + 20
        while (outcome := await act()) in ("lost", "failed"):
            if time.monotonic() > until:
                self._history.expect(False, "the interview is stuck")
                break
            await asyncio.sleep(0.01)
        return outcome

    async def _end_and_check(self) -> None:
        """Bring the interview to its end, hold its record against what was told, and begin another."""
        await self._insist(lambda: self._rest().end())
        data = await self._rest().read()
        assert data is not None
        self._history.check_record(data)
        self.violations += self._history.violations
        self.figures["interviews"] += 1
        self.figures["turns"] += len(data["turns"])
        await self._create(f"next-{next(self._numbers)}")

    def _inspect_database(self) -> None:
        """Check what the crash left, in a copy: to open the original is to recover it."""
        copy = copy_database(self.server.folder, self.server.folder / "copy")
        with closing(sqlite3.connect(copy)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchall()
            graded = connection.execute(
                "SELECT answer FROM turns JOIN evaluations USING (interview_id, number)"
            )
            calls = self._count_calls()
            for (answer,) in graded:
                self._graded.setdefault(mark := mark_in(answer), calls[mark])
        if found != [("ok",)]:
            self.violations.append(f"integrity_check: {found}")

    def _count_calls(self) -> Counter[str | None]:
        """How often each answer's evaluation was asked for."""
        new, self._seen = self.provider.requests[self._seen :], len(self.provider.requests)
        self._calls.update(
            mark_of(request) for request in new if schema_of(request)[0] == "answer_evaluation"
        )
        return self._calls

    def _candidate(self) -> Candidate:
        if self.transport == "REST":
            return self._rest()
        return SocketCandidate(self.server, self._history)

    def _rest(self) -> RestCandidate:
        return RestCandidate(self._http, self._history)

    def _text(self) -> str:
        said = self.random.choice(
            [
                "I don't know.",
                "A generator yields one item at a time, so memory use stays small.",
                "It depends.",
            ]
        )
        return f"{said} (mark {next(self._numbers)})"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_kills_at_random_moments_lose_change_double_and_block_nothing(
    server: ForkedServer, provider: Provider, engine: str, transport: str
) -> None:
    server.settings["INTERVIEWER_MODEL"] = engine
    crashes = Crashes(server, provider, transport, Random(f"{SEED} {engine} {transport}"))  # noqa: S311
    asyncio.run(crashes.run(KILLS // 4))
    print(f"\nseed {SEED}, {engine} over {transport}: {dict(crashes.figures)}")  # noqa: T201
    assert crashes.violations == []
    assert crashes.figures["cut off"]


async def play(server: ForkedServer, key: str, transport: str, before: list[History]) -> bool:
    """A whole interview under one key, the same each time; false if the server died in it.

    What was told is kept in `before`, so that a second play is held against the first.
    """
    async with open_http(server) as http:
        made = await create_history(http, key, duration=10)
        if made is None:
            return False
        before.append(made)
        history = before[0]
        history.expect(made.interview_id == history.interview_id, f"two interviews under {key}")
        rest = RestCandidate(http, history)
        candidate: Candidate = SocketCandidate(server, history) if transport == "WebSocket" else rest
        acts: list[Callable[[], Awaitable[Outcome]]] = [
            rest.look,
            lambda: candidate.answer("q1", f"It depends on {key}."),
            rest.look,
            lambda: rest.answer("q2", f"I don't know {key}.", key),
            lambda: rest.end(key),
        ]
        outcomes = [await act() for act in acts]
        await candidate.close()
        data = await rest.read()
        if "lost" in outcomes or data is None:
            return False
        history.check_record(data)
        return True


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_kill_between_any_two_commits_leaves_an_interview_that_goes_on(
    server: ForkedServer, engine: str, transport: str
) -> None:
    server.settings["INTERVIEWER_MODEL"] = engine
    crashes = 0
    some = sorted(Random(SEED).sample(range(2, 18), 4))  # noqa: S311 - nothing secret about it
    for place in count(1) if IN_FULL else some:
        told: list[History] = []
        server.dies_before = place
        server.start()
        died = not asyncio.run(play(server, f"key-{place}", transport, told))
        server.kill()
        assert_sound(server)
        server.dies_before = None
        server.start()
        assert asyncio.run(play(server, f"key-{place}", transport, told))
        server.kill()
        assert told[0].violations == []
        crashes += died
        if not died and place > 5:
            break
    print(f"\nseed {SEED}, {engine} over {transport}: killed before each of {crashes} commits")  # noqa: T201
    assert crashes >= 3


def assert_sound(server: ForkedServer) -> None:
    """The database passes SQLite's own check."""
    with closing(sqlite3.connect(copy_database(server.folder, server.folder / "copy"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("damage", ["flip", "cut", "lose"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_damaged_checkpoint_changes_nothing_that_is_asked_or_graded(
    server: ForkedServer, provider: Provider, engine: str, damage: str
) -> None:
    """What was damaged is not believed: the record is served, and the interview goes on from it."""
    random = Random(f"{SEED} {engine} {damage}")  # noqa: S311
    server.settings["INTERVIEWER_MODEL"] = engine
    for number in range(KILLS // 10):
        server.start()
        with server.client() as client:
            interview_id = create_interview(client)
            first = submit(client, interview_id, "q1", f"It depends. (mark {number})").json()
        server.kill()
        damage_checkpoints(server, random, damage)
        server.start()
        with server.client() as client:
            assert submit(client, interview_id, "q1", f"It depends. (mark {number})").json() == first
            asked = read_interview(client, interview_id)["current_question"]
            assert asked == first["data"]["next_question"]
            second = submit(client, interview_id, "q2", "I don't know.")
            assert second.status_code == 200, second.text
            if engine != "offline":
                graded = prompt_of(provider.asked_for("answer_evaluation")[-1])[1]
                assert asked["text"] in graded
                assert set(second.json()["data"]["next_question"]["text"]) <= set("Text 0123456789")
            ended = client.post(f"/interviews/{interview_id}/end")
            assert ended.json()["data"]["summary"]["answered"] == 2
            turns = read_interview(client, interview_id)["turns"]
            assert turns[0]["evaluation"] == first["data"]["evaluation"]
            if engine != "offline":
                told = prompt_of(provider.asked_for("interview_summary")[-1])[1]
                missing = [
                    t["question"]["text"] for t in turns if t["answer"] and t["question"]["text"] not in told
                ]
                assert missing == []
        server.kill()


def damage_checkpoints(server: ForkedServer, random: Random, damage: str) -> None:
    """Flip one byte of each stored value, or cut some short, or lose some rows."""
    with closing(sqlite3.connect(server.folder / "data" / "interviewer.db")) as connection, connection:
        for table, column in (("checkpoints", "checkpoint"), ("writes", "value")):
            rows = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()  # noqa: S608
            for row, stored in rows:
                if random.random() < 0.3 or not stored:
                    continue
                place = random.randrange(len(stored))
                changed = stored[:place]
                if damage == "flip":
                    changed += bytes([stored[place] ^ 1 << random.randrange(8)]) + stored[place + 1 :]
                statement = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"  # noqa: S608
                if damage == "lose":
                    statement = f"DELETE FROM {table} WHERE ? IS NOT NULL AND rowid = ?"  # noqa: S608
                connection.execute(statement, (changed, row))


def test_an_interview_of_an_older_version_goes_on(server: ForkedServer, provider: Provider) -> None:
    """Version 0.1 left this one waiting for the answer to its third question; its time is long over."""
    server.settings |= {"INTERVIEWER_MODEL": "openai:test"}
    (server.folder / "data").mkdir()
    script = (SNAPSHOTS / "interview_in_progress_0_1.sql").read_text()
    with closing(sqlite3.connect(server.folder / "data" / "interviewer.db")) as connection:
        connection.executescript(script)
        ((interview_id,),) = connection.execute("SELECT id FROM interviews")
        connection.execute("UPDATE interviews SET expires_at = '9999'")  # nor is it tidied up meanwhile
        connection.commit()
    server.start()
    with server.client() as client:
        before = submit(client, interview_id, "q2", "It depends.").json()["data"]
        assert before["next_question"]["text"] == "Text 42"
        assert read_interview(client, interview_id)["current_question"] == before["next_question"]
        third = submit(client, interview_id, "q3", "I don't know.")
        assert third.status_code == 200, third.text
        assert third.json()["data"]["next_question"] is None
        (graded,) = provider.asked_for("answer_evaluation")
        assert "Text 42" in prompt_of(graded)[1]
        assert read_interview(client, interview_id)["summary"]["answered"] == 3
    assert "thread_failed" not in server.log
    assert "checkpoint_unreadable" not in server.log


@pytest.mark.parametrize(
    ("table", "column"), [("interviews", "config"), ("turns", "question"), ("evaluations", "evaluation")]
)
def test_a_record_that_cannot_be_read_is_told_as_such_and_harms_no_other(
    server: ForkedServer, table: str, column: str
) -> None:
    server.start()
    with server.client() as client:
        interview_id, other_id = create_interview(client), create_interview(client)
        for each in (interview_id, other_id):
            submit(client, each, "q1", "It depends.")
    server.stop()
    place = "id" if table == "interviews" else "interview_id"
    with closing(sqlite3.connect(server.folder / "data" / "interviewer.db")) as connection, connection:
        connection.execute(
            f"UPDATE {table} SET {column} = substr({column}, 9) WHERE {place} = ?",  # noqa: S608
            (interview_id,),
        )
    server.start()
    with server.client() as client:
        for response in (
            client.get(f"/interviews/{interview_id}"),
            submit(client, interview_id, "q1", "It depends."),
            client.post(f"/interviews/{interview_id}/end"),
        ):
            error = response.json()["error"]
            assert (response.status_code, error["code"]) == (500, "server_error")
            assert error["details"]["retryable"] is False
            assert "record of this interview" in error["message"]
        assert submit(client, other_id, "q2", "It depends.").status_code == 200
    assert "Traceback" not in server.log
