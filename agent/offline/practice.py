"""Questions to practice on, with what a good answer holds and how to order it."""

import re

from agent.interview import Difficulty, InterviewConfig, PracticeQuestion, QuestionDraft
from agent.offline.bank import Bank
from agent.offline.scope import read_scope
from agent.offline.selection import Rank, nearest

_CONTRAST = re.compile(
    r"\b(differ|differs|difference|versus|compare|contrast|decide between|and when (is )?an?)\b"
)
_TROUBLE = re.compile(
    r"\b(find (out why|out what|the causes?|and fix)|track down|slow|debug|diagnose|what could be)\b"
)
_APPROACH = re.compile(
    r"\b(how (would|do|should) you|walk me through|what would you|what do you do|lay out|plan)\b"
)

_STORY_ORDER = (
    "Choose one real occasion: give the situation and your task in two sentences, spend most of the time on "
    "what you yourself did and why, and end with the result and what you have done differently since."
)
_DESIGN_ORDER = (
    "Begin with the requirements and the scale you assume, sketch the main parts and how data flows between "
    "them, go deep on the hardest part, and close with failures, trade-offs and how you would watch it run."
)
_CONTRAST_ORDER = (
    "Say in a sentence what each side is, set them against each other on two or three concrete points, and "
    "finish with the rule by which you choose."
)
_TROUBLE_ORDER = (
    "Say what you would look at first and why, narrow the cause down step by step, name the remedy, and "
    "finish with how you would know that the problem is gone."
)
_APPROACH_ORDER = (
    "State the goal and what you take for granted, go through your steps in order with the reason for "
    "each, and finish with how you would check that it worked."
)
_EXPLAINING_ORDER = (
    "Open with the answer in one sentence, explain step by step how it works, give an example, and finish "
    "with its limits or what it costs."
)
_TECHNICAL_ORDERS = ((_CONTRAST, _CONTRAST_ORDER), (_TROUBLE, _TROUBLE_ORDER), (_APPROACH, _APPROACH_ORDER))


def practice(bank: Bank, job_role: str, skill: str, difficulty: Difficulty, seed: int) -> PracticeQuestion:
    """A question on one skill, of the difficulty asked for where the bank has one."""
    topic = read_scope(bank, InterviewConfig(job_role, skills=(skill,)), seed).topics[0]
    exact = tuple(draft for draft in topic.direct if draft.difficulty == difficulty)
    ranks: list[Rank] = [(0, exact), (0, topic.direct if topic.is_known else topic.templates)]
    draft = nearest(ranks, (), difficulty, seed)
    points = tuple(point.point for point in draft.rubric.key_points)
    return PracticeQuestion(draft.text, points, describe_structure(draft))


def describe_structure(draft: QuestionDraft) -> str:
    """How to order an answer to this question."""
    count = len(draft.rubric.key_points)
    return f'{_order(draft)} What counts is "{draft.competency}", so leave room for all {count} key points.'


def _order(draft: QuestionDraft) -> str:
    if draft.type == "behavioral":
        return _STORY_ORDER
    if draft.type == "system_design":
        return _DESIGN_ORDER
    text = draft.text.lower()
    return next((order for pattern, order in _TECHNICAL_ORDERS if pattern.search(text)), _EXPLAINING_ORDER)
