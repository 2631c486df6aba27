"""Coaching without a model: how each part of STAR, CAR, PAR or SOAR stands in an answer, and what to do."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agent.interview import FRAMEWORKS, Coaching, Evidence, PartFeedback
from agent.offline.coaching import asked
from agent.offline.coaching.cues import Role, count_cue, has_sign
from agent.offline.coaching.explanation import FACETS, count_signs, judge_explanation
from agent.offline.coaching.story import Clause, find_roles, read_clauses
from agent.offline.coaching.story_parts import (
    NOT,
    PARTLY,
    WELL,
    Judgement,
    Part,
    judge_action,
    judge_result,
    judge_scene,
    judge_task,
    quoted,
)

# People speak about 150 words a minute, and an interviewer listens for two to three minutes.
MOST_WORDS = 400
WORDS_A_MINUTE = 150
# An explanation that takes up no word of the question passes for one if it explains in so many ways.
FEWEST_SIGNS = 2

JUDGES: dict[str, Callable[[Part], Judgement]] = {
    "situation": judge_scene, "obstacle": judge_scene, "challenge": judge_scene, "problem": judge_scene,
    "task": judge_task, "action": judge_action, "result": judge_result,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What is held of one part of the framework: a judgement and the stretches of the answer it rests on.

    `called` is what the part is called in a sentence.
    """

    part: str
    called: str
    judgement: Judgement
    spans: tuple[tuple[int, int], ...] = ()


def coach_answer(question: str, answer: str, framework: str) -> Coaching:
    """Feedback on an answer by a framework of `FRAMEWORKS`, whatever the case of its name.

    An answer to a question that asks for knowledge is not marked down for telling no story: its parts are
    judged as parts of an explanation. Raises `KeyError` for an unknown framework.
    """
    parts = FRAMEWORKS[framework.upper()]
    if reason := asked.nothing_said(question, answer):
        return _nothing_to_coach(question, parts, reason)
    clauses = read_clauses(answer)
    roles = _roles(question, answer, clauses)
    if _wants_explanation(question, answer, clauses, roles):
        findings = _explained(question, answer, clauses, parts)
        if not findings:
            return _nothing_to_coach(question, parts, f"{quoted(answer)} is not about what is asked")
        overall = _overall(answer, findings, "an explanation")
        return _coaching(
            answer, findings, f"The question asks for an explanation rather than for a story. {overall}"
        )
    findings = _told(answer, clauses, roles, parts)
    if all(finding.judgement.level == NOT for finding in findings):
        return _nothing_to_coach(
            question, parts, f"{quoted(answer)} tells of nothing that you did or lived through"
        )
    return _coaching(answer, findings, _overall(answer, findings, "a story"))


def _nothing_to_coach(question: str, parts: Sequence[str], reason: str) -> Coaching:
    about = f"For {quoted(question)}, " if re.search(r"\w", question) else "To begin, "
    if asked.asks_for_explanation(question):
        advice = f"{about}say the one thing you are sure of and build on it with an example."
    else:
        advice = f"{about}pick one real case, however small, and tell of the {', then the '.join(parts)}."
    feedback = tuple(
        PartFeedback(part, NOT, f"{NOT}. No {part} can be found, because {reason}.") for part in parts
    )
    return Coaching(f"There is nothing to coach yet, because {reason}.", feedback, (advice,))


def _roles(question: str, answer: str, clauses: Sequence[Clause]) -> list[Role]:
    """The roles of the clauses, with none for what only echoes the question or was only imagined."""
    if not (asked.is_told_from_inside(answer) or _tells_of_the_past(clauses)):
        return ["other"] * len(clauses)
    return [
        "other" if _is_void(question, answer, clause, role) else role
        for clause, role in zip(clauses, find_roles(clauses), strict=True)
    ]


def _tells_of_the_past(clauses: Sequence[Clause]) -> bool:
    """Whether an answer without an "I" or a "we" still tells of something that happened."""
    past = {"clock_opening", "past_time", "going_on", "outcome_verb", "lasting", "trouble"}
    told = sum(bool(clause.cues & past) for clause in clauses)
    return told > 1 and told > sum("present" in clause.cues for clause in clauses)


