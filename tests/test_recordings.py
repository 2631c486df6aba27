"""The shipped interviews can be held again, and come out the same."""

import tomllib

from agent.offline.bank import all_questions, load_bank
from evals.datasets import DATA, read_answers, read_interviews, shipped
from evals.recordings import SCRIPTS, load_samples, record


def test_an_interview_held_again_is_the_same() -> None:
    samples = load_samples()
    for script in (SCRIPTS[0], next(script for script in SCRIPTS if script.leaves_after)):
        assert record(script, samples) == record(script, samples)


def test_the_shipped_interviews_are_those_of_the_scripts() -> None:
    rows = read_interviews(shipped("interviews"))
    assert [(row.id, row.config, row.meta["seed"]) for row in rows] == [
        (script.id, script.config, script.seed) for script in SCRIPTS
    ]


def test_candidates_say_what_was_written_to_the_question_they_are_asked() -> None:
    samples = load_samples()
    texts = {text for given in samples.values() for text in given.values()}
    rows = read_interviews(shipped("interviews"))
    mains = [turn for row in rows for turn in row.turns if turn.kind == "main" and turn.answer]
    assert sum(turn.answer in texts for turn in mains) >= 0.75 * len(mains)


def test_answers_were_written_once_to_questions_of_the_bank() -> None:
    asked = {question.source for question in all_questions(load_bank())}
    others = tomllib.loads((DATA / "recorded_answers.toml").read_text("utf-8"))
    assert others.keys() <= asked
    assert not others.keys() & {row.question_id for row in read_answers(shipped("answers"))}
