"""The format of the question bank's files, read strictly: nothing missing, nothing unknown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import rtoml

from agent.errors import EngineFailed
from agent.interview import DIFFICULTIES, Difficulty, KeyPoint, QuestionDraft, QuestionType, Rubric

_QUESTION_KEYS = frozenset({"id", "difficulty", "competency", "text", "low", "middle", "high", "key_points"})
_TEMPLATE_KEYS = frozenset({"needs", "type"})
_POINT_KEYS = frozenset({"point", "signals", "probe"})
# What marks a question among those of a skill or role as one about the candidate's own past.
_STORY = re.compile(
    r"^(tell me about (a|an|the|one|something)|give (me )?an example of)\b"
    r"|\b(a|an|one|the last) (\w+ )?(time|situation|occasion|moment|day) (when|you|in which|that you)\b",
    re.IGNORECASE,
)


class BankError(EngineFailed):
    """A bank file breaks the format; the message names the file, the question and what was expected."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact, retryable=False)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The questions of one skill or role; `skills` are those that a technical job title stands for."""

    name: str
    aliases: tuple[str, ...] = ()
    questions: tuple[QuestionDraft, ...] = ()
    skills: tuple[str, ...] = ()


def read_shelf(path: Path, kind: str) -> Shelf:
    """The questions of one skill or role; `kind` is the key that names it. Raises `BankError`."""
    table = _parse(path)
    _expect_keys(table, {kind, "aliases", "questions"}, path.name)
    return Shelf(
        name=_text(table[kind], f"{path.name}, {kind}"),
        aliases=_texts(table["aliases"], f"{path.name}, aliases"),
        questions=_questions(table["questions"], path.name, "technical"),
    )


def read_titles(path: Path) -> tuple[Shelf, ...]:
    """The technical job titles, each with its skills and without questions of its own. Raises `BankError`."""
    table = _parse(path)
    _expect_keys(table, {"roles"}, path.name)
    return tuple(
        _title(row, f"{path.name}, role {number}")
        for number, row in enumerate(_tables(table["roles"], path.name), start=1)
    )


def read_family(path: Path, question_type: QuestionType) -> tuple[QuestionDraft, ...]:
    """The questions of a file that belongs to no skill or role. Raises `BankError`."""
    table = _parse(path)
    _expect_keys(table, {"family", "questions"}, path.name)
    family = path.stem.replace("-", "_")
    if table["family"] != family:
        raise BankError(f"{path.name}: expected family to be {family!r}, got {table['family']!r}")
    return _questions(table["questions"], path.name, question_type)


def read_templates(path: Path) -> tuple[QuestionDraft, ...]:
    """The generic questions; each states its own type, and which placeholder it holds. Raises `BankError`."""
    table = _parse(path)
    _expect_keys(table, {"family", "questions"}, path.name)
    rows = _tables(table["questions"], path.name)
    return tuple(_template(row, f"{path.name}, question {row.get('id')}") for row in rows)


def _template(row: Mapping[str, object], where: str) -> QuestionDraft:
    _expect_keys(row, _QUESTION_KEYS | _TEMPLATE_KEYS, where)
    if row["type"] not in ("technical", "behavioral"):
        raise BankError(f"{where}: expected type to be technical or behavioral, got {row['type']!r}")
    question_type: QuestionType = "technical" if row["type"] == "technical" else "behavioral"
    plain = {key: value for key, value in row.items() if key not in _TEMPLATE_KEYS}
    draft = replace(_question(plain, where, question_type), type=question_type)
    held = next((name for name in ("skill", "role") if f"{{{name}}}" in draft.text), "none")
    if row["needs"] != held:
        raise BankError(f"{where}: expected needs to be {held!r} by its text, got {row['needs']!r}")
    return draft


def _title(row: Mapping[str, object], where: str) -> Shelf:
    _expect_keys(row, {"role", "aliases", "skills"}, where)
    name, aliases = _text(row["role"], where), _texts(row["aliases"], where)
    return Shelf(name, aliases, skills=_texts(row["skills"], where))


def _questions(value: object, file: str, question_type: QuestionType) -> tuple[QuestionDraft, ...]:
    return tuple(
        _question(row, f"{file}, question {row.get('id') or number}", question_type)
        for number, row in enumerate(_tables(value, file), start=1)
    )


def _question(row: Mapping[str, object], where: str, question_type: QuestionType) -> QuestionDraft:
    _expect_keys(row, _QUESTION_KEYS, where)
    text = _text(row["text"], f"{where}, text")
    anchors = {name: _text(row[name], f"{where}, {name}") for name in ("low", "middle", "high")}
    points = tuple(_point(point, where) for point in _tables(row["key_points"], where))
    return QuestionDraft(
        text=text,
        rubric=Rubric(key_points=points, **anchors),
        competency=_text(row["competency"], f"{where}, competency"),
        type="behavioral" if _STORY.search(text) else question_type,
        difficulty=_difficulty(row["difficulty"], where),
        source=_text(row["id"], f"{where}, id"),
    )


def _difficulty(value: object, where: str) -> Difficulty:
    for difficulty in DIFFICULTIES:
        if value == difficulty:
            return difficulty
    raise BankError(f"{where}: expected difficulty to be one of {', '.join(DIFFICULTIES)}, got {value!r}")


def _point(row: Mapping[str, object], where: str) -> KeyPoint:
    _expect_keys(row, _POINT_KEYS, f"{where}, key point")
    point = _text(row["point"], f"{where}, point")
    return KeyPoint(
        point, _texts(row["signals"], f"{where}, signals"), _text(row["probe"], f"{where}, probe")
    )


def _parse(path: Path) -> Mapping[str, object]:
    try:
        return rtoml.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, rtoml.TomlParsingError) as fault:
        raise BankError(f"{path.name}: expected a readable TOML file, got: {fault}") from fault


def _expect_keys(table: Mapping[str, object], expected: set[str] | frozenset[str], where: str) -> None:
    if missing := sorted(expected - table.keys()):
        raise BankError(f"{where}: missing {', '.join(missing)}")
    if unknown := sorted(table.keys() - expected):
        raise BankError(f"{where}: unknown {', '.join(unknown)}")


def _tables(value: object, where: str) -> list[dict[str, object]]:
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        raise BankError(f"{where}: expected a list of tables, got {value!r}")
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BankError(f"{where}: expected a list of texts, got {value!r}")
    return tuple(_text(item, where) for item in value)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BankError(f"{where}: expected a text, got {value!r}")
    return value
