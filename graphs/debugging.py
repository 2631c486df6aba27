"""A recorded interview as a thread of a LangGraph server, so that Studio can fork from any of its answers."""

from dataclasses import asdict
from typing import Any

import httpx
from langgraph_sdk import get_client
from pydantic_core import to_jsonable_python

from agent.interview import Route, Step, Turn, choose_route, question_budget
from graphs.records import Interview

Superstep = dict[str, list[dict[str, Any]]]


async def recreate_thread(interview: Interview, url: str) -> str:
    """Put the interview on the LangGraph server at `url` as a new thread, and return the thread's id.

    Nothing is asked of an engine. Raises `ConnectionError` if no such server takes the thread.
    """
    try:
        async with httpx.AsyncClient() as probe:  # the SDK's client would try for seconds
            (await probe.get(f"{url.rstrip('/')}/ok")).raise_for_status()
        client = get_client(url=url)
        thread = await client.threads.create(
            graph_id="interview",
            metadata={"interview_id": interview.id},
            supersteps=to_jsonable_python(list_supersteps(interview)),
        )
        if "thread_id" not in thread:
            raise ConnectionError(f"the LangGraph server at {url} refused the interview's history: {thread}")
        if interview.ended_at is None and interview.turns and interview.turns[-1].answer is None:
            await client.runs.wait(thread["thread_id"], "interview")  # to the interrupt, which then shows
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise ConnectionError(
            f"no LangGraph server takes the interview at {url} ({reason}); `make studio` starts one"
        ) from None
    return thread["thread_id"]


def list_supersteps(interview: Interview) -> list[Superstep]:
    """What each step of the graph wrote, from the input to where the interview stands."""
    steps = [_step(__input__=asdict(interview.config)), _step(__start__=asdict(interview.config))]
    for place, turn in enumerate(interview.turns):
        steps += _ask(interview, turn)
        if turn.answer is not None:
            steps.append(_step(await_answer={"answer": turn.answer}))
        if turn.evaluation is not None:
            steps.append(_step(evaluate_answer={"evaluation": turn.evaluation}, draft_question={}))
        if (route := _route_after(interview, place)) is not None:
            filed = [turn] if turn.answer is not None else []
            steps.append(_step(choose_next={"turns": filed, "route": route}))
    if interview.summary is not None:
        over = {"summary": interview.summary, "question": None, "draft": None}
        steps.append(_step(summarise_interview=over))
    return steps


def _step(**writes: dict[str, Any]) -> Superstep:
    """One superstep: what each of its nodes wrote."""
    return {"updates": [{"as_node": node, "values": values} for node, values in writes.items()]}


def _ask(interview: Interview, turn: Turn) -> list[Superstep]:
    asked = {"question": turn.question, "answer": None, "evaluation": None}
    if turn.question.kind == "follow_up":
        return [_step(ask_follow_up=asked)]
    # No start is written: the interview's time is long over, and a fork shall have time of its own.
    fixed = {"seed": interview.seed, "budget": question_budget(interview.config.duration), "draft": None}
    return [_step(generate_question=asked | fixed)]


def _route_after(interview: Interview, place: int) -> Route | None:
    """Where the interview went after a turn, with the reason by today's rules where they agree."""
    if place + 1 == len(interview.turns):
        return Route("summarise_interview", interview.end_reason or "") if interview.ended_at else None
    turns = interview.turns[: place + 1]
    by_rule = choose_route(turns, question_budget(interview.config.duration), time_is_up=False)
    following = interview.turns[place + 1].question
    went: Step = "ask_follow_up" if following.kind == "follow_up" else "generate_question"
    if by_rule.step == went:
        return by_rule
    return Route(went, f"it went this way; today's rules lead to {by_rule.step}, since {by_rule.reason}")
