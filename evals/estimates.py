"""What a run will cost and how long it takes, told before it starts.

It is an estimate: four characters count as a token, and how much a model writes and how long it thinks are
taken from what they usually do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from agent.engine import AnswerBrief
from agent.interview import question_budget
from agent.openai.prices import price_call
from evals.candidates import Plan
from evals.datasets import InterviewRow
from evals.replies import KeptEngine
from evals.tasks import Evaluation
from prompts import load_prompt

CHARACTERS_A_TOKEN = 4
SCHEMA_TOKENS = 600
WRITTEN_TOKENS = {
    "evaluate_answer": 600,
    "coach_answer": 700,
    "generate_question": 500,
    "summarise_interview": 500,
}
THINKING_TOKENS = 900  # of models that think before they write
THINKING_NAMES = ("gpt-5", "o1", "o3", "o4")
SECONDS_A_CALL = 6.0
# An answer of a simulated candidate with its question and its rubric, in characters.
TURN_CHARACTERS = 2_000
FOLLOW_UPS_A_QUESTION = 1


@dataclass
class Estimate:
    """How many calls a run makes at most, of which `kept` cost nothing, and what the others cost.

    `cost_usd` is None where the price of the model is not known.
    """

    calls: int = 0
    kept: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        cost = "at a price that is not known" if self.cost_usd is None else f"about {self.cost_usd:.2f} USD"
        minutes = max(self.seconds / 60, 0.1)
        kept = f" ({self.kept} more are kept from earlier runs and cost nothing)" if self.kept else ""
        tokens = f"{self.input_tokens:,} tokens in and {self.output_tokens:,} out"
        return f"about {self.calls} calls{kept}, {tokens}, {cost}, {minutes:.1f} minutes"


def estimate_run(
    task: Evaluation, rows: Sequence[Any], repeats: int, engine: KeptEngine, at_once: int
) -> Estimate:
    """What running these rows so often asks of a paid model."""
    whole = Estimate()
    model = engine.name.partition(":")[2]
    for repeat in range(1, repeats + 1):
        asked = engine.for_repeat(repeat)
        for row in rows:
            _count_row(task, row, asked, whole, thinks=model.startswith(THINKING_NAMES))
    whole.cost_usd = price_call(model, whole.input_tokens, 0, whole.output_tokens)
    whole.seconds = whole.calls * SECONDS_A_CALL / at_once
    return whole


def _count_row(task: Evaluation, row: object, engine: KeptEngine, whole: Estimate, *, thinks: bool) -> None:
    if task.asks is None:
        for prompt, times in _calls_of_interview(row).items():
            for _ in range(times):
                _count_call(prompt, TURN_CHARACTERS, whole, thinks=thinks)
        return
    for brief in task.asks(row).values():
        prompt = "evaluate_answer" if isinstance(brief, AnswerBrief) else "coach_answer"
        asked = brief if isinstance(brief, AnswerBrief) else (brief.question, brief.answer, brief.framework)
        if engine.is_kept(prompt, asked):
            whole.kept += 1
            continue
        _count_call(prompt, len(to_json(brief)), whole, thinks=thinks)
        for _ in range(task.asks_on):
            _count_call(prompt, TURN_CHARACTERS, whole, thinks=thinks)


def _calls_of_interview(row: object) -> dict[str, int]:
    if isinstance(row, InterviewRow):
        return {"evaluate_answer": len(row.turns), "summarise_interview": 1}
    questions = question_budget(row.config.duration) if isinstance(row, Plan) else 0
    answers = questions * (1 + FOLLOW_UPS_A_QUESTION)
    return {"generate_question": questions, "evaluate_answer": answers, "summarise_interview": 1}


def _count_call(prompt: str, characters: int, whole: Estimate, *, thinks: bool) -> None:
    text = load_prompt(prompt)
    whole.calls += 1
    whole.input_tokens += SCHEMA_TOKENS
    whole.input_tokens += (len(text.system) + len(text.user) + characters) // CHARACTERS_A_TOKEN
    whole.output_tokens += WRITTEN_TOKENS[prompt] + (THINKING_TOKENS if thinks else 0)
