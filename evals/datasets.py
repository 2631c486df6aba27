"""The datasets of the evaluations: the rows of each kind, and how they are read and checked.

A dataset is a file of JSON lines, or CSV with a header, in UTF-8. `docs/evals.md` describes every field.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, field, fields
from difflib import get_close_matches
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from agent.interview import FRAMEWORKS, InterviewConfig, QuestionKind, Rubric

Kind = Literal["answers", "parts", "pairs", "attacks", "interviews"]
Rule = Literal["max", "drop", "same", "nogain", "pair"]

DATA = Path(__file__).parent / "data"
MOST_PROBLEMS = 20


def _name_numbers(value: object) -> object:
    return str(value) if type(value) is int else value


Id = Annotated[str, Field(min_length=1), BeforeValidator(_name_numbers)]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Points = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Span = tuple[int, int]


class DatasetError(Exception):
    """A dataset is not in its format; the message names the file and each bad line, one a line."""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A recorded answer; it has a reference answer or key points to be held against.

    `human_score` and `graders` are from 0 to 1. Where `graders` alone are given, `human_score` is their mean.
    """

    id: Id
    question_id: Id
    question: Text
    answer: str
    reference_answer: str | None = None
    key_points: tuple[Text, ...] = ()
    human_score: Share | None = None
    graders: tuple[Share, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)

    @model_validator(mode="after")
    def check(self) -> Self:
        """Refuse an answer that nothing could be held against."""
        _expect_rubric(self.reference_answer, self.key_points)
        return self