def _is_void(question: str, answer: str, clause: Clause, role: Role) -> bool:
    text = answer[clause.start : clause.end]
    imagined = "would_do" in clause.cues and not clause.cues & {"own_act", "habit_act"}
    if imagined and (role in {"situation", "result"} or not has_sign("imagined_step", text)):
        return True
    return role != "result" and asked.is_parroted(question, text)


def _wants_explanation(question: str, answer: str, clauses: Sequence[Clause], roles: Sequence[Role]) -> bool:
    """A story told in reply to a question that asks for none is still read as a story."""
    if asked.asks_for_story(question):
        return False
    acted = any(
        role == "action" and clause.cues & {"own_act", "shared_act"}
        for clause, role in zip(clauses, roles, strict=True)
    )
    if asked.asks_for_explanation(question):
        return not (acted and "situation" in roles)
    return not asked.is_told_from_inside(answer)


def _told(
    answer: str, clauses: Sequence[Clause], roles: Sequence[Role], parts: Sequence[str]
) -> list[Finding]:
    found = {part: _clauses_of(part, parts, clauses, roles) for part in parts}
    findings = []
    for number, part in enumerate(parts):
        passing = () if found[part] else _in_passing(answer, part, clauses, roles)
        if part == "action":
            found["result"] = [clause for clause in found["result"] if clause not in passing]
        nearby = _nearby(answer, [found[other] for other in parts[:number]], clauses)
        told = Part(part, answer, tuple(found[part] or passing), nearby, bool(passing))
        findings.append(
            Finding(part, f"the {part}", JUDGES[part](told), tuple(_joined(told.clauses, clauses)))
        )
    return findings


def _clauses_of(
    part: str, parts: Sequence[str], clauses: Sequence[Clause], roles: Sequence[Role]
) -> list[Clause]:
    if part in {"action", "result"} or "task" in parts:
        return [clause for clause, role in zip(clauses, roles, strict=True) if role == part]
    scene = _scene(clauses, roles)
    if "obstacle" not in parts:
        return scene
    return [clause for clause in scene if _is_obstacle(clause, scene) == (part == "obstacle")]


def _scene(clauses: Sequence[Clause], roles: Sequence[Role]) -> list[Clause]:
    """The clauses before anything was done, with the setbacks among them that look like a bad end."""
    acted = roles.index("action") if "action" in roles else len(roles)
    ends = [number for number, role in enumerate(roles) if role == "result"]
    return [
        clause
        for number, (clause, role) in enumerate(zip(clauses, roles, strict=True))
        if role in {"situation", "task"}
        or (
            role == "result" and number < min(acted, ends[-1]) and clause.cues & {"trouble", "turn_of_events"}
        )
    ]


def _is_obstacle(clause: Clause, scene: Sequence[Clause]) -> bool:
    """Whether the sentence of the clause tells of trouble, rather than of where one stood before it."""
    if clause.label is not None:
        return clause.label not in {"situation", "context", "background"}
    sentence = list(_sentence_of(clause, scene))
    cues = frozenset(cue for other in sentence for cue in other.cues)
    begins_the_scene = sentence[0] == scene[0] and len(sentence) < len(scene)
    hard = cues & {"trouble", "nothing_bad"} and not cues & {"setting", "own_duty"}
    return "turn_of_events" in cues or bool(hard and not begins_the_scene)


def _sentence_of(clause: Clause, clauses: Sequence[Clause]) -> Iterator[Clause]:
    start = max((other.start for other in clauses if other.opens and other.start <= clause.start), default=0)
    end = min((other.start for other in clauses if other.opens and other.start > clause.start), default=None)
    return (other for other in clauses if start <= other.start and (end is None or other.start < end))


def _in_passing(
    answer: str, part: str, clauses: Sequence[Clause], roles: Sequence[Role]
) -> tuple[Clause, ...]:
    """Clauses that serve another part and touch on this one: "I once had to mend a pump that was leaking"."""
    hosts = {
        "situation": ("task", "scene_in_passing"),
        "task": ("situation", "duty_in_passing"),
        "action": ("result", "group_work"),
    }
    if part not in hosts:
        return ()
    host, sign = hosts[part]
    return tuple(
        clause
        for clause, role in zip(clauses, roles, strict=True)
        if role == host and has_sign(sign, answer[clause.start : clause.end])
    )


