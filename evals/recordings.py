"""Holds the interviews of `evals/data/interviews.v1.jsonl` once more: `python -m evals.recordings`.

Each is a real interview with the offline engine, through the door that the service uses, with a fixed seed.
The candidates answer with the sample answers to the question at hand, or with what `recorded_answers.toml`
has for it, and decline a question that has neither.
The same code gives the same file. Run this when the engine asks or grades differently.
"""

import asyncio
import json
import sys
import tomllib
from dataclasses import dataclass, field, replace
from typing import Literal

from agent.interview import InterviewConfig, Question
from agent.offline.grading.text import content_stems
from evals.cli import open_whole, show_progress
from evals.datasets import DATA, read_answers, shipped
from evals.export import Row, interview_row
from evals.interviews import OWNER, open_door
from graphs.records import Interview
from graphs.state import Context

Level = Literal["strong", "partial", "thin", "vague", "wrong", "declines"]
# The sample answers by question and level.
Samples = dict[str, dict[str, str]]

ENOUGH_IN_COMMON = 2  # words that a sentence shares with a gap that it is about

_DECLINES = (
    "I don't know, I never had to deal with that.",
    "Sorry, I'd rather pass on that one.",
    "No idea, to be honest.",
    "I can't think of anything right now. Can we move on?",
    "That's outside of what I have done so far, I don't know.",
)
_NOTHING_MORE = (
    "I don't think I have more to say about that.",
    "As I said, that's how we always did it.",
    "Not really, no.",
    "Hm, I hadn't thought about that part.",
)


@dataclass(frozen=True, slots=True)
class Script:
    """An interview to hold: `levels` are those of the answers to main questions, over and over.

    To a follow-up the candidate says what a strong answer has about it, unless `is_stuck`. After
    `leaves_after` answers the client ends the interview.
    """

    id: str
    config: InterviewConfig
    seed: int
    levels: tuple[Level, ...]
    is_stuck: bool = False
    leaves_after: int | None = None


SCRIPTS = (
    Script(
        "python-strong",
        InterviewConfig("Python Developer", "Mid-level", ("Python", "SQL"), "technical", 10),
        1,
        ("strong",),
    ),
    Script(
        "rust-go-partial",
        InterviewConfig("Systems Engineer", "Junior", ("Rust", "Go", "Git"), "technical", 15),
        3,
        ("partial",),
    ),
    Script(
        "frontend-mixed",
        InterviewConfig("Frontend Engineer", "Mid-level", ("React", "TypeScript"), "mixed", 20),
        1,
        ("strong", "partial"),
    ),
    Script(
        "cloud-weak",
        InterviewConfig("Cloud Engineer", "Junior", ("AWS", "Docker", "Networking"), "technical", 15),
        53,
        ("wrong", "thin", "vague"),
        is_stuck=True,
    ),
    Script("nurse-strong", InterviewConfig("Nurse", "Mid-level", (), "mixed", 10), 25, ("strong",)),
    Script(
        "nurse-partial", InterviewConfig("Registered Nurse", "Junior", (), "technical", 10), 6, ("partial",)
    ),
    Script(
        "electrician",
        InterviewConfig("Electrician", "Apprentice", (), "technical", 10),
        11,
        ("strong", "partial"),
    ),
    Script(
        "teacher-uneven",
        InterviewConfig("Teacher", "Mid-level", (), "mixed", 15),
        81,
        ("partial", "strong", "declines"),
    ),
    Script(
        "sales-stories",
        InterviewConfig("Sales Manager", "Mid-level", (), "behavioral", 15),
        116,
        ("partial",),
    ),
    Script(
        "carpenter-vague",
        InterviewConfig("Carpenter", "Junior", (), "behavioral", 10),
        30,
        ("vague", "thin"),
        is_stuck=True,
    ),
    Script(
        "design-strong",
        InterviewConfig("Software Engineer", "Mid-level", (), "system_design", 10),
        133,
        ("strong",),
    ),
    Script(
        "design-junior",
        InterviewConfig("Backend Engineer", "Graduate", (), "system_design", 10),
        9,
        ("partial", "vague"),
    ),
    Script(
        "statistics-senior",
        InterviewConfig("Data Scientist", "Senior", ("Statistics", "Machine Learning"), "technical", 10),
        1,
        ("strong", "wrong"),
    ),
    Script(
        "backend-long",
        InterviewConfig(
            "Backend Engineer",
            "Senior",
            ("Java", "SQL", "REST APIs", "Databases", "Linux", "Observability", "CI/CD", "Software Design"),
            "mixed",
            60,
        ),
        3,
        ("strong", "partial", "strong", "vague"),
    ),
    Script(
        "accountant-lost",
        InterviewConfig("Accountant", "Mid-level", (), "technical", 15),
        1,
        ("thin", "declines"),
        is_stuck=True,
    ),
    Script(
        "driver-mixed",
        InterviewConfig("Driver", "Entry level", (), "mixed", 15),
        67,
        ("strong", "partial", "thin"),
    ),
    Script(
        "platform-leaves",
        InterviewConfig("Platform Engineer", "Senior", ("CI/CD", "Kubernetes", "Terraform"), "technical", 30),
        1,
        ("partial", "strong"),
        leaves_after=4,
    ),
    Script(
        "lawyer-leaves-at-once",
        InterviewConfig("Lawyer", "Mid-level", (), "mixed", 30),
        11,
        ("partial",),
        leaves_after=1,
    ),
)


