"""A recorded interview becomes a thread that stands where the interview does, wherever that is."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import StateSnapshot, StateUpdate
from pydantic_core import to_jsonable_python

from agent.interview import (
    Evaluation,
    FollowUp,
    InterviewConfig,
    KeyPoint,
    Provenance,
    Question,
    Rubric,
    Turn,
)
from graphs.debugging import list_supersteps
from graphs.interview import builder
from graphs.records import Interview

NOW = datetime.now(UTC)
THREAD: RunnableConfig = {"configurable": {"thread_id": "one"}}
ASKED = Question("q1", "Why?", Rubric((KeyPoint("one"), KeyPoint("two"))), "Reasons")
SECOND = Question("q2", "How?", Rubric((KeyPoint("three"),)), "Ways")
PROBE = FollowUp("And two?", "two")
GRADE = Evaluation(3, "Two is missing.", Provenance("offline"), missing=("two",), follow_up=PROBE)


def recorded(*turns: Turn, end_reason: str | None = None) -> Interview:
    """An interview as the records give it."""
    return Interview(
        id="one",
        owner="owner",
        created_at=NOW,
        config=InterviewConfig("Nurse"),
        seed=1,
        started_at=NOW,
        ended_at=NOW if end_reason else None,
        end_reason=end_reason,
        summary=None,
        turns=turns,
    )


def recreate(interview: Interview) -> StateSnapshot:
    """Where a thread stands that was made as a LangGraph server makes it: from JSON, step by step."""

    async def update() -> StateSnapshot:
        graph = builder.compile(checkpointer=InMemorySaver())
        steps: Any = to_jsonable_python(list_supersteps(interview))
        updates = [[StateUpdate(u["values"], u["as_node"]) for u in step["updates"]] for step in steps]
        await graph.abulk_update_state(THREAD, updates)
        return await graph.aget_state(THREAD)

    return asyncio.run(update())


@pytest.mark.parametrize(
    ("interview", "following"),
    [
        (recorded(), {"generate_question"}),
        (recorded(Turn(ASKED)), {"await_answer"}),
        (recorded(Turn(ASKED, "One.")), {"evaluate_answer", "draft_question"}),
        (recorded(Turn(ASKED, "One.", GRADE)), {"choose_next"}),
        (recorded(Turn(ASKED, "One.", GRADE), Turn(SECOND)), {"await_answer"}),
        (recorded(Turn(ASKED), end_reason="it was left alone"), {"summarise_interview"}),
        (recorded(Turn(ASKED, "One."), end_reason="the client ended it"), {"summarise_interview"}),
    ],
)
def test_the_thread_stands_where_the_interview_does(interview: Interview, following: set[str]) -> None:
    assert set(recreate(interview).next) == following


def test_a_graded_turn_is_filed_as_it_was_recorded() -> None:
    turn = Turn(ASKED, "One.", GRADE)
    assert recreate(recorded(turn, Turn(SECOND))).values["turns"] == [turn]


def test_a_way_that_the_rules_no_longer_take_is_told() -> None:
    route = recreate(recorded(Turn(ASKED, "One.", GRADE), Turn(SECOND))).values["route"]
    assert route["step"] == "generate_question"
    assert "today's rules lead to ask_follow_up" in route["reason"]


def test_the_recorded_start_is_left_out_so_that_a_fork_has_time() -> None:
    assert recreate(recorded(Turn(ASKED))).values.get("started_at") is None