def _nearby(answer: str, before: Sequence[Sequence[Clause]], clauses: Sequence[Clause]) -> str:
    """A quote of the last clause of the nearest part before, else of the first clause."""
    nearest = next((found[-1] for found in reversed(before) if found), clauses[0])
    return quoted(answer[nearest.start : nearest.end])


def _explained(question: str, answer: str, clauses: Sequence[Clause], parts: Sequence[str]) -> list[Finding]:
    sentences = _joined(clauses, clauses)
    texts = [answer[start:end] for start, end in sentences]
    idle = any("idle_talk" in clause.cues for clause in clauses)
    if not asked.shares_subject(question, answer) and (idle or count_signs(texts) < FEWEST_SIGNS):
        return []
    findings = []
    for part in parts:
        judgement, telling = judge_explanation(part, texts)
        findings.append(
            Finding(part, FACETS[part].name, judgement, tuple(sentences[number] for number in telling))
        )
    return findings


def _joined(chosen: Sequence[Clause], clauses: Sequence[Clause]) -> list[tuple[int, int]]:
    """The stretches of the chosen clauses, neighbours within a sentence joined."""
    before = dict(zip(clauses[1:], clauses, strict=False))
    stretches: list[tuple[int, int]] = []
    for clause in chosen:
        if stretches and not clause.opens and before[clause].end == stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], clause.end)
        else:
            stretches.append((clause.start, clause.end))
    return stretches


def _coaching(answer: str, findings: Sequence[Finding], overall: str) -> Coaching:
    improvements = [finding.judgement.advice for finding in findings if finding.judgement.advice]
    if len(answer.split()) > MOST_WORDS or not improvements:
        improvements.append(_polish(answer, findings))
    return Coaching(overall, tuple(_feedback(answer, finding) for finding in findings), tuple(improvements))


def _feedback(answer: str, finding: Finding) -> PartFeedback:
    return PartFeedback(
        part=finding.part,
        level=finding.judgement.level,
        comment=f"{finding.judgement.level}. {finding.judgement.remark}",
        evidence=tuple(Evidence(answer[start:end], start, end, finding.part) for start, end in finding.spans),
    )


def _overall(answer: str, findings: Sequence[Finding], kind: str) -> str:
    """One sentence or two on the whole: what carries the answer and what holds it back."""
    strong = [finding for finding in findings if finding.judgement.level == WELL]
    thin = [finding.called for finding in findings if finding.judgement.level == PARTLY]
    missing = [finding.called for finding in findings if finding.judgement.level == NOT]
    quote = next((_quote(answer, finding) for finding in reversed(strong) if finding.spans), quoted(answer))
    praise = (
        f"Your answer is strong in {_listed([finding.called for finding in strong])}, above all with {quote}"
        if strong
        else ""
    )
    if not thin and not missing:
        return f"A complete answer: every part of {kind} is there, and {quote} gives it weight."
    gaps = [
        f"only touches on {_listed(thin)}" if thin else "",
        f"leaves out {_listed(missing)}" if missing else "",
    ]
    held = " and ".join(gap for gap in gaps if gap)
    return f"{praise}; it {held}." if praise else f"As {kind}, your answer {held}."


def _quote(answer: str, finding: Finding) -> str:
    start, end = finding.spans[0]
    return quoted(answer[start:end])


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _polish(answer: str, findings: Sequence[Finding]) -> str:
    """What is left to do for an answer whose parts are all there, or that is too long to listen to."""
    words = len(answer.split())
    last = quoted(answer[findings[-1].spans[0][0] :]) if findings[-1].spans else quoted(answer)
    if words > MOST_WORDS:
        minutes = words // WORDS_A_MINUTE
        return f"Shorten it: {words} words take about {minutes} minutes to say, and {last} comes late."
    if not count_cue("lesson", answer):
        return f"After {last}, add in one sentence what you learned and would do again."
    return f"Practise it aloud until its {words} words come freely, and keep {last} as the closing line."
