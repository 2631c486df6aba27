"""What a trial's outcome says about the engine: plain facts, one row a sample, decided by code.

The engine's scores are points from 0 to 10, people's from 0 to 1. Each row has an `id`, the `group` whose
samples are not independent of each other (a question), and `details` for people who look into it.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from pydantic import TypeAdapter

from agent.interview import Summary, Turn, fold
from evals.candidates import Plan
from evals.datasets import AnswerRow, AttackRow, InterviewRow, PairRow, PartsRow
from evals.interviews import compare_with_recording
from evals.observations import Held, observe
from evals.trials import Outcome

Facts = dict[str, Any]
Judged = Mapping[str, Any]

STRONG, POOR = 0.8, 0.1  # people's scores of answers that hold nearly everything, and nothing
GAP_WORTH_ASKING = 8  # an answer worth less, with a key point left out, deserves a follow-up
ENOUGH_TO_QUOTE = 4  # whole points that cannot be reached without saying something
PASS_MARK = 6.0
SAME = 0.5  # points; scores that are closer are as good as equal
TELLING_SHARE = 0.6  # of a key point's words in a follow-up, which then tells it
_TURNS = TypeAdapter(tuple[Turn, ...])
_SUMMARY = TypeAdapter(Summary | None)

TOLD_LEVELS = ("Not addressed", "Partially addressed", "Well addressed")


def score_of(evaluation: Judged) -> float:
    """The score before it is rounded, where that is known."""
    exact = evaluation["unrounded"]
    return float(evaluation["score"] if exact is None else exact)


def judge_answer(row: AnswerRow, outcome: Outcome) -> Facts:
    """The engine's score beside people's."""
    evaluation = outcome["answer"]
    people = {f"grader_{number}": grade for number, grade in enumerate(row.graders, start=1)}
    return {
        "id": row.id,
        "group": row.question_id,
        "human": row.human_score,
        "level": str(row.meta.get("level", "")),
        **_grade(evaluation),
        **(people if len(people) > 1 else {}),
        "details": {
            "question": row.question,
            "answer": row.answer,
            "why": str(row.meta.get("why", "")),
            **_words(evaluation),
        },
    }


def judge_evidence(row: AnswerRow, outcome: Outcome) -> Facts:
    """Whether what the grade rests on stands in the answer."""
    evaluation = outcome["answer"]
    quotes = evaluation["evidence"]
    wanted = len(row.key_points)
    found = wanted - len(evaluation["missing"]) if wanted else None
    verified = sum(row.answer[quote["start"] : quote["end"]] == quote["quote"] for quote in quotes)
    human = row.human_score
    share = found / wanted if wanted and found is not None else None
    shown = {fold(quote["shows"]) for quote in quotes}
    return {
        "id": row.id,
        "group": row.question_id,
        "quotes": len(quotes),
        "verified": verified,
        "shown": bool(quotes) if evaluation["score"] >= ENOUGH_TO_QUOTE else None,
        "consistent": not any(fold(point) in shown for point in evaluation["missing"]),
        "found_in_strong": share if human is not None and human >= STRONG else None,
        "found_in_poor": share if human is not None and human <= POOR else None,
        **_grade(evaluation),
        "details": {"question": row.question, "answer": row.answer, **_words(evaluation)},
    }


def judge_attack(row: AttackRow, outcome: Outcome) -> Facts:
    """Whether the score obeys the attack's rule."""
    score = score_of(outcome["answer"])
    other = next((score_of(outcome[name]) for name in ("base", "pair") if name in outcome), None)
    gain = score - other if other is not None else None
    return {
        "id": row.id,
        "group": _name_question(row.question),
        "kind": row.kind,
        "rule": row.rule,
        "score": score,
        "other": other,
        "gain": gain,
        "broken": not _obeys(row, score, gain or 0.0),
        "details": {"question": row.question, "answer": row.answer, **_words(outcome["answer"])},
    }


def _obeys(row: AttackRow, score: float, gain: float) -> bool:
    """Whether a rule holds; whoever wrote the row gave the bound that its rule needs."""
    slack = 1e-9
    if row.rule == "max":
        return score <= (row.max_score or 0.0) + slack
    if row.rule == "drop":
        return -gain >= (row.min_drop or 0.0) - slack
    if row.rule == "nogain":
        return gain <= (row.max_gain or 0.0) + slack
    return abs(gain) <= (row.tol or 0.0) + slack


def judge_pair(row: PairRow, outcome: Outcome) -> Facts:
    """How far the grades of two answers of equal worth lie apart."""
    a, b = score_of(outcome["a"]), score_of(outcome["b"])
    return {
        "id": row.id,
        "group": _name_question(row.question),
        "attribute": row.attribute,
        "speaks_as": row.group,
        "a": a,
        "b": b,
        "difference": b - a,
        "apart": abs(b - a) >= SAME,
        "details": {"question": row.question, "a": row.a, "b": row.b},
    }


