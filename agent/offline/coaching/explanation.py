"""Coaching on an answer to a question that asks for knowledge or a plan rather than for a story."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.interview import PartLevel
from agent.offline.coaching.cues import has_sign
from agent.offline.coaching.story_parts import NOT, PARTLY, WELL, Judgement, quoted

# A first sentence may be short; an explanation with fewer words than this has hardly begun.
ENOUGH_WORDS = 15


@dataclass(frozen=True, slots=True)
class Facet:
    """What a part of a story becomes in an explanation: its sign, its name, and what to add if need be."""

    sign: str
    name: str
    advice: str


_SCENE = Facet(
    "explains_what",
    "what it is about",
    "Open with one sentence that says what it is and in which setting it matters",
)
_AIM = Facet(
    "explains_why", "what it is for", "Say which problem it solves, or what a solution has to achieve"
)
_STEPS = Facet(
    "explains_how", "how it works", "Walk through it step by step, in the order in which things happen"
)
_EFFECT = Facet(
    "explains_effect",
    "what follows from it",
    "Close with a consequence: a cost, a trade-off, a figure or an example",
)
_LIMIT = Facet("explains_limit", "where it gets hard", "Name the hardest case, and how you would meet it")

FACETS = {
    "situation": _SCENE, "task": _AIM, "challenge": _AIM, "problem": _AIM, "obstacle": _LIMIT,
    "action": _STEPS, "result": _EFFECT,
}  # fmt: skip


def count_signs(sentences: Sequence[str]) -> int:
    """How many kinds of explaining a text shows, from 0 to 5."""
    return sum(
        any(has_sign(facet.sign, text) for text in sentences)
        for facet in (_SCENE, _AIM, _STEPS, _EFFECT, _LIMIT)
    )


def judge_explanation(part: str, sentences: Sequence[str]) -> tuple[Judgement, tuple[int, ...]]:
    """The judgement of one part, and which sentences speak for it.

    No part of a substantial explanation is held to be missing because it tells no story.
    """
    facet = FACETS[part]
    telling = tuple(number for number, sentence in enumerate(sentences) if has_sign(facet.sign, sentence))
    substantial = sum(len(sentence.split()) for sentence in sentences) >= ENOUGH_WORDS
    if telling:
        level: PartLevel = WELL if substantial else PARTLY
        quote = quoted(sentences[telling[0]])
        said = f"The question asks for no story; in its place, {quote} tells {facet.name}."
        return Judgement(level, said, "" if level == WELL else _more(facet, sentences)), telling
    missing = f"The question asks for no {part}, but {quoted(sentences[0])} could go on to say {facet.name}."
    return Judgement(PARTLY if substantial else NOT, missing, _more(facet, sentences)), ()


def _more(facet: Facet, sentences: Sequence[str]) -> str:
    return f"{facet.advice}, starting from {quoted(sentences[0])}."
