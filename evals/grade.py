"""Batch grading of recorded answers: JSON lines in, JSON lines out, in the same order."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, TextIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.engine import AnswerBrief, Engine
from agent.errors import EngineFailed
from agent.interview import InterviewConfig, KeyPoint, Question, Rubric

CONFIG = InterviewConfig(job_role="Candidate", interview_type="technical")


class RecordedAnswer(BaseModel):
    """A line of the input; it needs key points or a reference answer, and may carry more than is read."""

    model_config = ConfigDict(extra="ignore", strict=True)

    id: str
    question: str = Field(min_length=1)
    answer: str
    reference_answer: str | None = None
    key_points: list[str] = []

    def to_brief(self) -> AnswerBrief:
        """The answer as an interview would hand it to its engine. Raises `ValueError` without a rubric."""
        points = tuple(KeyPoint(point) for point in self.key_points if point.strip())
        if not points and not (self.reference_answer or "").strip():
            raise ValueError("expected key_points or a reference_answer to grade against")
        rubric = Rubric(points, reference=self.reference_answer or "")
        question = Question(id="q1", text=self.question, rubric=rubric, competency="")
        return AnswerBrief(CONFIG, question, self.answer)


def grade_lines(lines: TextIO, engine: Engine) -> Iterator[dict[str, Any]]:
    """The grade of each line in turn; a line that cannot be graded has no score and says why.

    The engine is closed in the end, for its connections belong to the event loop that is made here.
    """
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield loop.run_until_complete(grade_line(engine, line, number))
        finally:
            runner.run(engine.close())


async def grade_line(engine: Engine, line: str, number: int) -> dict[str, Any]:
    """The grade of one line, or what is wrong with it."""
    identity: object = None
    try:
        row = json.loads(line)
        identity = row.get("id") if isinstance(row, dict) else None
        evaluation = await engine.evaluate_answer(RecordedAnswer.model_validate(row).to_brief())
    except (ValueError, RecursionError, EngineFailed) as error:
        return {"id": identity, "score": None, "error": f"line {number}: {_describe(error)}"}
    provenance = asdict(evaluation.provenance)
    return {
        "id": identity,
        "score": evaluation.unrounded if evaluation.unrounded is not None else float(evaluation.score),
        "feedback": evaluation.feedback,
        "evidence": [asdict(quote) for quote in evaluation.evidence],
        "missing": list(evaluation.missing),
        "provenance": {name: value for name, value in provenance.items() if value is not None},
    }


def _describe(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        return f"{'.'.join(str(part) for part in problem['loc']) or 'the line'}: {problem['msg']}"
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON: {error.msg}"
    return str(error)
