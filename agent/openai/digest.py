"""The interview so far in a bounded number of words: what a prompt may carry at turn 40 as at turn 5."""

from collections.abc import Sequence

from agent.engine import AnswerBrief, QuestionBrief
from agent.interview import Rubric, Topic, Turn, fold, topic_score, topics_of
from agent.openai.focus import choose_focus
from agent.openai.untrusted import clip, drop_invisible, enclose, in_one_line

MOST_SAME, MOST_OTHER = 4, 4  # topics
QUESTION_LENGTH, LABEL_LENGTH, EXCERPT_LENGTH, POINT_LENGTH = 240, 40, 500, 300  # characters
REFERENCE_LENGTH = 2_000
MOST_POINTS = 8

NOTHING = "- nothing yet"


def list_same_subject(brief: QuestionBrief) -> str:
    """The latest main questions about what the next one is about, in full."""
    subject = choose_focus(brief, brief.number).subject
    topics = topics_of(brief.turns)
    same = [t for n, t in enumerate(topics, start=1) if choose_focus(brief, n).subject == subject]
    questions = [in_one_line(topic.main.question.text, QUESTION_LENGTH) for topic in same[-MOST_SAME:]]
    return "\n".join(f"- {question}" for question in questions) or NOTHING


def list_other_topics(brief: QuestionBrief) -> str:
    """The competencies of the latest topics."""
    labels = [in_one_line(topic.main.question.competency, LABEL_LENGTH) for topic in topics_of(brief.turns)]
    return "; ".join(labels[-MOST_OTHER:]) or "none"


def describe_last_topic(brief: QuestionBrief, code: str) -> str:
    """The last topic's question, how it went as far as that is known, and an excerpt of its latest answer."""
    topics = topics_of(brief.turns)
    if not topics:
        return NOTHING
    last = (topics[-1].main, *topics[-1].follow_ups)[-1]
    went = f"Handled: {_standing(topics[-1])}."
    said = enclose(_excerpt(last.answer), code)
    return f"{in_one_line(topics[-1].main.question.text, QUESTION_LENGTH)}\n{went}\n{said}"


def describe_thread(brief: AnswerBrief, code: str) -> str:
    """What the grader of a follow-up has to know: the exchange before it, and which gaps were probed.

    The grader of a main question gets nothing of the interview, so that no other answer colours this one.
    """
    topic = find_topic(brief)
    if topic is None:
        return NOTHING
    lines = []
    for turn in (topic.main, *topic.follow_ups):
        question = in_one_line(turn.question.text, QUESTION_LENGTH)
        lines.append(f"Asked: {question}\n{enclose(_excerpt(turn.answer), code)}")
    still_open = [in_one_line(point, POINT_LENGTH) for point in open_gaps(brief)]
    lines.append(f"Already probed: {'; '.join(in_one_line(gap, POINT_LENGTH) for gap in probed_gaps(brief))}")
    lines.append(f"Still open in this topic: {'; '.join(still_open) or 'nothing'}")
    return "\n".join(lines)


def list_points(rubric: Rubric) -> str:
    """The key points under the names of their fields in the reply, and the model answer if there is one."""
    points = rubric.key_points[:MOST_POINTS]
    lines = [f"- point_{n}: {in_one_line(p.point, POINT_LENGTH)}" for n, p in enumerate(points, start=1)]
    if rubric.reference:
        lines.append(
            f"- a complete answer, for comparison: {in_one_line(rubric.reference, REFERENCE_LENGTH)}"
        )
    return "\n".join(lines) or NOTHING


def describe_results(turns: Sequence[Turn], code: str) -> str:
    """Each graded topic in a few lines, for the summary."""
    graded = [topic for topic in topics_of(turns) if topic_score(topic) is not None]
    return "\n".join(_describe_result(n, topic, code) for n, topic in enumerate(graded, start=1)) or NOTHING


def find_topic(brief: AnswerBrief) -> Topic | None:
    """The topic that a follow-up belongs to, as it stood before it; none for a main question."""
    parent = brief.question.parent_id
    return next((topic for topic in topics_of(brief.turns) if topic.main.question.id == parent), None)


def probed_gaps(brief: AnswerBrief) -> list[str]:
    """The gaps of this topic that follow-ups have asked about, this question's among them."""
    topic = find_topic(brief)
    questions = [turn.question for turn in topic.follow_ups] if topic else []
    return [question.gap for question in (*questions, brief.question) if question.gap]


def open_gaps(brief: AnswerBrief) -> list[str]:
    """What the topic's main answer left out and no follow-up has asked about."""
    topic = find_topic(brief)
    missing = topic.main.evaluation.missing if topic and topic.main.evaluation else ()
    probed = {fold(gap) for gap in probed_gaps(brief)}
    return [point for point in missing if fold(point) not in probed]


def _describe_result(number: int, topic: Topic, code: str) -> str:
    evaluations = [turn.evaluation for turn in (topic.main, *topic.follow_ups) if turn.evaluation is not None]
    first = evaluations[0]
    quotes = [
        in_one_line(evidence.quote, 120) for evaluation in evaluations for evidence in evaluation.evidence
    ]
    lines = [
        f"{number}. {in_one_line(topic.main.question.competency, LABEL_LENGTH)} "
        f"({topic.main.question.type}), worth {topic_score(topic):.0f} of 10"
        + (", declined" if first.declined else ""),
        f"   Asked: {in_one_line(topic.main.question.text, 160)}",
        f"   Left out: {'; '.join(in_one_line(point, 120) for point in first.missing[:3]) or 'nothing'}",
        f"   Feedback given: {in_one_line(first.feedback, 240)}",
    ]
    return "\n".join([*lines, enclose(" / ".join(quotes[:2]), code)] if quotes else lines)


def _standing(topic: Topic) -> str:
    score = topic_score(topic)
    if score is None:
        return "not graded yet"
    return "fully" if score >= 8 else "in part" if score >= 4 else "hardly"


def _excerpt(answer: str | None) -> str:
    return clip(drop_invisible(answer or "(no answer yet)"), EXCERPT_LENGTH)