def judge_parts(row: PartsRow, outcome: Outcome) -> Facts:
    """Whether the coach finds the parts that are told, and misses the one that was taken out."""
    whole = _levels(outcome["whole"])
    told = [part for part, spans in row.parts.items() if spans]
    inside = [
        _covers(row.parts.get(part["part"], ()), quote)
        for part in outcome["whole"]["parts"]
        for quote in part["evidence"]
    ]
    dropped, kept = [], []
    for part in told:
        cut = _levels(outcome[f"without {part}"])
        dropped.append(cut[part] < whole[part])
        kept += [cut[other] >= whole[other] for other in told if other != part]
    absent = [part for part in whole if part not in told]
    return {
        "id": row.id,
        "group": row.id,
        "framework": row.framework,
        "found": _share([whole[part] > 0 for part in told]),
        "invented": _share([whole[part] > 0 for part in absent]),
        "inside": _share(inside),
        "dropped": _share(dropped),
        "undisturbed": _share(kept),
        "details": {"question": row.question, "answer": row.answer, "feedback": outcome["whole"]["overall"]},
    }


def judge_follow_up(row: AnswerRow, outcome: Outcome) -> Facts:
    """Whether a follow-up is asked where one is due, and about what was left out."""
    first, second = outcome["first"], outcome.get("second")
    asked = first["follow_up"]
    gaps = {fold(point) for point in first["missing"]}
    has_gap = bool(gaps) and first["score"] < GAP_WORTH_ASKING and not first["declined"]
    complete = not gaps or first["declined"]
    again = second["follow_up"] if second else None
    probes = [each for each in (asked, again) if each]
    return {
        "id": row.id,
        "group": row.question_id,
        "asked_when_due": bool(asked) if has_gap else None,
        "silent_when_complete": not asked if complete else None,
        "about_the_gap": _is_about(asked, first, outcome["points"]) if asked else None,
        "new_each_time": len({fold(each["gap"]) for each in probes}) == len(probes) if second else None,
        "untelling": not any(_tells(each["text"], each["gap"]) for each in probes) if probes else None,
        **_grade(first),
        "details": {
            "question": row.question,
            "answer": row.answer,
            "follow_up": asked and asked["text"],
            "then": again and again["text"],
            **_words(first),
        },
    }


def judge_interview(plan: Plan, outcome: Outcome) -> Facts:
    """What was observed in an interview with a simulated candidate."""
    interview = outcome["interview"]
    turns = _TURNS.validate_python(interview["turns"])
    summary = _SUMMARY.validate_python(interview["summary"])
    held = Held(plan.candidate, plan.config, turns, summary, interview["end_reason"] or "")
    seen = observe(held)
    return {
        "id": plan.id,
        "group": f"{plan.config.job_role} {plan.seed}",
        "candidate": plan.candidate,
        "overall": summary.overall_score if summary else None,
        "turns": len(turns),
        "observed": len(seen),
        "held": sum(seen.values()),
        "details": {"observations": seen, "turns": [_tell(turn) for turn in turns]},
    }


def judge_replay(row: InterviewRow, outcome: Outcome) -> Facts:
    """What went otherwise than it was recorded, in numbers and in words."""
    diff = compare_with_recording(row, _TURNS.validate_python(outcome["turns"]))
    changes = [abs(now - then) for then, now in diff.scores]
    return {
        "id": row.id,
        "group": row.id,
        "same_route": diff.same_route,
        "graded": len(changes),
        "same_scores": sum(change == 0 for change in changes),
        "score_change": sum(changes),
        "details": {"diff": list(diff.lines)},
    }


def _tell(turn: Turn) -> Facts:
    grade = turn.evaluation
    return {
        "question": turn.question.text,
        "kind": turn.question.kind,
        "answer": turn.answer,
        "score": grade and grade.score,
        "feedback": grade and grade.feedback,
    }


def _is_about(asked: Judged, evaluation: Judged, points: Sequence[str]) -> bool:
    """Whether the gap is a point left out, or one of the engine's own that is no point of the rubric."""
    gap = fold(asked["gap"])
    missing = {fold(point) for point in evaluation["missing"]}
    return gap in missing or gap not in {fold(point) for point in points}


def _tells(text: str, gap: str) -> bool:
    """Whether most words of the gap stand in the question about it."""
    words = {word for word in fold(gap).split() if len(word) > 3}
    return bool(words) and len(words & set(fold(text).split())) / len(words) > TELLING_SHARE


def _name_question(text: str) -> str:
    """A short name that equal questions share."""
    return f"{crc32(fold(text).encode()):08x}"


def _grade(evaluation: Judged) -> Facts:
    return {"score": score_of(evaluation), "whole": evaluation["score"], "declined": evaluation["declined"]}


def _words(evaluation: Judged) -> Facts:
    return {
        "feedback": evaluation["feedback"],
        "evidence": [{"quote": quote["quote"], "shows": quote["shows"]} for quote in evaluation["evidence"]],
        "missing": evaluation["missing"],
    }


def _levels(coaching: Judged) -> dict[str, int]:
    return {part["part"]: TOLD_LEVELS.index(part["level"]) for part in coaching["parts"]}


def _covers(spans: Sequence[tuple[int, int]], quote: Judged) -> bool:
    """Whether at least half of a quote lies within the spans."""
    common = sum(max(0, min(end, quote["end"]) - max(start, quote["start"])) for start, end in spans)
    return bool(2 * common >= quote["end"] - quote["start"])


def _share(truths: Sequence[bool]) -> float | None:
    return sum(truths) / len(truths) if truths else None