@dataclass
class Candidate:
    """Somebody who follows a script."""

    script: Script
    samples: Samples
    mains: int = 0
    given: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def answer(self, question: Question) -> str:
        """What they say to a question."""
        if question.kind == "follow_up":
            return self._add(question)
        level = self.script.levels[self.mains % len(self.script.levels)]
        self.mains += 1
        self.given = self.samples.get(question.source, {})
        if not self.given and level != "declines":
            self.unknown.append(question.source)
        if not self.given or level == "declines":
            return _DECLINES[self.mains % len(_DECLINES)]
        return self.given.get(level) or self.given["partial"]

    def _add(self, question: Question) -> str:
        """The sentences of the strong answer that are about the gap."""
        asked = set(content_stems(f"{question.gap} {question.text}"))
        sentences = self.given.get("strong", "").replace("? ", "?\n").replace(". ", ".\n").splitlines()
        fitting = [s for s in sentences if len(asked.intersection(content_stems(s))) >= ENOUGH_IN_COMMON]
        if self.script.is_stuck or not fitting:
            return _NOTHING_MORE[len(question.text) % len(_NOTHING_MORE)]
        return " ".join(fitting)


def load_samples() -> Samples:
    """The answers that were written to each question, by level."""
    others = tomllib.loads((DATA / "recorded_answers.toml").read_text(encoding="utf-8"))
    samples: Samples = {question: {"partial": answer.strip()} for question, answer in others.items()}
    for row in read_answers(shipped("answers")):
        samples.setdefault(row.question_id, {}).setdefault(str(row.meta["level"]), row.answer)
    return samples


async def hold(script: Script, candidate: Candidate) -> Interview:
    """The interview of a script, from the first question to the summary."""
    async with open_door(Context(model="offline", seed=script.seed)) as door:
        interview = await door.create(OWNER, script.config)
        interview = await door.read(OWNER, interview.id)
        while interview.current is not None:
            answered = sum(turn.answer is not None for turn in interview.turns)
            if answered == script.leaves_after:
                return await door.end(OWNER, interview.id)
            question = interview.current.question
            await door.answer(OWNER, interview.id, question.id, candidate.answer(question))
            interview = await door.read(OWNER, interview.id)
        return interview


def record(script: Script, samples: Samples) -> Row:
    """The row of a script's interview; it says nothing of when it was held."""
    candidate = Candidate(script, samples)
    row = interview_row(replace(asyncio.run(hold(script, candidate)), id=script.id))
    del row["meta"]["created_at"]
    for source in candidate.unknown:
        sys.stderr.write(f"{script.id}: nobody wrote an answer to {source}, so it was declined\n")
    return row


def main() -> None:
    """Replaces the shipped interviews."""
    samples = load_samples()
    with open_whole(shipped("interviews")) as file:
        for row in show_progress((record(script, samples) for script in SCRIPTS), len(SCRIPTS)):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
