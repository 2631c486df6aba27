"""How well each part of a told story is told, and in which words to say so."""

import re
from dataclasses import dataclass

from agent.interview import PartLevel
from agent.offline.coaching.cues import count_cue, has_sign
from agent.offline.coaching.story import Clause

WELL: PartLevel = "Well addressed"
PARTLY: PartLevel = "Partially addressed"
NOT: PartLevel = "Not addressed"

LONGEST_QUOTE = 80
# A scene or a duty told in fewer words leaves the listener guessing.
ENOUGH_WORDS = 9

_SCENE = (
    (frozenset({"past_time", "clock_opening"}), "when it was"),
    (frozenset({"setting", "as_role", "has_own", "has_shared"}), "where you were and in what role"),
    (frozenset({"trouble", "turn_of_events", "failed_outcome", "figure"}), "why it mattered"),
)
_OWN_DUTY = frozenset({"own_duty", "as_role"})
_MEASURES = frozenset({"constraint", "time_given", "figure", "number"})
_OUTCOMES = frozenset(
    {"outcome_verb", "own_state", "shared_outcome", "lasting", "nothing_bad", "praise", "outcome_sign"}
)
_MANY_STEPS = 3


@dataclass(frozen=True, slots=True)
class Judgement:
    """A level, the words that follow it, and what to do about it (nothing where it is well)."""

    level: PartLevel
    remark: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a framework as found in an answer; `nearby` quotes what stands around a missing one."""

    name: str
    answer: str
    clauses: tuple[Clause, ...]
    nearby: str
    in_passing: bool = False

    @property
    def text(self) -> str:
        """All its clauses, one after the other."""
        return " ".join(self.answer[clause.start : clause.end] for clause in self.clauses)

    @property
    def cues(self) -> frozenset[str]:
        """All cues that its clauses show."""
        return frozenset(cue for clause in self.clauses for cue in clause.cues)

    def quote(self, *telling: str) -> str:
        """A quote from the first clause that shows one of the `telling` cues, else from the first."""
        best = next((p for p in self.clauses if p.cues.intersection(telling)), self.clauses[0])
        return quoted(self.answer[best.start : best.end])


def quoted(text: str) -> str:
    """The beginning of a text in quotation marks: whole words of one line, unchanged, at most 80 characters.

    A leading "and", "so", "but" or "then" is left out.
    """
    line = re.sub(r"^(?:and|so|but|then)\s+", "", text.strip().split("\n")[0])
    if len(line) > LONGEST_QUOTE:
        line = line[:LONGEST_QUOTE].rsplit(" ", 1)[0]
    return f"“{line.rstrip(' ,;:.!?-–—')}”"


def judge_scene(part: Part) -> Judgement:
    """Situation, challenge, problem or obstacle: when, where, and why it mattered."""
    if not part.clauses:
        return Judgement(
            NOT,
            f"The answer begins with {part.nearby} and gives no {part.name}: when and where this was,"
            " and what was at stake.",
            f"Before {part.nearby}, set the scene in one or two sentences: when, where, your role, and"
            " what would have happened if nobody had acted.",
        )
    missing = [said for cues, said in _SCENE if not cues & part.cues]
    if part.in_passing:
        return Judgement(
            PARTLY,
            f"You only touch on the {part.name} with {part.quote()}, and leave the background open.",
            f"Give the {part.name} a sentence of its own, beside {part.quote()}:"
            f" {_listed(missing) or 'whom it affected'}.",
        )
    if len(part.text.split()) >= ENOUGH_WORDS and len(missing) <= 1:
        return Judgement(WELL, f"You make the {part.name} concrete with {part.quote(*_SCENE[2][0])}.")
    lacks = _listed(missing) or "how large it was or whom it touched"
    return Judgement(
        PARTLY,
        f"You mention {part.quote()}, but not {lacks}.",
        f"Add to {part.quote()} {lacks}, so that a stranger can picture it.",
    )


def judge_task(part: Part) -> Judgement:
    """What was asked of the candidate, and what would have counted as done."""
    if not part.clauses:
        return Judgement(
            NOT,
            f"Around {part.nearby} nothing says what was expected of you or what the goal was.",
            f"Say in one sentence before {part.nearby} what you personally had to achieve, and by when.",
        )
    if part.in_passing:
        return Judgement(
            PARTLY,
            f"You imply your task with {part.quote(*_OWN_DUTY)}, but not who expected it of you or why.",
            f"Give the task a sentence of its own, beside {part.quote(*_OWN_DUTY)}: who asked, and the goal.",
        )
    if not part.cues & _OWN_DUTY:
        return Judgement(
            PARTLY,
            f"With {part.quote()} you say what was needed, but not what your own responsibility was.",
            f"Turn {part.quote()} into your own task: who asked you, and for what.",
        )
    if part.cues & _MEASURES or len(part.text.split()) >= ENOUGH_WORDS:
        return Judgement(WELL, f"You say what was yours to do: {part.quote(*_OWN_DUTY)}.")
    return Judgement(
        PARTLY,
        f"You name your duty with {part.quote(*_OWN_DUTY)}, but no goal that could be met or missed.",
        f"Add to {part.quote(*_OWN_DUTY)} what would have counted as done: a target, a limit or a date.",
    )


def judge_action(part: Part) -> Judgement:
    """The candidate's own steps: done rather than imagined, and told as "I"."""
    if not part.clauses:
        return Judgement(
            NOT,
            f"After {part.nearby} the answer does not say what you did yourself.",
            f"After {part.nearby}, tell two or three steps you took, each beginning with “I”, and why those.",
        )
    own = count_cue("own_act", part.text) + count_cue("habit_act", part.text)
    if "would_do" in part.cues and own <= count_cue("would_do", part.text):
        return Judgement(
            PARTLY,
            f"{part.quote('would_do')} says what you would do, not what you did in a real case.",
            f"Replace {part.quote('would_do')} with something you really did, and say when.",
        )
    if not own:
        return Judgement(
            PARTLY,
            f"{part.quote('shared_act')} is told as a group, so your own share in it stays open.",
            f"Say which step of {part.quote('shared_act')} was yours, with “I” in place of “we”.",
        )
    steps = own + count_cue("joined_act", part.text)
    if steps > 1:
        number = "several steps" if steps >= _MANY_STEPS else "two steps"
        return Judgement(
            WELL, f"You name {number} of your own, such as {part.quote('own_act', 'habit_act')}."
        )
    return Judgement(
        PARTLY,
        f"{part.quote('own_act', 'habit_act')} is one step, and how you went about it is missing.",
        f"Unfold {part.quote('own_act', 'habit_act')}: what you did first, what next, and why that way.",
    )


