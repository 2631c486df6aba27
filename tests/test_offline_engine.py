"""The embedded engine interviews: it grades by the rubric, says why, asks on, sums up and never invents."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from agent.engine import AnswerBrief, Engine, QuestionBrief
from agent.interview import (
    MOST_FOLLOW_UPS,
    Evaluation,
    InterviewConfig,
    Question,
    SummaryText,
    Turn,
    choose_route,
    fold,
    next_difficulty,
    overall_score,
    place_follow_up,
    place_question,
    question_budget,
)
from agent.offline.bank import all_questions, load_bank
from agent.offline.engine import OfflineEngine
from agent.offline.grading.scoring import grade_answer
from agent.offline.practice import describe_structure

ENGINE: Engine = OfflineEngine()
MIXED = InterviewConfig("Backend Engineer", "Mid-level", ("Python", "SQL"), "mixed", 30)
ROOT = Path(__file__).parent.parent
GIL = next(q for shelf in load_bank().skills for q in shelf.questions if q.source == "python-gil")
GENERALITY = (
    "It really depends on the situation. I always follow best practices, keep things scalable and clean, "
    "and work closely with the team so that we deliver value and a robust, modern solution."
)
FULL = (
    "The interpreter has a global lock, so at any moment only one thread runs bytecode. Threads still help "
    "when the work is waiting on the network or disk, because the lock is released while they wait. For "
    "heavy calculation I would start several processes with multiprocessing, each with an interpreter of its "
    "own, but then data has to be pickled and copied between them, and starting them costs time and memory. "
    "Or I would call numpy, which does the loop in C and lets go of the lock. There are also newer builds of "
    "Python without the lock, the free-threaded ones."
)


HALF = (
    "There is the GIL, the global interpreter lock, so only one thread executes bytecode at any moment, "
    "however many you start. For heavy calculation I would use multiprocessing, since each process has an "
    "interpreter and a lock of its own, and so they really run on several cores."
)


def grade(answer: str, question: Question | None = None, turns: tuple[Turn, ...] = ()) -> Evaluation:
    asked = question or place_question(GIL, turns)
    return asyncio.run(ENGINE.evaluate_answer(AnswerBrief(MIXED, asked, answer, turns)))


def interview(
    answer: Callable[[Question], str], config: InterviewConfig = MIXED, seed: int = 1
) -> tuple[tuple[Turn, ...], SummaryText]:
    """A whole interview by the rules of the domain, with the answers that a candidate gives."""
    turns: tuple[Turn, ...] = ()
    budget = question_budget(config.duration)
    step = "generate_question"
    while step != "summarise_interview":
        if step == "ask_follow_up":
            last = turns[-1].evaluation
            assert last is not None
            assert last.follow_up is not None
            question = place_follow_up(last.follow_up, turns)
        else:
            number = 1 + sum(turn.question.kind == "main" for turn in turns)
            difficulty = next_difficulty(config.experience_level, turns)
            brief = QuestionBrief(config, seed, number, budget, difficulty, turns)
            question = place_question(asyncio.run(ENGINE.generate_question(brief)), turns)
        said = answer(question)
        brief_of_answer = AnswerBrief(config, question, said, turns)
        turns += (Turn(question, said, asyncio.run(ENGINE.evaluate_answer(brief_of_answer))),)
        step = choose_route(turns, budget, time_is_up=False).step
    return turns, asyncio.run(ENGINE.summarise_interview(config, turns))


def say_all(question: Question) -> str:
    return " ".join(f"{point.point}." for point in question.rubric.key_points)


def say_half(question: Question) -> str:
    points = question.rubric.key_points
    return " ".join(f"{point.point}." for point in points[: (len(points) + 1) // 2])


@pytest.mark.parametrize("answer", ["I don't know.", "Sorry, no idea.", "I would rather skip this one."])
def test_i_do_not_know_scores_at_most_one_and_closes_the_topic(answer: str) -> None:
    evaluation = grade(answer)
    assert evaluation.score <= 1
    assert evaluation.declined
    assert evaluation.follow_up is None
    assert len(evaluation.missing) == len(GIL.rubric.key_points)


def test_an_empty_generality_stays_below_four() -> None:
    evaluation = grade(GENERALITY)
    assert evaluation.score < 4
    assert evaluation.evidence == ()


def test_a_full_answer_in_own_words_reaches_eight() -> None:
    evaluation = grade(FULL)
    assert evaluation.score >= 8
    assert evaluation.follow_up is None


def test_every_quote_is_verbatim_and_names_its_key_point() -> None:
    points = {point.point for point in GIL.rubric.key_points}
    evidence = grade(FULL).evidence
    assert len(evidence) >= 4
    for quote in evidence:
        assert FULL[quote.start : quote.end] == quote.quote
        assert quote.shows in points


def test_a_key_point_is_either_shown_or_missing() -> None:
    turns, _ = interview(say_half)
    for turn in turns:
        assert turn.evaluation is not None
        shown = {quote.shows for quote in turn.evaluation.evidence}
        assert shown | set(turn.evaluation.missing) == {p.point for p in turn.question.rubric.key_points}
        assert not shown & set(turn.evaluation.missing)


def test_feedback_quotes_what_was_said_and_names_a_gap_and_a_next_step() -> None:
    evaluation = grade(HALF)
    assert '"' in evaluation.feedback
    assert any(fold(point) in fold(evaluation.feedback) for point in evaluation.missing)
    assert "Next step:" in evaluation.feedback


def test_feedback_praises_nothing_that_was_not_said() -> None:
    for feedback in (grade(GENERALITY).feedback, grade("I don't know.").feedback):
        assert '"It' not in feedback
        assert not {"good", "great", "well", "nice", "strong", "clearly"} & set(fold(feedback).split())


def test_feedback_does_not_give_the_follow_up_away() -> None:
    turns, _ = interview(say_half)
    for turn in turns:
        assert turn.evaluation is not None
        if turn.evaluation.follow_up is not None:
            assert fold(turn.evaluation.follow_up.gap) not in fold(turn.evaluation.feedback)


def test_feedback_varies_over_an_interview() -> None:
    for candidate in (say_half, lambda _: GENERALITY):
        turns, _ = interview(candidate)
        openings = {turn.evaluation.feedback.split(":")[0] for turn in turns if turn.evaluation}
        assert len(openings) >= 3


def test_the_follow_up_asks_about_a_missing_point() -> None:
    evaluation = grade(HALF)
    assert evaluation.follow_up is not None
    probes = {point.point: point.probe for point in GIL.rubric.key_points}
    assert evaluation.follow_up.gap in evaluation.missing
    assert evaluation.follow_up.text == probes[evaluation.follow_up.gap]


def test_a_follow_up_is_graded_by_its_own_point_alone() -> None:
    main = place_question(GIL, ())
    evaluation = grade(GENERALITY, main)
    assert evaluation.follow_up is not None
    turns = (Turn(main, GENERALITY, evaluation),)
    follow_up = place_follow_up(evaluation.follow_up, turns)
    closing = grade(f"{evaluation.follow_up.gap}.", follow_up, turns)
    assert closing.score >= 6 > evaluation.score
    assert closing.missing == ()


def test_no_gap_is_probed_twice_and_no_topic_more_than_twice() -> None:
    for candidate in (say_half, lambda _: GENERALITY, lambda q: say_all(q) if q.gap else GENERALITY):
        turns, _ = interview(candidate)
        gaps = [(turn.question.parent_id, turn.question.gap) for turn in turns if turn.question.gap]
        assert len(set(gaps)) == len(gaps)
        parents = [parent for parent, _ in gaps]
        assert all(parents.count(parent) <= MOST_FOLLOW_UPS for parent in parents)


def test_a_second_follow_up_comes_after_a_first_one_that_was_answered() -> None:
    turns, _ = interview(lambda question: say_all(question) if question.gap else GENERALITY)
    followed = [turn.question.parent_id for turn in turns if turn.question.gap]
    assert max(followed.count(parent) for parent in followed) == MOST_FOLLOW_UPS


def test_the_same_answer_gets_the_same_evaluation() -> None:
    assert grade(FULL) == grade(FULL)
    assert interview(say_half) == interview(say_half)


def test_levels_are_between_zero_and_four() -> None:
    for answer in (FULL, GENERALITY, "I don't know."):
        levels = {level.criterion: level.level for level in grade(answer).levels}
        assert levels.keys() == {"coverage", "substance"}
        assert all(0 <= level <= 4 for level in levels.values())
    for full, general in zip(grade(FULL).levels, grade(GENERALITY).levels, strict=True):
        assert full.level > general.level


def test_an_evaluation_says_who_made_it() -> None:
    provenance = grade(FULL).provenance
    assert provenance.engine == ENGINE.name == "offline"
    assert provenance.rubric_version == GIL.rubric.version
    assert (provenance.prompt, provenance.latency_ms) == (None, None)


def test_the_feedback_is_written_as_it_is_stored() -> None:
    pieces: list[str] = []
    brief = AnswerBrief(MIXED, place_question(GIL, ()), FULL)
    evaluation = asyncio.run(ENGINE.evaluate_answer(brief, pieces.append))
    assert "".join(pieces) == evaluation.feedback


def test_a_strong_candidate_wins_clearly_and_is_asked_harder_questions() -> None:
    strong, strong_summary = interview(say_all)
    weak, weak_summary = interview(lambda _: GENERALITY)
    assert overall_score(strong) >= 80 > 40 > overall_score(weak)
    assert "advanced" in {turn.question.difficulty for turn in strong}
    assert "advanced" not in {turn.question.difficulty for turn in weak}
    assert strong_summary.strengths
    assert weak_summary.strengths == ()
    assert weak_summary.areas_for_improvement


def test_a_summary_names_what_was_good_and_what_was_missing() -> None:
    def answer(question: Question) -> str:
        is_easy = "SQL" in question.source.upper() or question.type == "behavioral"
        return say_all(question) if is_easy else GENERALITY

    turns, summary = interview(answer)
    best = {t.question.competency for t in turns if t.evaluation and t.evaluation.score >= 7}
    worst = {t.question.competency for t in turns if t.evaluation and t.evaluation.score < 4} - best
    assert all(any(item.startswith(name) for name in best) for item in summary.strengths)
    assert all(any(item.startswith(name) for name in worst) for item in summary.areas_for_improvement)


def test_different_interviews_get_different_summaries() -> None:
    candidates = (say_all, say_half, lambda _: GENERALITY, lambda _: "I don't know.")
    summaries = [interview(candidate, seed=seed)[1] for candidate in candidates for seed in (1, 2, 3)]
    assert len({summary.recommendations for summary in summaries}) >= 9
    assert len({summary.areas_for_improvement for summary in summaries}) >= 9


def test_without_answers_nothing_is_assessed() -> None:
    unanswered = (Turn(place_question(GIL, ())),)
    for turns in ((), unanswered):
        summary = asyncio.run(ENGINE.summarise_interview(MIXED, turns))
        assert summary.strengths == summary.areas_for_improvement == ()
        assert "nothing was assessed" in summary.recommendations


def test_one_answer_is_called_too_little_to_judge() -> None:
    question = place_question(GIL, ())
    turn = Turn(question, FULL, grade(FULL, question))
    summary = asyncio.run(ENGINE.summarise_interview(MIXED, (turn,)))
    assert "too little to judge" in summary.recommendations


def test_a_practice_question_has_its_skill_difficulty_and_key_points() -> None:
    practice = asyncio.run(ENGINE.practice_question("Data Scientist", "Machine Learning", "intermediate", 1))
    shelf = load_bank().find_skill("Machine Learning")
    assert shelf is not None
    draft = next(q for q in shelf.questions if q.text == practice.text)
    assert draft.difficulty == "intermediate"
    assert practice.key_points == tuple(point.point for point in draft.rubric.key_points)
    assert practice.structure


def test_practice_on_an_unknown_skill_speaks_of_that_skill() -> None:
    practice = asyncio.run(ENGINE.practice_question("Mason", "Dry-stone walling", "beginner", 3))
    assert "Dry-stone walling" in practice.text


def test_the_seed_decides_the_practice_question() -> None:
    asked = [asyncio.run(ENGINE.practice_question("Nurse", "Python", "beginner", seed)) for seed in range(12)]
    again = [asyncio.run(ENGINE.practice_question("Nurse", "Python", "beginner", seed)) for seed in range(12)]
    assert asked == again
    assert len({practice.text for practice in asked}) > 1


def test_the_structure_fits_the_kind_of_question() -> None:
    kinds = [replace(GIL, type=kind) for kind in ("technical", "behavioral", "system_design")]
    contrast = replace(GIL, text="What is the difference between a list and a tuple?")
    assert len({describe_structure(draft) for draft in (*kinds, contrast)}) == 4


def test_coaching_has_the_frameworks_parts_in_order() -> None:
    coaching = asyncio.run(
        ENGINE.coach_answer("Tell me about a mistake you made.", "I broke a build once.", "STAR")
    )
    assert [part.part for part in coaching.parts] == ["situation", "task", "action", "result"]


def grades_by_level() -> dict[str, list[float]]:
    """The grades of the sample answers by the level that their author intended."""
    rubrics = {question.source: question.rubric for question in all_questions(load_bank())}
    grades: dict[str, list[float]] = {}
    for line in (ROOT / "evals" / "data" / "answers.v1.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["question_id"] in rubrics:
            grade = grade_answer(row["question"], rubrics[row["question_id"]].key_points, row["answer"])
            grades.setdefault(row["meta"]["level"], []).append(grade.score)
    return grades


def test_a_full_answer_reaches_eight_and_an_empty_generality_stays_below_four() -> None:
    grades = grades_by_level()
    assert len(grades["strong"]) > 60
    assert median(grades["strong"]) >= 8
    assert sum(score >= 7 for score in grades["strong"]) >= 0.85 * len(grades["strong"])
    assert max(grades["vague"]) < 4
    assert max(grades["thin"]) < median(grades["partial"]) < 6
