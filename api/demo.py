"""Two recorded interviews on the real server: a strong candidate over REST, a weak one over WebSocket."""

import os
import tempfile
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.auth import make_key
from api.child import start_server
from api.client import (
    CallFailed,
    Client,
    Created,
    Interview,
    Summary,
    create_interview,
    read_interview,
    submit_answer,
)
from api.conversation import Asked, Conversation
from api.terminal import colour_of, show_scores, show_summary, show_title, show_turns

RECORDINGS = Path(__file__).with_name("recordings")
LEAST_LEAD = 25
SEED = 1
JOB = "Python Developer"
CONFIG: Mapping[str, object] = {
    "experience_level": "Mid-level",
    "skills": ["Python", "SQL"],
    "interview_type": "mixed",
    "duration": 30,
}


class RecordingIncomplete(Exception):
    """A question was asked that a recording has no answer to."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A candidate, and what this candidate says to each question."""

    candidate: str
    answers: Mapping[str, str]

    def answer(self, question: str) -> str:
        """The recorded answer. Raises `RecordingIncomplete` if there is none."""
        if question not in self.answers:
            raise RecordingIncomplete(f"the {self.candidate} has no recorded answer to: {question}")
        return self.answers[question]


def run_demo() -> int:
    """Run both interviews, show them, and give the exit status: 0 if the strong candidate wins clearly."""
    console = Console(highlight=False)
    began = time.monotonic()
    try:
        strong, weak = _interview_both(console)
    except (CallFailed, RecordingIncomplete) as error:
        typer.echo(f"interviewer: {error}", err=True)
        return 1
    return compare(console, strong, weak, time.monotonic() - began)


def read_recording(name: str) -> Recording:
    """A recording by its file's name."""
    table = tomllib.loads((RECORDINGS / f"{name}.toml").read_text(encoding="utf-8"))
    answers = {row["question"]: " ".join(row["answer"].split()) for row in table["answers"]}
    return Recording(table["candidate"], answers)


def _interview_both(console: Console) -> tuple[Interview, Interview]:
    key = make_key()
    with tempfile.TemporaryDirectory(prefix="interviewer-demo-") as folder:
        console.print("Starting the server on a temporary database ...")
        with start_server(_environment(Path(folder), key)) as url, Client(url, key) as client:
            console.print(f"It serves on {client.url}. Same job, same settings, two candidates.\n")
            strong = _hold_over_rest(client, read_recording("strong"))
            _show(console, "Strong candidate, over REST", strong)
            weak = _hold_over_socket(client, read_recording("weak"))
            _show(console, "Weak candidate, over WebSocket", weak)
            return strong, weak


def _environment(folder: Path, key: str) -> dict[str, str]:
    """Fixed settings: what this machine sets for its own server has no say here."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("INTERVIEWER_", "OPENAI_"))}
    return kept | {
        "INTERVIEWER_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'demo.db'}",
        "INTERVIEWER_API_KEYS": key,
        "INTERVIEWER_MODEL": "offline",
        "INTERVIEWER_SEED": str(SEED),
    }


def _hold_over_rest(client: Client, recording: Recording) -> Interview:
    created: Created = client.send(create_interview(JOB, **CONFIG))
    question = client.send(read_interview(created.interview_id)).current_question
    while question is not None:
        answer = recording.answer(question.text)
        question = client.send(submit_answer(created.interview_id, question.id, answer)).next_question
    return client.send(read_interview(created.interview_id))


def _hold_over_socket(client: Client, recording: Recording) -> Interview:
    created = client.send(create_interview(JOB, **CONFIG))
    with Conversation(client, created.interview_id) as conversation:
        for event in conversation:
            if isinstance(event, Asked):
                conversation.answer(event.question.id, recording.answer(event.question.text))
    return client.send(read_interview(created.interview_id))


def _show(console: Console, title: str, interview: Interview) -> None:
    show_title(console, title)
    show_turns(console, interview.turns or [])
    show_scores(console, interview.turns or [])
    show_summary(console, _summary_of(interview))


def compare(console: Console, strong: Interview, weak: Interview, seconds: float) -> int:
    """Show both side by side and give the exit status: 0 if the strong candidate leads clearly."""
    show_title(console, "Comparison")
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("")
    for name in ("Strong", "Weak"):
        table.add_column(name, justify="right")
    rows = zip(_figures(strong), _figures(weak), strict=True)
    for (name, one), (_, other) in rows:
        table.add_row(name, one, other)
    console.print(table, "")
    lead = _summary_of(strong).overall_score - _summary_of(weak).overall_score
    if lead < LEAST_LEAD:
        console.print(f"The strong candidate should win by {LEAST_LEAD} points or more, and leads by {lead}.")
        return 1
    console.print(f"The strong candidate wins by {lead} points. That took {seconds:.0f} seconds.")
    return 0


def _figures(interview: Interview) -> list[tuple[str, Text]]:
    """What the two interviews are compared by."""
    turns, overall = interview.turns or [], _summary_of(interview).overall_score
    scores = [turn.evaluation.score for turn in turns if turn.evaluation]
    words = fmean(len((turn.answer or "").split()) for turn in turns)
    return [
        ("Overall score (0 to 100)", Text(str(overall), style=f"bold {colour_of(overall / 10)}")),
        ("Main questions", Text(str(sum(turn.question.kind == "main" for turn in turns)))),
        ("Follow-ups", Text(str(sum(turn.question.kind == "follow_up" for turn in turns)))),
        ("Best answer (0 to 10)", Text(str(max(scores)))),
        ("Worst answer (0 to 10)", Text(str(min(scores)))),
        ("Mean words per answer", Text(f"{words:.0f}")),
    ]


def _summary_of(interview: Interview) -> Summary:
    if interview.summary is None:
        raise CallFailed("server_error", "the interview ended without a summary")
    return interview.summary