def judge_result(part: Part) -> Judgement:
    """What came of it: figures and facts count for more than a happy end, and a failure needs its lesson."""
    if not part.clauses:
        return Judgement(
            NOT,
            f"The answer stops at {part.nearby} and does not say what came of it.",
            f"End with what {part.nearby} led to: figures before and after, a reaction, or what has changed.",
        )
    if "failed_outcome" in part.cues and not part.cues & {"own_figure"}:
        return _judge_failure(part)
    if part.cues & {"figure", "number", "own_figure"} or has_sign("measured_end", part.text):
        return Judgement(WELL, f"Your result can be checked: {part.quote('figure', 'own_figure', 'number')}.")
    if has_sign("vague_end", part.text) or not _plain_facts(part):
        return Judgement(
            PARTLY,
            f"{part.quote(*_OUTCOMES)} says how it ended, but not how much it changed.",
            f"Put a figure, a date or a reaction to {part.quote(*_OUTCOMES)}: how much, against before.",
        )
    return Judgement(WELL, f"You close with facts that can be checked: {part.quote(*_OUTCOMES)}.")


def _judge_failure(part: Part) -> Judgement:
    if "lesson" in part.cues or "lasting" in part.cues:
        return Judgement(
            WELL,
            f"You say openly how it failed, {part.quote('failed_outcome')}, and what you took from it.",
        )
    return Judgement(
        PARTLY,
        f"You are honest about the end, {part.quote('failed_outcome')}, but not about what you learned.",
        f"After {part.quote('failed_outcome')}, say what you learned and do differently since.",
    )


def _plain_facts(part: Part) -> bool:
    return sum(bool(clause.cues & _OUTCOMES) for clause in part.clauses) > 1


def _listed(items: list[str]) -> str:
    return " or ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
