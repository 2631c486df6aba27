"""Which question comes next: a pure function of the seed, the configuration, the turns and the difficulty.

Questions are laid out in ranks, from what suits the slot best to what suits it least; within a rank the
nearest difficulty wins, then a competency not heard yet, then an order that the seed shuffles. A question
much like one that was asked comes only when the others have run out, and the same words never come again.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

from agent.engine import QuestionBrief
from agent.errors import EngineFailed
from agent.interview import (
    DIFFICULTIES,
    Difficulty,
    InterviewConfig,
    QuestionDraft,
    QuestionType,
    Turn,
    fold,
    starting_difficulty,
)
from agent.offline.bank import Bank
from agent.offline.scope import Deck, Scope, of_type, read_scope, shuffled

SHORTEST_WITH_DESIGN = 30  # minutes
ALIKE = 0.6

# How far a deck is from what the slot wants (0: just that, 1: of another kind), and the deck.
Rank = tuple[int, Deck]

# In a profession without systems, planning a piece of work is what designing one is elsewhere.
_PLANNING = re.compile(
    r"\b(plan|planning|design|organi[sz]e|set up|lay out|prepare|prioriti\w+|roll out|how would you)\b",
    re.IGNORECASE,
)
_FILLER = frozenset({
    "a", "about", "an", "and", "are", "do", "does", "for", "from", "how", "if", "in", "is", "it", "me", "of",
    "on", "or", "tell", "that", "the", "time", "to", "what", "when", "which", "why", "with", "would", "you",
    "your",
})  # fmt: skip


def choose_question(bank: Bank, brief: QuestionBrief) -> QuestionDraft:
    """The next main question; raises `EngineFailed` when all that suit the configuration were asked."""
    scope = read_scope(bank, brief.config, brief.seed)
    kinds = [
        wanted_type(brief.config, slot, has_designs=bool(scope.designs))
        for slot in range(1, brief.number + 1)
    ]
    ranks = _ranks(scope, kinds[-1], kinds[:-1].count("technical"))
    return nearest(ranks, brief.turns, brief.difficulty, brief.seed)


def wanted_type(config: InterviewConfig, slot: int, *, has_designs: bool) -> QuestionType:
    """The kind of question for a slot, counted from 1.

    In a mixed interview every third question is behavioral, beginning with the second, and one in twelve,
    beginning with the fourth, is about system design if the job, the time and the level allow it.
    """
    if config.interview_type != "mixed":
        return config.interview_type
    if slot % 3 == 2:
        return "behavioral"
    is_long = config.duration >= SHORTEST_WITH_DESIGN
    is_novice = starting_difficulty(config.experience_level) == "beginner"
    return "system_design" if has_designs and is_long and not is_novice and slot % 12 == 4 else "technical"


def nearest(ranks: Sequence[Rank], turns: Sequence[Turn], difficulty: Difficulty, seed: int) -> QuestionDraft:
    """The draft closest to what is wanted; raises `EngineFailed` if there is none that was not asked."""
    texts = {turn.question.text for turn in turns}
    heard = Counter(turn.question.competency for turn in turns)

    wanted = DIFFICULTIES.index(difficulty)
    level: dict[tuple[int, ...], list[QuestionDraft]] = {}  # drafts that are equally far from what is wanted
    for place, (far, deck) in enumerate(ranks):
        for draft in deck:
            if draft.text not in texts:
                steps = abs(DIFFICULTIES.index(draft.difficulty) - wanted)
                distance = far, steps // 2, place, steps, heard[draft.competency]
                level.setdefault(distance, []).append(draft)
    if not level:
        raise EngineFailed("every question of the bank was asked", retryable=False)
    # Only as many are put in order as it takes to find one.
    fresh = (draft for distance in sorted(level) for draft in _in_order(level[distance], seed))
    first = next(fresh)
    return next((draft for draft in chain((first,), fresh) if not _was_asked(draft, turns)), first)


def _in_order(drafts: Sequence[QuestionDraft], seed: int) -> list[QuestionDraft]:
    return sorted(drafts, key=lambda draft: shuffled(seed, draft.source + draft.text))


def _was_asked(draft: QuestionDraft, turns: Sequence[Turn]) -> bool:
    """Whether a main question came from the same template or has most of its words (by Jaccard index)."""
    words = content_words(draft.text)
    asked = [turn.question for turn in turns if turn.question.kind == "main"]
    pairs = ((words, content_words(question.text)) for question in asked)
    return any(question.source == draft.source for question in asked) or any(
        len(one & other) > ALIKE * len(one | other) for one, other in pairs
    )


def _ranks(scope: Scope, wanted: QuestionType, turn: int) -> list[Rank]:
    technical = _technical_decks(scope, turn)
    templates = (*scope.role_templates, *(draft for topic in scope.topics for draft in topic.templates))
    stories = [scope.behavioral, of_type(templates, "behavioral")]
    if wanted == "technical":
        near, far = technical, [*stories, scope.designs]
    elif wanted == "behavioral":
        near, far = stories, [*technical, scope.designs]
    else:
        plans = [tuple(draft for draft in deck if _PLANNING.search(draft.text)) for deck in technical]
        near, far = [scope.designs] if scope.designs else plans, [*technical, *stories]
    return [(0, deck) for deck in near] + [(1, deck) for deck in far]


def _technical_decks(scope: Scope, turn: int) -> list[Deck]:
    """The decks from the topic whose turn it is to the generic questions."""
    place = turn % len(scope.topics)
    topic, others = scope.topics[place], scope.topics[place + 1 :] + scope.topics[:place]
    templates = tuple(draft for other in (topic, *others) for draft in other.templates)
    return [
        topic.direct,
        () if topic.is_known else of_type(topic.templates, "technical"),
        *(other.direct for other in others),
        scope.related,
        of_type(templates, "technical"),
        of_type(scope.role_templates, "technical"),
    ]


@lru_cache(maxsize=4096)
def content_words(text: str) -> frozenset[str]:
    """The words that say what a question is about."""
    return frozenset(fold(text).split()) - _FILLER
