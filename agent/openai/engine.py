"""The engine that a language model drives: prompts go out, and what comes back is checked by code."""

from dataclasses import replace

from agent.engine import AnswerBrief, FeedbackWriter, QuestionBrief
from agent.errors import EngineFailed
from agent.interview import (
    FRAMEWORKS,
    Coaching,
    Difficulty,
    Evaluation,
    InterviewConfig,
    PracticeQuestion,
    Provenance,
    QuestionDraft,
    SummaryText,
    Turn,
    fold,
)
from agent.offline.summary import summarise_turns
from agent.openai.client import ModelClient
from agent.openai.digest import (
    MOST_POINTS,
    describe_last_topic,
    describe_results,
    describe_thread,
    list_other_topics,
    list_points,
    list_same_subject,
)
from agent.openai.fields import Unfit
from agent.openai.focus import choose_focus
from agent.openai.grading import read_evaluation
from agent.openai.messages import Usage
from agent.openai.prices import price_call
from agent.openai.replies import Blank, read_coaching, read_practice, read_question, read_summary
from agent.openai.schemas import (
    Fields,
    coaching_schema,
    evaluation_schema,
    practice_schema,
    question_schema,
    summary_schema,
)
from agent.openai.untrusted import draw_code, enclose, in_one_line
from agent.settings import Settings
from prompts import load_prompt


class NothingNew(Unfit):
    """The model wrote no question, or one that this interview has asked already."""


class OpenAIEngine:
    """Asks, grades, sums up and coaches through a model that speaks OpenAI's protocols."""

    drafts_ahead = True

    def __init__(self, model: str, settings: Settings) -> None:
        self.name = f"openai:{model}"
        self._model = model
        self._client = ModelClient(model, settings)

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._client.close()

    async def generate_question(self, brief: QuestionBrief) -> QuestionDraft:
        """The next main question; when the model has nothing new to ask, the question bank asks instead.

        That is asked for anew once per interview: afterwards a bank question stands among the turns,
        and the bank takes over at once, so that the calls stay within two a turn.
        """
        focus = choose_focus(brief, brief.number)
        prompt = load_prompt("generate_question").render(_question_inputs(brief, draw_code()))
        asked = {fold(turn.question.text) for turn in brief.turns}
        again = all(turn.question.source.startswith("openai:") for turn in brief.turns)

        def read(fields: Fields) -> QuestionDraft:
            try:
                competency, text, rubric = read_question(fields)
            except Blank as blank:
                raise NothingNew(blank.note, again=again) from None
            if fold(text) in asked:
                raise NothingNew("this question was asked already; ask about something else", again=again)
            return QuestionDraft(text, rubric, competency, focus.type, brief.difficulty, self.name)

        try:
            return (await self._client.ask(prompt, question_schema(), read))[0]
        except NothingNew:
            from agent.offline.bank import load_bank  # noqa: PLC0415 - a large file that is hardly ever needed
            from agent.offline.selection import choose_question  # noqa: PLC0415

            return choose_question(load_bank(), brief)

    async def evaluate_answer(self, brief: AnswerBrief, write: FeedbackWriter | None = None) -> Evaluation:
        """The grade of one answer: the model's evidence and levels, checked and counted by code."""
        prompt = load_prompt("evaluate_answer").render(_answer_inputs(brief, draw_code()))
        rubric = brief.question.rubric
        schema = evaluation_schema(min(len(rubric.key_points), MOST_POINTS))
        made = Provenance(self.name, self._model, prompt=prompt.id, rubric_version=rubric.version)
        evaluation, usage = await self._client.ask(
            prompt, schema, lambda fields: read_evaluation(fields, brief, made), write
        )
        return _with_usage(evaluation, usage)

    async def summarise_interview(self, config: InterviewConfig, turns: tuple[Turn, ...]) -> SummaryText:
        """The words of the summary; where the model fails, those computed from the evaluations."""
        computed = summarise_turns(config, turns)
        if not any(turn.evaluation for turn in turns):
            return computed
        inputs = _role_inputs(config) | {
            "interview_type": config.interview_type,
            "topics": describe_results(turns, draw_code()),
        }
        prompt = load_prompt("summarise_interview").render(inputs)
        try:
            return (
                await self._client.ask(
                    prompt, summary_schema(), lambda fields: read_summary(fields, computed)
                )
            )[0]
        except EngineFailed:
            return computed

    async def coach_answer(self, question: str, answer: str, framework: str) -> Coaching:
        """Feedback by a framework, each quote checked against the answer."""
        code = draw_code()
        prompt = load_prompt("coach_answer").render(
            {
                "framework": framework,
                "parts": ", ".join(FRAMEWORKS[framework]),
                "question": enclose(question, code),
                "answer": enclose(answer, code),
            }
        )
        coaching, _ = await self._client.ask(
            prompt, coaching_schema(framework), lambda fields: read_coaching(fields, answer, framework)
        )
        return coaching

    async def practice_question(
        self, job_role: str, skill: str, difficulty: Difficulty, seed: int
    ) -> PracticeQuestion:
        """A question to practise on; the seed varies it, though a model need not repeat itself."""
        prompt = load_prompt("practice_question").render(
            {
                "job_role": in_one_line(job_role),
                "skill": in_one_line(skill),
                "difficulty": difficulty,
                "variation": str(seed),
            }
        )
        return (await self._client.ask(prompt, practice_schema(), read_practice))[0]


def _question_inputs(brief: QuestionBrief, code: str) -> dict[str, str]:
    focus = choose_focus(brief, brief.number)
    return _role_inputs(brief.config) | {
        "skills": in_one_line(", ".join(brief.config.skills)),
        "question_type": focus.type,
        "subject": in_one_line(focus.subject),
        "aspect": focus.aspect,
        "difficulty": brief.difficulty,
        "number": str(brief.number),
        "budget": str(brief.budget),
        "same_subject": list_same_subject(brief),
        "other_topics": list_other_topics(brief),
        "last_topic": describe_last_topic(brief, code),
        "variation": str(brief.seed),
    }


def _answer_inputs(brief: AnswerBrief, code: str) -> dict[str, str]:
    question = brief.question
    return _role_inputs(brief.config) | {
        "question_type": question.type,
        "difficulty": question.difficulty,
        "competency": in_one_line(question.competency),
        "question": in_one_line(question.text, 1_000),
        "key_points": list_points(question.rubric),
        "low": in_one_line(question.rubric.low, 500),
        "middle": in_one_line(question.rubric.middle, 500),
        "high": in_one_line(question.rubric.high, 500),
        "thread": describe_thread(brief, code),
        "answer": enclose(brief.answer, code),
    }


def _role_inputs(config: InterviewConfig) -> dict[str, str]:
    return {
        "job_role": in_one_line(config.job_role),
        "experience_level": in_one_line(config.experience_level),
    }


def _with_usage(evaluation: Evaluation, usage: Usage) -> Evaluation:
    served = usage.model or ""
    known = usage.input_tokens is not None and usage.output_tokens is not None
    cost = price_call(served, usage.input_tokens or 0, usage.cached_tokens, usage.output_tokens or 0)
    return replace(
        evaluation,
        provenance=replace(
            evaluation.provenance,
            model_served=usage.model,
            latency_ms=round(usage.seconds * 1000),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=cost if known else None,
        ),
    )