@dataclass(frozen=True, slots=True)
class PartsRow:
    """An answer with the parts of a framework marked as spans: `answer[start:end]`.

    A part without spans is not told.
    """

    id: Id
    question: Text
    framework: str
    answer: str
    parts: dict[str, tuple[Span, ...]]
    meta: dict[str, Any] = field(default_factory=dict)

    @model_validator(mode="after")
    def check(self) -> Self:
        """Refuse parts that the framework does not have, and spans outside the answer or over each other."""
        if self.framework not in FRAMEWORKS:
            raise ValueError(f"framework: expected one of {', '.join(FRAMEWORKS)}, got {self.framework!r}")
        names = FRAMEWORKS[self.framework]
        for part in self.parts:
            if part not in names:
                raise ValueError(f"parts: expected {', '.join(names)} of {self.framework}, got {part!r}")
        end_before = 0
        for start, end in sorted(span for spans in self.parts.values() for span in spans):
            if not 0 <= start < end <= len(self.answer):
                length = len(self.answer)
                raise ValueError(
                    f"parts: expected spans inside the answer's {length} characters, got {[start, end]}"
                )
            if start < end_before:
                raise ValueError(
                    f"parts: expected spans apart from each other, got {[start, end]} over another"
                )
            end_before = end
        return self


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two answers of the same worth which differ in one `attribute` of the speaker.

    `a` says what most graders have seen most; `b` speaks as somebody of `group`.
    """

    id: Id
    group: Text
    attribute: Text
    question: Text
    reference_answer: Text
    a: str
    b: str
    meta: dict[str, Any] = field(default_factory=dict)

    @model_validator(mode="after")
    def check(self) -> Self:
        """Refuse a pair of equals, which shows nothing."""
        if self.a == self.b:
            raise ValueError("b: expected another text than a, got the same")
        return self


# What each rule needs: the bound it is held to, and the answer it is held against.
NEEDS: dict[Rule, tuple[str, ...]] = {
    "max": ("max_score",),
    "drop": ("min_drop", "base_answer"),
    "same": ("tol", "base_answer"),
    "nogain": ("max_gain", "base_answer"),
    "pair": ("tol", "pair_answer"),
}


@dataclass(frozen=True, slots=True)
class AttackRow:
    """A manipulated answer, and the rule that its score has to obey; the bounds are points from 0 to 10."""

    id: Id
    kind: Text
    rule: Rule
    question: Text
    answer: str
    reference_answer: str | None = None
    key_points: tuple[Text, ...] = ()
    base_answer: str | None = None
    pair_answer: str | None = None
    max_score: Points | None = None
    min_drop: Points | None = None
    max_gain: Points | None = None
    tol: Points | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    @model_validator(mode="after")
    def check(self) -> Self:
        """Refuse an attack whose rule cannot be checked."""
        _expect_rubric(self.reference_answer, self.key_points)
        for name in NEEDS[self.rule]:
            if getattr(self, name) is None:
                raise ValueError(f"{name}: expected for the rule {self.rule!r}, got nothing")
        return self


@dataclass(frozen=True, slots=True)
class InterviewTurn:
    """A question with its rubric, and what became of it; `score` is whole, from 0 to 10.

    Without an `answer` the question was still open; without a `score` its answer was never graded.
    """

    question: Text
    rubric: Rubric
    kind: QuestionKind
    answer: str | None = None
    score: Annotated[int, Field(ge=0, le=10)] | None = None


@dataclass(frozen=True, slots=True)
class InterviewRow:
    """A recorded interview; what it takes to repeat it, such as the `seed`, is in `meta`."""

    id: Id
    config: InterviewConfig
    turns: tuple[InterviewTurn, ...]
    meta: dict[str, Any] = field(default_factory=dict)

    @model_validator(mode="after")
    def check(self) -> Self:
        """Refuse an order of turns that no interview has."""
        for number, turn in enumerate(self.turns, start=1):
            if number == 1 and turn.kind != "main":
                raise ValueError(f"turns: expected a main question first, got a {turn.kind}")
            if turn.answer is None and turn.score is not None:
                raise ValueError(f"turns: turn {number} has a score, but no answer")
            if turn.answer is None and number < len(self.turns):
                raise ValueError(f"turns: expected an answer in turn {number}, since another one follows")
        return self


STRUCTURES = frozenset({"key_points", "graders", "meta", "parts", "config", "turns"})
Row = TypeVar("Row", AnswerRow, PartsRow, PairRow, AttackRow, InterviewRow)
Columns = Mapping[str, str]


def shipped(kind: Kind) -> Path:
    """The dataset of a kind that comes with the package."""
    return DATA / f"{kind}.v1.jsonl"


def read_answers(path: Path, columns: Columns | None = None) -> list[AnswerRow]:
    """The answers of a file.

    `columns` maps fields to what the file calls them, such as `{"answer": "response"}`. Raises
    `DatasetError`, and `OSError` if there is no file to read.
    """
    return _Reader(AnswerRow, path, columns).read()


def read_parts(path: Path, columns: Columns | None = None) -> list[PartsRow]:
    """The marked answers of a file; `columns` and errors as in `read_answers`."""
    return _Reader(PartsRow, path, columns).read()


def read_pairs(path: Path, columns: Columns | None = None) -> list[PairRow]:
    """The pairs of a file; `columns` and errors as in `read_answers`."""
    return _Reader(PairRow, path, columns).read()


def read_attacks(path: Path, columns: Columns | None = None) -> list[AttackRow]:
    """The attacks of a file; `columns` and errors as in `read_answers`."""
    return _Reader(AttackRow, path, columns).read()


def read_interviews(path: Path, columns: Columns | None = None) -> list[InterviewRow]:
    """The recorded interviews of a file; `columns` and errors as in `read_answers`."""
    return _Reader(InterviewRow, path, columns).read()


def parse_columns(text: str) -> dict[str, str]:
    """The mapping that `answer=response,question=prompt` stands for. Raises `DatasetError`."""
    columns: dict[str, str] = {}
    for part in text.split(","):
        name, _, column = (side.strip() for side in part.partition("="))
        if not name or not column:
            raise DatasetError(f"--columns: expected field=column, with commas between them, got {part!r}")
        if name in columns:
            raise DatasetError(f"--columns: {name} is given twice")
        columns[name] = column
    return columns


class _Reader(Generic[Row]):
    """Reads a file as rows of one kind."""

    def __init__(self, kind: type[Row], path: Path, columns: Columns | None) -> None:
        self.path = path
        self.columns = columns or {}
        self.is_csv = path.suffix.lower() in (".csv", ".tsv")
        self.names = tuple(one.name for one in fields(kind))
        self.optional = frozenset(
            one.name
            for one in fields(kind)
            if one.default is not MISSING or one.default_factory is not MISSING or one.name == "question_id"
        )
        self._adapter: TypeAdapter[Row] = TypeAdapter(kind)
        for name in self.columns:
            if name not in self.names:
                raise DatasetError(f"--columns: expected one of {', '.join(self.names)}, got {name!r}")

    def read(self) -> list[Row]:
        """All rows. Raises `DatasetError` with what is wrong in each line."""
        rows: list[Row] = []
        lines: dict[str, int] = {}
        problems: list[str] = []
        with self.path.open("rb") as file:
            for number, found in _csv_rows(file) if self.is_csv else _json_rows(file):
                try:
                    row = self._read_row(found)
                    _expect_new(row.id, lines)
                except ValueError as error:
                    problems += [f"line {number}: {problem}" for problem in _describe(error)]
                else:
                    lines[row.id] = number
                    rows.append(row)
        if problems:
            raise DatasetError(_list_problems(self.path, problems))
        if not rows:
            raise DatasetError(f"{self.path}: expected at least one row, found none")
        return rows

    def _read_row(self, found: object) -> Row:
        if isinstance(found, ValueError):
            raise found
        if not isinstance(found, dict):
            raise ValueError(f"expected a JSON object, got {_show(found)}")  # noqa: TRY004 - what is wrong with a line is a ValueError
        row = self._rename(found)
        self._expect_known(row)
        row = self._read_cells(row) if self.is_csv else row
        given = {name: row[name] for name in self.names if name in row}
        told = {name: v for name, v in given.items() if v is not None or name not in self.optional}
        return self._adapter.validate_json(json.dumps(self._complete(told)), strict=not self.is_csv)

    def _rename(self, row: Mapping[str, Any]) -> dict[str, Any]:
        for name, column in self.columns.items():
            if column not in row:
                raise ValueError(f"{name}: expected the column {column!r}, got {', '.join(row) or 'none'}")
        rest = {name: value for name, value in row.items() if name not in self.columns.values()}
        return rest | {name: row[column] for name, column in self.columns.items()}

    def _expect_known(self, row: Mapping[str, Any]) -> None:
        """Refuse what is a known field misspelt; anything else a file may hold besides."""
        absent = [name for name in self.names if name not in row]
        for name in row:
            if name not in self.names and (meant := get_close_matches(name.lower(), absent, 1, 0.85)):
                raise ValueError(f"{name}: expected {meant[0]}, or a name that does not resemble it")

    def _read_cells(self, row: Mapping[str, str]) -> dict[str, Any]:
        """The cells as values: an empty one is none where the field may be left out."""
        told = {name: cell for name, cell in row.items() if cell.strip() or name not in self.optional}
        return {name: _read_cell(name, cell) for name, cell in told.items()}

    def _complete(self, row: dict[str, Any]) -> dict[str, Any]:
        """Equal questions are one question where no id says so; several graders have a mean."""
        if "question_id" in self.names and "question_id" not in row and "question" in row:
            row["question_id"] = row["question"]
        grades = row.get("graders")
        if grades and "human_score" not in row and all(type(grade) in (int, float) for grade in grades):
            row["human_score"] = fmean(grades)
        return row


def _json_rows(file: Iterable[bytes]) -> Iterator[tuple[int, object]]:
    """Each line's value, or what is wrong with it, with the number of the line."""
    for number, line in enumerate(file, start=1):
        if line.strip() and line.strip() != b"\xef\xbb\xbf":
            yield number, _parse(line)


