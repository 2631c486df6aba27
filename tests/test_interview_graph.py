"""The interview graph by itself, as Studio runs it: offline, in memory, one thread per interview."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from graphs.interview import builder, graph
from graphs.state import Context, InterviewInput

ROOT = Path(__file__).parent.parent
THREAD: RunnableConfig = {"configurable": {"thread_id": "one"}}
OFFLINE = Context(model="offline", seed=3)
START = InterviewInput(job_role="Python Developer", skills=["Python"], interview_type="technical")
DECLINE = "I don't know."


def run(value: object, steps: int = 1, context: Context = OFFLINE) -> dict[str, Any]:
    """The state after an interview was started and answered with the same value `steps` times."""

    async def interview() -> dict[str, Any]:
        compiled = builder.compile(checkpointer=InMemorySaver())
        await compiled.ainvoke(START, THREAD, context=context)
        for _ in range(steps):
            await compiled.ainvoke(Command(resume=value), THREAD, context=context)
        return dict((await compiled.aget_state(THREAD)).values)

    return asyncio.run(interview())


def test_the_drawing_in_the_readme_is_the_graph() -> None:
    edges = [
        line.strip()
        for line in graph.get_graph().draw_mermaid().splitlines()
        if "-->" in line or "-.->" in line
    ]
    readme = (ROOT / "README.md").read_text()
    drawn = readme.split("```mermaid\n")[1].split("```")[0]
    assert sorted(line.strip() for line in drawn.splitlines() if "->" in line) == sorted(edges)


def test_the_interrupt_explains_itself() -> None:
    async def start() -> dict[str, Any]:
        compiled = builder.compile(checkpointer=InMemorySaver())
        return dict(await compiled.ainvoke(START, THREAD, context=OFFLINE))

    (waiting,) = asyncio.run(start())["__interrupt__"]
    assert set(waiting.value) == {"kind", "question_id", "question", "competency", "expects"}
    assert (waiting.value["kind"], waiting.value["question_id"]) == ("main", "q1")


@pytest.mark.parametrize("reply", [DECLINE, {"answer": DECLINE}])
def test_an_answer_resumes_as_plain_text_or_as_an_object(reply: object) -> None:
    state = run(reply)
    assert state["turns"][0].answer == DECLINE
    assert state["question"].id == "q2"


def test_the_state_says_why_the_interview_went_where_it_went() -> None:
    state = run(DECLINE)
    assert state["route"].step == "generate_question"
    assert "declined" in state["route"].reason


def test_a_run_on_almost_nothing_has_sensible_defaults() -> None:
    async def start() -> dict[str, Any]:
        compiled = builder.compile(checkpointer=InMemorySaver())
        return dict(await compiled.ainvoke(InterviewInput(), THREAD))

    assert asyncio.run(start())["question"].text


def test_the_context_fixes_the_seed_and_the_number_of_questions() -> None:
    state = run(DECLINE, steps=2, context=Context(model="offline", seed=3, question_budget=2))
    assert state["summary"].answered == 2
    assert [t.question.text for t in state["turns"]] == [
        t.question.text for t in run(DECLINE, steps=2)["turns"]
    ]


def test_another_seed_asks_another_list() -> None:
    one = [turn.question.text for turn in run(DECLINE, 4)["turns"]]
    two = [turn.question.text for turn in run(DECLINE, 4, Context(model="offline", seed=4))["turns"]]
    assert one != two


def test_an_edited_answer_forks_a_sane_new_history() -> None:
    async def fork() -> tuple[dict[str, Any], dict[str, Any]]:
        compiled = builder.compile(checkpointer=InMemorySaver())
        await compiled.ainvoke(START, THREAD, context=OFFLINE)
        await compiled.ainvoke(Command(resume=DECLINE), THREAD, context=OFFLINE)
        before = dict(await compiled.ainvoke(Command(resume=DECLINE), THREAD, context=OFFLINE))
        history = [state async for state in compiled.aget_state_history(THREAD)]
        answered = next(
            s for s in history if s.next and "evaluate_answer" in s.next and len(s.values["turns"]) == 1
        )
        edited = await compiled.aupdate_state(
            answered.config, {"answer": "It depends."}, as_node="await_answer"
        )
        await compiled.ainvoke(None, edited, context=OFFLINE)
        return before, dict((await compiled.aget_state(THREAD)).values)

    before, after = asyncio.run(fork())
    assert [turn.answer for turn in before["turns"]] == [DECLINE, DECLINE]
    assert [turn.answer for turn in after["turns"]] == [DECLINE, "It depends."]
    assert after["question"].id == "q3"


@asynccontextmanager
async def checkpointed(path: Path) -> AsyncIterator[Any]:
    """The interview graph on a checkpoint file, as the service compiles it."""
    async with aiosqlite.connect(path) as connection:
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        yield builder.compile(checkpointer=saver)


def test_bytes_written_per_turn_stay_flat(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"

    def stored() -> int:
        with closing(sqlite3.connect(path)) as connection:
            sizes = [
                connection.execute(f"SELECT coalesce(sum(length({column})), 0) FROM {table}").fetchone()[0]  # noqa: S608
                for table, column in (("checkpoints", "checkpoint"), ("writes", "value"))
            ]
        return sum(sizes)

    async def interview() -> list[int]:
        sizes = []
        context = Context(model="offline", seed=3, question_budget=48)
        async with checkpointed(path) as compiled:
            await compiled.ainvoke(START, THREAD, context=context, durability="exit")
            for _ in range(40):
                await compiled.ainvoke(Command(resume=DECLINE), THREAD, context=context, durability="exit")
                sizes.append(stored())
        return sizes

    sizes = asyncio.run(interview())
    early, late = sizes[9] - sizes[0], sizes[39] - sizes[30]
    assert late < 1.5 * early
