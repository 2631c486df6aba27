"""The interview's nodes: each reads the state, asks the engine or a rule, and returns what changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from secrets import randbelow
from typing import Any

import structlog
from langgraph.config import get_stream_writer
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent.engine import AnswerBrief, Engine, FeedbackWriter, QuestionBrief
from agent.engines import load_engine
from agent.errors import EngineFailed
from agent.interview import (
    Question,
    Turn,
    choose_route,
    next_difficulty,
    place_follow_up,
    place_question,
    question_budget,
    summarise,
    time_is_up,
)
from agent.settings import load_settings
from agent.telemetry import traced
from graphs.state import Context, InterviewState, file_turns

Update = dict[str, Any]
SEEDS = 2**31
_loaded: set[str] = set()  # models whose engine is there, so that no thread need wait for it

log = structlog.get_logger()


@traced
async def generate_question(state: InterviewState, runtime: Runtime[Context]) -> Update:
    """Ask the next main question: the draft made during the last turn, or a new one."""
    seed, budget = _seed(state, runtime), _budget(state, runtime)
    draft = state.draft
    if draft is None:
        async with engine_of(runtime) as engine:
            draft = await engine.generate_question(_brief(state, seed, budget, state.turns))
    return {
        "seed": seed,
        "budget": budget,
        "started_at": state.started_at or datetime.now(UTC),
        "question": place_question(draft, state.turns),
        "draft": None,
        "answer": None,
        "evaluation": None,
    }


async def await_answer(state: InterviewState) -> Update:
    """Pause until the candidate has answered; nothing may stand before the interrupt, since it runs again."""
    reply = interrupt(_describe_expected(state))
    return {"answer": reply["answer"] if isinstance(reply, dict) else str(reply)}


@traced
async def evaluate_answer(state: InterviewState, runtime: Runtime[Context]) -> Update:
    """Grade the answer against the rubric that was fixed with the question."""
    question, answer = state.question, state.answer
    if question is None or answer is None:
        raise EngineFailed("there is no answer to evaluate", retryable=False)
    brief = AnswerBrief(state.config, question, answer, tuple(state.turns))
    async with engine_of(runtime) as engine:
        return {"evaluation": await engine.evaluate_answer(brief, _feedback_writer(question.id, runtime))}


@traced
async def draft_question(state: InterviewState, runtime: Runtime[Context]) -> Update:
    """Prepare the next main question while the answer is evaluated; a draft that fails is asked for later."""
    if state.draft is not None or _was_last_main(state, runtime):
        return {}
    turns = [*state.turns, Turn(_question(state), state.answer)]
    seed, budget = _seed(state, runtime), _budget(state, runtime)
    try:
        async with engine_of(runtime) as engine:
            if not engine.drafts_ahead:
                return {}
            return {"draft": await engine.generate_question(_brief(state, seed, budget, turns))}
    except EngineFailed as error:
        log.warning("draft_failed", fact=str(error))
        return {}


@traced
async def choose_next(state: InterviewState, runtime: Runtime[Context]) -> Update:
    """File the turn with its grade, which a fork may have changed, and decide by rule where to go and why."""
    turn = Turn(_question(state), state.answer, state.evaluation)
    turns = file_turns(state.turns, [[turn]])
    over = time_is_up(state.started_at, state.duration, datetime.now(UTC))
    return {"turns": [turn], "route": choose_route(turns, _budget(state, runtime), time_is_up=over)}


@traced
async def ask_follow_up(state: InterviewState) -> Update:
    """Ask about the gap that the evaluation found, in the words it proposed."""
    if state.evaluation is None or state.evaluation.follow_up is None:
        raise EngineFailed("the evaluation proposes no follow-up", retryable=False)
    follow_up = place_follow_up(state.evaluation.follow_up, state.turns)
    return {"question": follow_up, "answer": None, "evaluation": None}


@traced
async def summarise_interview(state: InterviewState, runtime: Runtime[Context]) -> Update:
    """Sum up: the numbers by rule, the words by the engine."""
    turns = tuple(state.turns)
    async with engine_of(runtime) as engine:
        text = await engine.summarise_interview(state.config, turns)
    return {"summary": summarise(turns, text), "question": None, "draft": None}


@asynccontextmanager
async def engine_of(runtime: Runtime[Context]) -> AsyncIterator[Engine]:
    """The engine that the run's context names, or the settings; the first use reads its files.

    Whatever goes wrong in it is told as `EngineFailed`, so that no fault of an engine can block an interview.
    """
    try:
        model = _context(runtime).model or load_settings().model
        yield load_engine(model) if model in _loaded else await asyncio.to_thread(load_engine, model)
        _loaded.add(model)
    except EngineFailed:
        raise
    except Exception as error:
        log.exception("engine_fault", kind=type(error).__name__)
        raise EngineFailed("The interviewer failed unexpectedly.") from error


def draw_seed(context: Context) -> int:
    """The seed that the context or the settings fix, or a new one."""
    for fixed in (context.seed, load_settings().seed):
        if fixed is not None:
            return fixed
    return randbelow(SEEDS)


def _brief(state: InterviewState, seed: int, budget: int, turns: list[Turn]) -> QuestionBrief:
    return QuestionBrief(
        config=state.config,
        seed=seed,
        number=sum(turn.question.kind == "main" for turn in turns) + 1,
        budget=budget,
        difficulty=next_difficulty(state.experience_level, turns),
        turns=tuple(turns),
    )


def _context(runtime: Runtime[Context]) -> Context:
    return runtime.context or Context()  # Studio may run a graph without one


def _seed(state: InterviewState, runtime: Runtime[Context]) -> int:
    return draw_seed(_context(runtime)) if state.seed is None else state.seed


def _budget(state: InterviewState, runtime: Runtime[Context]) -> int:
    return state.budget or _context(runtime).question_budget or question_budget(state.duration)


def _was_last_main(state: InterviewState, runtime: Runtime[Context]) -> bool:
    asked = sum(turn.question.kind == "main" for turn in state.turns)
    asked += state.question is not None and state.question.kind == "main"
    return asked >= _budget(state, runtime)


def _question(state: InterviewState) -> Question:
    if state.question is None:
        raise EngineFailed("there is no question to answer", retryable=False)
    return state.question


def _describe_expected(state: InterviewState) -> dict[str, str]:
    question = _question(state)
    return {
        "kind": question.kind,
        "question_id": question.id,
        "question": question.text,
        "competency": question.competency,
        "expects": 'the answer as plain text, or {"answer": "…"}',
    }


def _feedback_writer(question_id: str, runtime: Runtime[Context]) -> FeedbackWriter | None:
    """Where pieces of feedback go, if somebody wants them."""
    if not _context(runtime).stream:
        return None
    write = get_stream_writer()
    return lambda text: write({"question_id": question_id, "text": text})
