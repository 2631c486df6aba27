"""The service that anyone would write first: the reference that ours is measured against.

FastAPI, a LangGraph thread per interview in SQLite, ChatOpenAI with structured output, and the question and
the evaluation one after the other. No keys, no limits, no records beside the checkpoints, no quotes checked.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import add
from typing import Annotated, Any, TypedDict
from uuid import uuid4

import uvicorn
from fastapi import FastAPI, Request
from langchain_core.runnables import RunnableConfig
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field

ASK = (
    "You are interviewing a candidate. Ask the next question and write down what a complete answer says. "
    "Do not ask what was asked before."
)
GRADE = (
    "You grade an answer from an interview from 0 to 10. Quote the words your grade rests on, say what is "
    "missing, and write feedback of two to four sentences."
)

model = ChatOpenAI(model="bench")


class PlainQuestion(BaseModel):
    """A question with what a complete answer says."""

    question: str
    key_points: list[str] = Field(min_length=4)


class PlainEvaluation(BaseModel):
    """The grade of an answer."""

    evidence: list[str]
    missing: list[str]
    feedback: str
    score: int


class State(TypedDict, total=False):
    """An interview."""

    job_role: str
    question: dict[str, Any]
    answer: str
    evaluation: dict[str, Any]
    turns: Annotated[list[dict[str, Any]], add]


async def ask_question(state: State) -> State:
    """Ask the next question."""
    asked = "\n".join(turn["question"]["question"] for turn in state.get("turns", []))
    prompt = f"The job: {state['job_role']}\nAsked before:\n{asked}"
    asker = model.with_structured_output(PlainQuestion)
    question: Any = await asker.ainvoke([("system", ASK), ("user", prompt)])
    return {"question": question.model_dump()}


async def await_answer(state: State) -> State:
    """Wait for the candidate."""
    return {"answer": interrupt(state["question"])}


async def evaluate_answer(state: State) -> State:
    """Grade the answer."""
    question = state["question"]
    points = "\n".join(question["key_points"])
    prompt = f"Question: {question['question']}\nKey points:\n{points}\nAnswer: {state['answer']}"
    grader = model.with_structured_output(PlainEvaluation)
    evaluation: Any = await grader.ainvoke([("system", GRADE), ("user", prompt)])
    turn = {"question": question, "answer": state["answer"], "evaluation": evaluation.model_dump()}
    return {"evaluation": evaluation.model_dump(), "turns": [turn]}


builder = StateGraph(State)
builder.add_node(ask_question)
builder.add_node(await_answer)
builder.add_node(evaluate_answer)
builder.add_edge(START, "ask_question")
builder.add_edge("ask_question", "await_answer")
builder.add_edge("await_answer", "evaluate_answer")
builder.add_edge("evaluate_answer", "ask_question")


class CreateInterview(BaseModel):
    """What to interview about."""

    job_role: str


class SubmitAnswer(BaseModel):
    """An answer."""

    answer: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The graph on its database, while the application runs."""
    async with AsyncSqliteSaver.from_conn_string(os.environ["PLAIN_DATABASE"]) as checkpoints:
        app.state.graph = builder.compile(checkpointer=checkpoints)
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/interviews", status_code=201)
async def create_interview(body: CreateInterview, request: Request) -> dict[str, Any]:
    """Create an interview and ask its first question."""
    interview_id = uuid4().hex
    state = await request.app.state.graph.ainvoke({"job_role": body.job_role}, _config(interview_id))
    return {"interview_id": interview_id, "question": state["question"]["question"]}


@app.post("/interviews/{interview_id}/answers")
async def submit_answer(interview_id: str, body: SubmitAnswer, request: Request) -> dict[str, Any]:
    """Answer the open question."""
    state = await request.app.state.graph.ainvoke(Command(resume=body.answer), _config(interview_id))
    return {"evaluation": state["evaluation"], "next_question": state["question"]["question"]}


@app.get("/healthz")
async def report_alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


def _config(interview_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": interview_id}}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PLAIN_PORT"]), log_level="warning")
