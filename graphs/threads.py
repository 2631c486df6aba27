"""An interview's thread: the graph's execution state, kept in line with the records.

A thread lives while its interview does. When it stands elsewhere than the records say, or cannot be read,
it is put in place anew from the records, which hold all that it needs.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Any, cast

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from agent.errors import EngineFailed
from agent.interview import Route, Turn
from graphs.checkpoints import Checkpoints
from graphs.errors import StoreFailed
from graphs.interview import builder
from graphs.records import Interview
from graphs.state import Context, InterviewInput
from graphs.store import failures_of_the_store

Steps = list[str]
Entry = Command[Any] | InterviewInput | None

QUESTION_STEPS: Steps = ["generate_question", "ask_follow_up"]
SUMMARY_STEPS: Steps = ["summarise_interview"]
SUMMARY = "summary"

log = structlog.get_logger()


class Threads:
    """Runs the interview graph, one thread per interview, under the interview's id."""

    def __init__(self, checkpoints: Checkpoints, context: Context) -> None:
        self._checkpoints = checkpoints
        self._context = context
        self._graph = builder.compile(checkpointer=checkpoints, name="interview")
        self._waiting: dict[
            str, str
        ] = {}  # where a run has just left an interview: a question's id or SUMMARY

    async def run(
        self, interview: Interview, stop_before: Steps | None = None, *, stream: bool = False
    ) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
        """Carry the thread on from where the records stand, and yield each step as it is done.

        A step is a node's name with what it changed, or, if `stream` asks for it, `feedback` with a piece of
        text while it is written.
        The next step waits until the caller has dealt with this one.
        """
        try:
            async with aclosing(self._run(interview, stop_before, stream=stream)) as steps:
                async for step in steps:
                    yield step
        except (EngineFailed, StoreFailed):
            raise
        except Exception:  # what a damaged or foreign checkpoint can cause; the record replaces it
            log.warning("thread_failed", interview_id=interview.id)
            await self.remove(interview.id)
            raise

    async def _run(
        self, interview: Interview, stop_before: Steps | None, *, stream: bool
    ) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
        waits_at = None
        with failures_of_the_store():
            steps = self._graph.astream(
                await self._place(interview),
                _config(interview.id),
                context=replace(self._context, seed=interview.seed, stream=stream),
                stream_mode=["updates", "custom"],
                # To stop before waiting costs less than to be interrupted in it, and resumes the same way.
                interrupt_before=[*(stop_before or ()), "await_answer"],
                durability="exit",
            )
            async with aclosing(cast("AsyncGenerator[tuple[str, dict[str, Any]]]", steps)) as chunks:
                async for mode, chunk in chunks:
                    if mode == "custom":
                        yield "feedback", chunk
                        continue
                    for step, update in chunk.items():
                        if not step.startswith("__"):
                            waits_at = _find_rest(step, update)
                            yield step, update or {}
        if waits_at is not None:
            self._waiting[interview.id] = waits_at

    async def remove(self, interview_id: str) -> None:
        """Forget the thread of an interview whose record is complete."""
        with failures_of_the_store():
            await self._checkpoints.adelete_thread(interview_id)
        self._waiting.pop(interview_id, None)

    async def _place(self, interview: Interview) -> Entry:
        """What to run the thread with, after making sure that it stands where the records say."""
        last = interview.turns[-1] if interview.turns else None
        waits_at = self._waiting.pop(interview.id, None)
        stands_at = SUMMARY if interview.ended_at is not None else _open_question(interview)
        if (
            waits_at is not None
            and waits_at == stands_at
            and self._checkpoints.hand_over(interview.id, {"turns": _turns_behind(interview)})
        ):  # the usual case, for which the thread need not be read
            return None if last is None or waits_at == SUMMARY else Command(resume=last.answer)
        step, values = await self._read(interview.id)
        if interview.ended_at is not None:
            if step != SUMMARY_STEPS:
                route = Route("summarise_interview", interview.end_reason or "")
                await self._rebuild(interview, "choose_next", route=route)
            return None
        if last is None:
            return None if step else InterviewInput(**asdict(interview.config))
        if last.evaluation is not None:
            # Where to go is decided anew, since by now the time may be up.
            await self._rebuild(interview, "evaluate_answer")
            return None
        if not step or not _agrees(values, interview):
            await self._rebuild(interview, "generate_question")
        elif step != ["await_answer"]:
            return None
        return Command(resume=last.answer)

    async def _read(self, interview_id: str) -> tuple[Steps, dict[str, Any]]:
        """The steps that the thread takes next, and its values; none if it cannot be read."""
        try:
            thread = await self._graph.aget_state(_config(interview_id))
        except Exception:  # noqa: BLE001 - a damaged checkpoint fails in many ways, and the records replace it
            log.warning("checkpoint_unreadable", interview_id=interview_id)
            return [], {}
        return list(thread.next), thread.values

    async def _rebuild(self, interview: Interview, as_node: str, **values: object) -> None:
        """Put a new thread where the records say that this one stands."""
        await self._checkpoints.adelete_thread(interview.id)
        last = interview.turns[-1] if interview.turns else None
        kept = {
            "seed": interview.seed,
            "started_at": interview.started_at,
            "question": last and last.question,
            "answer": last and last.answer,
            "evaluation": last and last.evaluation,
            "turns": _turns_behind(interview),
        }
        state = asdict(interview.config) | kept | values
        await self._graph.aupdate_state(_config(interview.id), state, as_node=as_node)


def _find_rest(step: str, update: dict[str, Any] | None) -> str | None:
    """Where a run may rest after a step: at a question, by its id, or before the summary."""
    if not update or step not in (*QUESTION_STEPS, "choose_next"):
        return None
    if step == "choose_next":
        return SUMMARY if update["route"].step in SUMMARY_STEPS else None
    return str(update["question"].id)


def _open_question(interview: Interview) -> str | None:
    return interview.current.question.id if interview.current else None


def _turns_behind(interview: Interview) -> list[Turn]:
    return [turn for turn in interview.turns if _is_done(turn, interview)]


def _is_done(turn: Turn, interview: Interview) -> bool:
    """Whether the turn belongs to what is behind: graded, or left without a grade by the end."""
    return turn.evaluation is not None or (interview.ended_at is not None and turn.answer is not None)


def _agrees(values: dict[str, Any], interview: Interview) -> bool:
    """Whether the thread is at the recorded question, with all that was graded behind it."""
    graded = [turn for turn in interview.turns if turn.evaluation is not None]
    return values.get("question") == interview.turns[-1].question and values.get("turns") == graded


def _config(interview_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": interview_id}}