def _parse(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8-sig"), object_pairs_hook=_expect_once)
    except RecursionError:
        return ValueError("expected a JSON object, got one nested too deeply")
    except json.JSONDecodeError as error:
        return ValueError(f"expected a JSON object, got no valid JSON ({error.msg} in column {error.colno})")
    except UnicodeDecodeError as error:
        return _not_utf8(error)
    except ValueError as error:
        return error


def _csv_rows(file: Iterable[bytes]) -> Iterator[tuple[int, object]]:
    """Each row by its header, or what is wrong with it, with the number of the line it begins on."""
    csv.field_size_limit(sys.maxsize)  # an answer may be of any length
    lines = iter(file)
    head = next(lines, b"")
    try:
        first = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield 1, _not_utf8(error)
        return
    delimiter = max(",;\t", key=first.count)
    # What is not UTF-8 becomes lone surrogates, which are found in the row that they are in.
    texts = (line.decode("utf-8", errors="surrogateescape") for line in lines)
    reader = csv.reader(
        (text for part in ((first,), texts) for text in part), delimiter=delimiter, strict=True
    )
    header: list[str] | None = None
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield begins, ValueError(f"expected CSV, got a line that is none ({error})")
            return  # where a quote does not end, no later row can be trusted
        if header is None:
            header = [name.strip() for name in cells]
            if len(set(header)) < len(header):
                yield 1, ValueError(f"expected each column once, got {', '.join(header)}")
                return
        elif cells:
            yield begins, _by_header(header, cells)
        begins = reader.line_num + 1


def _by_header(header: list[str], cells: list[str]) -> object:
    if len(cells) != len(header):
        return ValueError(f"expected {len(header)} columns as in the header, got {len(cells)}")
    if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        return ValueError("expected UTF-8, got other bytes; save the file as UTF-8")
    return dict(zip(header, cells, strict=True))


def _read_cell(name: str, cell: str) -> object:
    """A cell's value: structures are JSON, and lists may be written more simply."""
    if name not in STRUCTURES:
        return cell
    if name in ("key_points", "graders") and not cell.lstrip().startswith("["):
        return _read_list(name, cell)
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        raise ValueError(f"{name}: expected JSON, got {_show(cell)}") from None


def _read_list(name: str, cell: str) -> list[Any]:
    """One key point a line, or numbers with semicolons or spaces between them."""
    if name == "key_points":
        return [line.strip() for line in cell.splitlines() if line.strip()]
    try:
        return [float(number) for number in cell.replace(";", " ").split()]
    except ValueError:
        raise ValueError(f"{name}: expected numbers from 0 to 1, got {_show(cell)}") from None


def _expect_new(row_id: str, lines: Mapping[str, int]) -> None:
    if row_id in lines:
        raise ValueError(f"id: expected each id once, got {row_id!r} of line {lines[row_id]} again")


def _expect_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        raise ValueError(f"{twice}: expected once, got twice")
    return found


def _expect_rubric(reference: str | None, key_points: tuple[str, ...]) -> None:
    if not key_points and not (reference or "").strip():
        raise ValueError("expected reference_answer or key_points, got neither")


def _describe(error: ValueError) -> list[str]:
    if not isinstance(error, ValidationError):
        return [str(error)]
    return [_sentence(problem) for problem in error.errors()]


def _sentence(problem: Mapping[str, Any]) -> str:
    """What was expected and what came, in one sentence."""
    place = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return message
    if problem["type"] == "missing":
        return f"{place}: expected this field, got none"
    if problem["type"] == "json_invalid":
        return f"expected text of whole characters, got half of one ({message})"
    if "pattern" in problem["type"] or "too_short" in problem["type"]:
        return f"{place}: expected text, got {_show(problem['input'])}"
    expected = message.replace("Input should be", "expected")
    return f"{place}: {expected}, got {_show(problem['input'])}"


def _show(value: object) -> str:
    """A short text for a value; a long one is not repeated."""
    if isinstance(value, (dict, list, tuple)):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _not_utf8(error: UnicodeDecodeError) -> ValueError:
    return ValueError(f"expected UTF-8, got other bytes from byte {error.start + 1}; save the file as UTF-8")


def _list_problems(path: Path, problems: list[str]) -> str:
    shown = problems[:MOST_PROBLEMS]
    more = len(problems) - len(shown)
    rest = [f"and {more} more"] if more else []
    return f"{path}: {len(problems)} problem{'s' if len(problems) > 1 else ''}\n" + "\n".join([*shown, *rest])
