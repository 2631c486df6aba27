"""The words of an interview's summary, drawn from what was graded and from nothing else."""

from dataclasses import dataclass
from statistics import fmean

from agent.interview import (
    Evidence,
    InterviewConfig,
    QuestionType,
    SummaryText,
    Topic,
    Turn,
    topic_score,
    topics_of,
)
from agent.offline.wording import best_evidence, pick, point_sentence, shorten

STRONG_TOPIC, MIDDLING_TOPIC = 7, 4
MOST_ITEMS = 4
TOO_FEW = 2
CLEAR_DIFFERENCE = 2.5
ENOUGH_SUBSTANCE = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """A graded topic: its score, the evidence of what was covered, and what no answer covered."""

    topic: Topic
    score: float
    covered: tuple[Evidence, ...]
    missing: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the topic measures."""
        return self.topic.main.question.competency

    @property
    def type(self) -> QuestionType:
        """The kind of its main question."""
        return self.topic.main.question.type

    @property
    def extent(self) -> str:
        """How many of the key points were made, over all answers of the topic."""
        total = len(self.topic.main.question.rubric.key_points)
        return (
            f"{total - len(self.missing)} of {total} points made"
            if self.missing
            else f"all {total} points made"
        )

    @property
    def was_declined(self) -> bool:
        """Whether the candidate passed on the main question."""
        return bool(self.topic.main.evaluation and self.topic.main.evaluation.declined)


def summarise_turns(config: InterviewConfig, turns: tuple[Turn, ...]) -> SummaryText:
    """Strengths and gaps by competency and key point, and what to do first."""
    outcomes = read_outcomes(turns)
    if not outcomes:
        nothing = (
            "No answer was graded, so nothing was assessed, and this says nothing about fitness for the role "
            f"of {config.job_role}. Answer at least a few questions to get a recommendation."
        )
        return SummaryText((), (), nothing)
    best = sorted(outcomes, key=lambda outcome: -outcome.score)
    unfinished = [outcome for outcome in outcomes if outcome.missing or outcome.score < STRONG_TOPIC]
    unfinished.sort(key=lambda outcome: (outcome.score, -len(outcome.missing)))
    advice = (_standing(config, best), _first_task(unfinished), _contrast(outcomes), _habit(outcomes))
    return SummaryText(_strengths(best), _areas(unfinished), " ".join(text for text in advice if text))


def read_outcomes(turns: tuple[Turn, ...]) -> list[Outcome]:
    """The topics that have a grade, in the order they were asked."""
    scored = ((topic, topic_score(topic)) for topic in topics_of(turns))
    return [_outcome(topic, score) for topic, score in scored if score is not None]


def _outcome(topic: Topic, score: float) -> Outcome:
    evaluations = [turn.evaluation for turn in (topic.main, *topic.follow_ups) if turn.evaluation is not None]
    covered = tuple(evidence for evaluation in evaluations for evidence in evaluation.evidence)
    closed = {evidence.shows for evidence in covered}
    missing = tuple(point for point in evaluations[0].missing if point not in closed)
    return Outcome(topic, score, covered, missing)


def _strengths(best: list[Outcome]) -> tuple[str, ...]:
    """The good topics; without any, at most two that show a beginning, named as such."""
    good = [outcome for outcome in best if outcome.score >= STRONG_TOPIC and outcome.covered]
    if good:
        return tuple(_strength(outcome) for outcome in good[:MOST_ITEMS])
    begun = [outcome for outcome in best if outcome.score >= MIDDLING_TOPIC and outcome.covered]
    return tuple(f"A beginning, not yet a strength: {_strength(outcome)}" for outcome in begun[:2])


def _strength(outcome: Outcome) -> str:
    evidence = best_evidence(outcome.covered)
    if evidence is None:
        return f"{outcome.name}: {outcome.extent}."
    lead = pick(("among them", "for example", "such as this one"), outcome.name)
    said = point_sentence(evidence.shows)
    return f"{outcome.name}: {outcome.extent}, {lead}: {said} Your words: {shorten(evidence.quote)}."


def _areas(unfinished: list[Outcome]) -> tuple[str, ...]:
    """What to work on, weakest topic first; after a good interview just that one."""
    weak = [outcome for outcome in unfinished if outcome.score < STRONG_TOPIC] or unfinished[:1]
    return tuple(_area(outcome) for outcome in weak[:MOST_ITEMS])


def _area(outcome: Outcome) -> str:
    if not outcome.missing:
        return f"{outcome.name}: {outcome.extent}, but not each of them clearly; say more about why and how."
    first = point_sentence(outcome.missing[0])
    if outcome.was_declined:
        return f"{outcome.name}: you passed on this question. A place to start: {first}"
    lead = pick(("Missing", "Left out", "Not said"), outcome.name)
    more = "".join(f" Also: {point_sentence(point)}" for point in outcome.missing[1:2])
    return f"{outcome.name}: {outcome.extent}. {lead}: {first}{more}"


def _standing(config: InterviewConfig, best: list[Outcome]) -> str:
    good = sum(outcome.score >= STRONG_TOPIC for outcome in best)
    count = len(best)
    if count <= TOO_FEW:
        few = "Only one question was" if count == 1 else f"Only {count} questions were"
        return f"{few} answered, which is too little to judge fitness for the role of {config.job_role}."
    if good == count:
        return f"All {count} topics were answered well (best: {best[0].name})."
    if not good:
        return f"None of the {count} topics was answered well enough yet for the role of {config.job_role}."
    verb = "was" if good == 1 else "were"
    return f"{good} of {count} topics {verb} answered well (best: {best[0].name})."


def _first_task(unfinished: list[Outcome]) -> str:
    if not unfinished:
        return "Every point was made, so go on with harder questions."
    weakest = unfinished[0]
    start = f"Begin with the topic {weakest.name}:"
    if not weakest.missing:
        return f"{start} every point came up, so now make each of them plain with a reason or an example."
    point = point_sentence(weakest.missing[0])
    if weakest.type == "behavioral":
        return f"{start} prepare one occasion to tell, with this part of it too: {point}"
    return f"{start} be able to explain this in your own words and with an example: {point}"


def _contrast(outcomes: list[Outcome]) -> str:
    """Whether stories or technical answers are clearly the weaker half."""
    stories = [outcome.score for outcome in outcomes if outcome.type == "behavioral"]
    others = [outcome.score for outcome in outcomes if outcome.type != "behavioral"]
    if min(len(stories), len(others)) < TOO_FEW:
        return ""
    difference = fmean(stories) - fmean(others)
    if difference < -CLEAR_DIFFERENCE:
        return "You know more than your stories show: prepare three of them, each with its result."
    if difference > CLEAR_DIFFERENCE:
        return "Your stories were stronger than your answers on the subject: go back to its foundations."
    return ""


def _habit(outcomes: list[Outcome]) -> str:
    """Advice on how the candidate answers, where the answers show a pattern."""
    declined = sum(outcome.was_declined for outcome in outcomes)
    if declined >= TOO_FEW:
        return f"You passed on {declined} questions: say what you do know and where you would find the rest."
    evaluations = [
        o.topic.main.evaluation for o in outcomes if o.topic.main.evaluation and not o.was_declined
    ]
    substance = [level.level for e in evaluations for level in e.levels if level.criterion == "substance"]
    thin = sum(level < ENOUGH_SUBSTANCE for level in substance)
    if thin > TOO_FEW and thin > len(substance) / 2:
        return f"Back each claim with a reason, an example or a figure; {thin} answers had next to none."
    return ""
