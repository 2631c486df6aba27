"""Recorded interviews as a dataset: from the service's database, the oldest first, one at a time."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic_core import to_jsonable_python

from agent.interview import Turn, fold
from agent.settings import SettingsError
from evals.masking import Masker
from graphs.migrate import expect_upgraded, is_sqlite, sqlite_path
from graphs.records import Interview, Records

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which completed interviews are meant: created from `since` until before `until`, for a role.

    An interview is for the role if its job role has these words, case and punctuation aside. One without an
    answer is never meant, since it shows nothing.
    """

    since: datetime | None = None
    until: datetime | None = None
    role: str = ""

    def takes(self, interview: Interview) -> bool:
        """Whether an interview is for the role, and holds an answer."""
        role, wanted = fold(interview.config.job_role), fold(self.role)
        is_answered = any(turn.answer is not None for turn in interview.turns)
        return is_answered and (not wanted or f" {wanted} " in f" {role} ")


class Archive:
    """The completed interviews of an existing database, read beside a server that uses it.

    Raises `SettingsError` or `StoreRefused` if there is no such database.
    """

    def __init__(self, database_url: str) -> None:
        if is_sqlite(database_url) and not (path := sqlite_path(database_url)).is_file():
            raise SettingsError(
                f"expected the service's database, found no file {path}. Start this in the folder that the "
                "server runs in, or set INTERVIEWER_DATABASE_URL as it is set there"
            )
        expect_upgraded(database_url)
        self._records = Records(database_url)
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """Give back the connections."""
        self._runner.run(self._records.close())
        self._runner.close()

    def count(self, chosen: Selection) -> int:
        """How many completed interviews there are in the time that is meant, of every role."""
        return self._runner.run(self._records.count_completed(chosen.since, chosen.until))

    def read(self, chosen: Selection) -> Iterator[Interview | None]:
        """Each of those in turn; nothing stands for one that the selection does not take."""
        after: tuple[str, str] | None = None
        while page := self._runner.run(self._records.list_completed(chosen.since, chosen.until, after)):
            for _, interview_id in page:
                interview = self._runner.run(self._records.read_interview(interview_id))
                yield interview if chosen.takes(interview) else None
            after = page[-1]


def interview_row(interview: Interview) -> Row:
    """The interview as a row of an interviews dataset."""
    engines = {turn.evaluation.provenance.engine for turn in interview.turns if turn.evaluation}
    row: Row = to_jsonable_python({
        "id": interview.id,
        "config": interview.config,
        "turns": [
            {
                "question": turn.question.text,
                "rubric": turn.question.rubric,
                "kind": turn.question.kind,
                "answer": turn.answer,
                "score": turn.evaluation.score if turn.evaluation else None,
            }
            for turn in interview.turns
        ],
        "meta": {
            "seed": interview.seed,
            "created_at": interview.created_at,
            "ended_because": interview.end_reason,
            "overall_score": interview.summary.overall_score if interview.summary else None,
            "engines": sorted(engines),
        },
    })  # fmt: skip
    return row


def answer_rows(interview: Interview) -> list[Row]:
    """The interview's answers as rows of an answers dataset, for people to add their scores to."""
    return [_answer_row(interview, turn) for turn in interview.turns if turn.answer is not None]


def anonymise(rows: list[Row], number: int) -> list[Row]:
    """The rows of one interview with a number for its id, only the day of its creation, and texts masked.

    The same name, mail address, phone number or link has the same placeholder in all of them.
    """
    masker = Masker(_answers_in(rows))
    masked = []
    for row in rows:
        _, slash, question = row["id"].partition("/")
        meta = row["meta"] | {"created_at": row["meta"]["created_at"][: len("2026-01-31")]}
        texts = {name: masker.mask_within(value) for name, value in row.items() if name != "meta"}
        role = {"role": masker.mask(meta["role"])} if "role" in meta else {}
        masked.append(texts | {"id": f"interview-{number}{slash}{question}", "meta": meta | role})
    return masked


def parse_instant(text: str, *, ends: bool = False) -> datetime:
    """The instant that a text such as `2026-01-31` or `2026-01-31T18:00` names, in UTC if it says no other.

    A day alone is its beginning, or with `ends` the beginning of the next one. Raises `SettingsError`.
    """
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text) + timedelta(days=1 if ends else 0)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise SettingsError(f"expected a day such as 2026-01-31 or an instant, got {text!r}") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _answer_row(interview: Interview, turn: Turn) -> Row:
    rubric, evaluation = turn.question.rubric, turn.evaluation
    return {
        "id": f"{interview.id}/{turn.question.id}",
        "question": turn.question.text,
        "answer": turn.answer,
        "reference_answer": rubric.reference or None,
        "key_points": [point.point for point in rubric.key_points],
        "human_score": None,
        "graders": [],
        "meta": {
            "role": interview.config.job_role,
            "kind": turn.question.kind,
            "created_at": to_jsonable_python(interview.created_at),
            "score": evaluation.score if evaluation else None,
            "engine": evaluation.provenance.engine if evaluation else None,
        },
    }


def _answers_in(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        yield from (turn["answer"] or "" for turn in row.get("turns", [row]))
