"""An interview as text: coloured for a terminal, plain in a pipe, and as Markdown."""

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.text import Text

from api.client import Evaluation, Interview, Question, Summary, Turn

INDENT = Text("  ")
GOOD, FAIR = 7, 4
GRADE_CELLS = 9  # in front of feedback


def colour_of(score: float) -> str:
    """The colour for a score from 0 to 10."""
    return "green" if score >= GOOD else "yellow" if score >= FAIR else "red"


def name_question(question: Question, number: int) -> str:
    """What a question is called; `number` counts the main questions, a follow-up's is its main question's."""
    return f"Follow-up to question {number}" if question.kind == "follow_up" else f"Question {number}"


def number_turns(turns: list[Turn]) -> list[tuple[int, Turn]]:
    """Each turn with the number of its main question."""
    number, numbered = 0, []
    for turn in turns:
        number += turn.question.kind == "main"
        numbered.append((number, turn))
    return numbered


def show_title(console: Console, title: str) -> None:
    """A heading across the page."""
    console.print(Rule(f"[bold]{escape(title)}", align="left", style="dim"), "")


def show_question(console: Console, question: Question, name: str, note: str = "") -> None:
    """A question under its name; a follow-up is marked as such."""
    mark = "↳ " if question.kind == "follow_up" else ""
    style = "magenta" if question.kind == "follow_up" else "bold cyan"
    about = " · ".join(part for part in (question.competency, note) if part)
    console.print(Text.assemble((mark + name, style), (f" · {about}" if about else "", "dim")))
    show_text(console, Text(question.text, style="bold"))
    console.print()


def show_answer(console: Console, answer: str) -> None:
    """An answer, set off from what the interviewer says."""
    bar = Text("  │ ", style="dim")
    show_text(console, Text(answer.strip()), bar, bar)
    console.print()


def show_evaluation(console: Console, evaluation: Evaluation) -> None:
    """A grade with its feedback."""
    score = Text(f"{evaluation.score:>4}/10".ljust(GRADE_CELLS), style=f"bold {colour_of(evaluation.score)}")
    show_text(console, Text(evaluation.feedback), score, Text(" " * GRADE_CELLS))
    console.print()


def show_text(console: Console, text: Text, first: Text = INDENT, others: Text = INDENT) -> None:
    """A text in lines that fit, each behind its margin, and without blanks at their ends."""
    for number, line in enumerate(text.wrap(console, max(console.width - len(others), 20))):
        line.rstrip()
        console.print(Text.assemble(others if number else first, line))


def show_turns(console: Console, turns: list[Turn]) -> None:
    """The transcript."""
    for number, turn in number_turns(turns):
        show_question(console, turn.question, name_question(turn.question, number))
        show_answer(console, turn.answer or "(no answer)")
        if turn.evaluation is not None:
            show_evaluation(console, turn.evaluation)


def show_summary(console: Console, summary: Summary) -> None:
    """How the interview went."""
    score = Text(f"{summary.overall_score} of 100", style=f"bold {colour_of(summary.overall_score / 10)}")
    console.print(Text.assemble(("Overall score  ", "bold"), score))
    console.print()
    for name, items in (("Strengths", summary.strengths), ("To improve", summary.areas_for_improvement)):
        if items:
            console.print(Text(name, style="bold"))
            _show_list(console, items)
    console.print(Text("Recommendations", style="bold"))
    show_text(console, Text(summary.recommendations))
    console.print()
    if summary.ungraded:
        console.print(f"Answered but not graded: {', '.join(summary.ungraded)}", "")


def show_scores(console: Console, turns: list[Turn]) -> None:
    """One line per question with its grade as a bar."""
    for number, turn in number_turns(turns):
        score = turn.evaluation.score if turn.evaluation else None
        name = "  ↳ follow-up" if turn.question.kind == "follow_up" else f"Question {number}"
        bar = Text("█" * (score or 0) + "░" * (10 - (score or 0)), style=colour_of(score or 0))
        grade = f"{score:>2}/10" if score is not None else "no grade" if turn.answer else "no answer"
        about = (turn.question.competency, "dim")
        console.print(
            Text.assemble(f"  {name:<13}  ", bar, f"  {grade:<9}  ", about), overflow="ellipsis", no_wrap=True
        )
    console.print()


def write_markdown(interview: Interview) -> str:
    """A completed interview as a Markdown document."""
    config = interview.config
    parts = [
        f"# Interview: {config.job_role}",
        f"{interview.created_at:%Y-%m-%d %H:%M} UTC · {config.experience_level} · "
        f"{config.interview_type.replace('_', ' ')} · {config.duration} minutes"
        + (f" · {', '.join(config.skills)}" if config.skills else ""),
    ]
    for number, turn in number_turns(interview.turns or []):
        parts += _describe_turn(number, turn)
    if interview.summary is not None:
        parts += _describe_summary(interview.summary)
    return "\n\n".join(parts) + "\n"


def _show_list(console: Console, items: list[str]) -> None:
    for item in items:
        show_text(console, Text(item), Text("  • "), Text("    "))
    console.print()


def _describe_turn(number: int, turn: Turn) -> list[str]:
    parts = [f"## {name_question(turn.question, number)}", turn.question.text]
    answer = turn.answer or "(no answer)"
    parts.append("\n".join(f"> {line}".rstrip() for line in answer.strip().splitlines()))
    if turn.evaluation is not None:
        parts.append(f"**{turn.evaluation.score}/10** {turn.evaluation.feedback}")
    return parts


def _describe_summary(summary: Summary) -> list[str]:
    parts = ["## Summary", f"Overall score: **{summary.overall_score} of 100**"]
    for name, items in (("Strengths", summary.strengths), ("To improve", summary.areas_for_improvement)):
        if items:
            parts += [f"### {name}", "\n".join(f"- {item}" for item in items)]
    return [*parts, "### Recommendations", summary.recommendations]
