"""The embedded engine: it asks from the question bank and grades by rubric, without a model or a network."""

import asyncio
import re
from collections.abc import Sequence
from math import floor

from agent.engine import AnswerBrief, FeedbackWriter, QuestionBrief
from agent.interview import (
    Coaching,
    CriterionLevel,
    Difficulty,
    Evaluation,
    FollowUp,
    InterviewConfig,
    PracticeQuestion,
    Provenance,
    QuestionDraft,
    Rubric,
    SummaryText,
    Turn,
    topics_of,
    was_probed,
)
from agent.offline.bank import load_bank
from agent.offline.coaching.coach import coach_answer
from agent.offline.coaching.cues import load_weights
from agent.offline.grading.model import load_model
from agent.offline.grading.scoring import COVERED, Grade, grade_answer
from agent.offline.practice import practice
from agent.offline.selection import choose_question
from agent.offline.summary import summarise_turns
from agent.offline.wording import named_points, write_feedback

GOOD_ENOUGH = 8  # from this score on, what is missing is not worth a follow-up
WORTH_PROBING_ON = 4  # a follow-up answered below this shows that another one would only embarrass
MOST = 4  # the highest level of a criterion
LONG = 2_000  # characters; grading a longer answer would hold up the others

_SIGNS_OF_SUBSTANCE = (
    re.compile(
        r"\b(because|since|so that|therefore|otherwise|which means|that is why|the reason)\b", re.IGNORECASE
    ),
    re.compile(
        r"\b(for example|for instance|such as|e\.g|say,|imagine|in my|we had|i had|when i|at my)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\d|\b(percent|twice|half|dozen|hundred|thousand|million|hours|days|weeks|months)\b", re.IGNORECASE
    ),
)
_WORDS_OF_SUBSTANCE = 60


class OfflineEngine:
    """The same input gives the same output, in a few milliseconds."""

    name = "offline"
    drafts_ahead = False

    def __init__(self) -> None:
        # Every file is read here: the methods run in an event loop, which reading would hold up.
        self._bank = load_bank()
        load_model()
        load_weights()

    async def generate_question(self, brief: QuestionBrief) -> QuestionDraft:
        """The bank's next question for this interview."""
        return choose_question(self._bank, brief)

    async def evaluate_answer(self, brief: AnswerBrief, write: FeedbackWriter | None = None) -> Evaluation:
        """The grade by key points; the score is the grade rounded half up."""
        if len(brief.answer) <= LONG:
            evaluation = evaluate(brief)  # sooner done than handed to a thread
        else:
            evaluation = await asyncio.to_thread(evaluate, brief)
        if write is not None:
            write(evaluation.feedback)
        return evaluation

    async def summarise_interview(self, config: InterviewConfig, turns: tuple[Turn, ...]) -> SummaryText:
        """The words of the summary, all of them taken from the graded turns."""
        return summarise_turns(config, turns)

    async def coach_answer(self, question: str, answer: str, framework: str) -> Coaching:
        """Feedback by a framework, from the structure of the answer."""
        return await asyncio.to_thread(coach_answer, question, answer, framework)

    async def practice_question(
        self, job_role: str, skill: str, difficulty: Difficulty, seed: int
    ) -> PracticeQuestion:
        """A question of the bank with its key points as guidance."""
        return practice(self._bank, job_role, skill, difficulty, seed)

    async def close(self) -> None:
        """Nothing is held open."""


def evaluate(brief: AnswerBrief) -> Evaluation:
    """The judgement of one answer against the rubric of its question, and nothing else."""
    question, rubric = brief.question, brief.question.rubric
    grade = grade_answer(question.text, rubric.key_points, brief.answer, reference=rubric.reference or None)
    score = min(max(floor(grade.score + 0.5), 0), 10)
    follow_up = choose_follow_up(brief, grade, score)
    levels = judge_levels(brief.answer, grade)
    return Evaluation(
        score=score,
        feedback=write_feedback(question, brief.answer, grade, score, follow_up),
        provenance=Provenance(engine="offline", rubric_version=rubric.version),
        evidence=tuple(f.evidence for f in grade.points if f.evidence is not None and f.coverage >= COVERED),
        missing=missing_points(grade),
        levels=levels,
        declined=grade.declined,
        follow_up=follow_up,
        unrounded=grade.score,
    )


def missing_points(grade: Grade) -> tuple[str, ...]:
    """The key points that the answer leaves out, in the rubric's order, which is that of importance."""
    return tuple(finding.point for finding in grade.points if finding.coverage < COVERED)


def judge_levels(answer: str, grade: Grade) -> tuple[CriterionLevel, ...]:
    """What can be judged without understanding: how much of the rubric is covered, and how it is backed up.

    Substance counts the outward signs of it: reasons, examples, figures and enough words to hold them.
    """
    coverage = sum(finding.coverage for finding in grade.points) / max(len(grade.points), 1)
    substance = sum(bool(sign.search(answer)) for sign in _SIGNS_OF_SUBSTANCE)
    substance += len(answer.split()) >= _WORDS_OF_SUBSTANCE
    return (
        CriterionLevel("coverage", floor(MOST * coverage + 0.5)),
        CriterionLevel("substance", 0 if grade.declined else substance),
    )


def choose_follow_up(brief: AnswerBrief, grade: Grade, score: int) -> FollowUp | None:
    """The probe of a gap that is still open, if the answer leaves one that is worth it.

    After a main answer it is the point of which least was said, the most important of equals. After a
    follow-up that was answered it is the next gap of the main answer that no feedback has given away.
    """
    question = brief.question
    if grade.declined:
        return None
    if question.kind == "main":
        gaps = _least_said(grade) if score < GOOD_ENOUGH else []
        return _probe(question.rubric, gaps)
    topic = next((t for t in topics_of(brief.turns) if t.main.question.id == question.parent_id), None)
    if score < WORTH_PROBING_ON or topic is None or topic.main.evaluation is None:
        return None
    main = topic.main.evaluation
    told = (*named_points(main.missing, main.follow_up), question.gap)
    return _probe(
        topic.main.question.rubric, [g for g in main.missing if g not in told and not was_probed(g, topic)]
    )


def _least_said(grade: Grade) -> list[str]:
    """The missing points, by coverage to one decimal; finer differences say nothing."""
    missing = [finding for finding in grade.points if finding.coverage < COVERED]
    return [finding.point for finding in sorted(missing, key=lambda finding: round(finding.coverage, 1))]


def _probe(rubric: Rubric, gaps: Sequence[str]) -> FollowUp | None:
    probes = {point.point: point.probe for point in rubric.key_points}
    return next((FollowUp(probes[gap], gap) for gap in gaps if probes.get(gap)), None)
