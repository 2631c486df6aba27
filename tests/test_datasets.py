"""Datasets: how files are read, what is said of a bad line, and what the shipped files promise."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from agent.interview import FRAMEWORKS
from agent.offline.bank import all_questions, load_bank
from evals.datasets import (
    AnswerRow,
    DatasetError,
    Kind,
    parse_columns,
    read_answers,
    read_attacks,
    read_interviews,
    read_pairs,
    read_parts,
    shipped,
)

ANSWER: dict[str, Any] = {
    "id": "a1",
    "question_id": "q1",
    "question": "What does an index cost?",
    "answer": "Every write has to update it.",
    "reference_answer": "Space, and time at each write.",
}
PARTS: dict[str, Any] = {
    "id": "p1",
    "question": "Tell me about a mistake.",
    "framework": "CAR",
    "answer": "The lift stood still. I changed the relay. It ran.",
    "parts": {"challenge": [[0, 21]], "action": [[22, 42]], "result": [[43, 50]]},
}
PAIR: dict[str, Any] = {
    "id": "1",
    "group": "women",
    "attribute": "gender",
    "question": "Why?",
    "reference_answer": "Since.",
    "a": "As a man, since.",
    "b": "As a woman, since.",
}
ATTACK: dict[str, Any] = {
    "id": "x",
    "kind": "upper_case",
    "rule": "same",
    "question": "Why?",
    "key_points": ["It is needed"],
    "answer": "IT IS NEEDED.",
    "base_answer": "It is needed.",
    "tol": 1,
}
INTERVIEW: dict[str, Any] = {
    "id": "i",
    "config": {"job_role": "Nurse", "skills": ["Triage"], "duration": 10},
    "turns": [
        {
            "question": "Why?",
            "rubric": {"key_points": [{"point": "It is needed"}]},
            "kind": "main",
            "answer": "It is.",
            "score": 4,
        },
        {
            "question": "Needed?",
            "rubric": {"key_points": [{"point": "It is needed", "probe": "Needed?"}]},
            "kind": "follow_up",
            "answer": None,
            "score": None,
        },
    ],
}
READERS: dict[Kind, tuple[Callable[[Path], Any], dict[str, Any]]] = {
    "answers": (read_answers, ANSWER),
    "parts": (read_parts, PARTS),
    "pairs": (read_pairs, PAIR),
    "attacks": (read_attacks, ATTACK),
    "interviews": (read_interviews, INTERVIEW),
}


def write(folder: Path, *rows: object, name: str = "rows.jsonl") -> Path:
    """A file of these rows; a text is a line as it stands."""
    path = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8", newline="")
    return path


def problems(path: Path, kind: Kind = "answers") -> list[str]:
    """What is said about each bad line, after the line that names the file."""
    with pytest.raises(DatasetError) as caught:
        READERS[kind][0](path)
    first, *lines = str(caught.value).splitlines()
    assert str(path) in first
    return lines


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_row_of_each_kind_is_read_with_all_its_fields(tmp_path: Path, kind: Kind) -> None:
    read, given = READERS[kind]
    (row,) = read(write(tmp_path, given))
    for name in given.keys() - {"config", "turns", "parts", "key_points"}:
        assert getattr(row, name) == given[name]
    assert row.meta == {}


def test_structures_become_the_types_of_the_domain(tmp_path: Path) -> None:
    (row,) = read_interviews(write(tmp_path, INTERVIEW))
    assert (row.config.job_role, row.config.skills, row.config.interview_type) == (
        "Nurse",
        ("Triage",),
        "mixed",
    )
    assert row.turns[0].rubric.key_points[0].point == "It is needed"
    assert (row.turns[1].answer, row.turns[1].score, row.turns[1].kind) == (None, None, "follow_up")
    (parts,) = read_parts(write(tmp_path, PARTS))
    assert [parts.answer[a:b] for a, b in parts.parts["action"]] == ["I changed the relay."]


def test_answers_to_the_same_words_are_answers_to_one_question(tmp_path: Path) -> None:
    bare = {name: value for name, value in ANSWER.items() if name != "question_id"}
    one, two = read_answers(write(tmp_path, bare, bare | {"id": 2, "answer": ""}))
    assert one.question_id == two.question_id
    assert (two.id, two.answer) == ("2", "")


def test_several_graders_score_by_their_mean_unless_a_score_is_given(tmp_path: Path) -> None:
    graded = ANSWER | {"graders": [0.5, 1]}
    one, two = read_answers(write(tmp_path, graded, graded | {"id": "a2", "human_score": 0.2}))
    assert (one.human_score, two.human_score) == (0.75, 0.2)


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_marks_line_ends_and_any_unicode_are_read(tmp_path: Path, start: bytes) -> None:
    text = "naïve 𝔘nicode \u2028 \u0000 हिन्दी 👩🏽‍🔧 \u202eright"
    line = json.dumps(ANSWER | {"answer": text}, ensure_ascii=False).replace("\u0000", "\\u0000")
    path = tmp_path / "rows.jsonl"
    path.write_bytes(start + line.encode() + b"\r\n\r\n")
    assert [row.answer for row in read_answers(path)] == [text]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "expected a JSON object, got no valid JSON"),
        ("[]", "expected a JSON object, got a list of 0"),
        ("null", "expected a JSON object, got null"),
        ("[" * 99_999, "nested too deeply"),
        ('{"id": "a", "id": "b"}', "id: expected once, got twice"),
        (ANSWER | {"id": ""}, 'id: expected text, got ""'),
        (ANSWER | {"id": True}, "id: expected a valid string, got true"),
        (ANSWER | {"question": " "}, 'question: expected text, got " "'),
        (ANSWER | {"answer": None}, "answer: expected a valid string, got null"),
        (ANSWER | {"answer": ["long"]}, "answer: expected a valid string, got a list of 1"),
        (ANSWER | {"answer": "\ud800"}, "half of one"),
        (ANSWER | {"reference_answer": ""}, "expected reference_answer or key_points, got neither"),
        (ANSWER | {"key_points": "one"}, "key_points: expected a valid"),
        (ANSWER | {"key_points": ["one", ""]}, "key_points.1: expected text"),
        (ANSWER | {"human_score": 7}, "human_score: expected less than or equal to 1, got 7"),
        (ANSWER | {"human_score": -0.1}, "human_score: expected greater than or equal to 0, got -0.1"),
        (ANSWER | {"human_score": "0.5"}, 'human_score: expected a valid number, got "0.5"'),
        (
            json.dumps(ANSWER | {"human_score": float("nan")}),
            "human_score: expected a finite number, got NaN",
        ),
        (ANSWER | {"graders": [0.5, 1.5]}, "graders.1: expected less than or equal to 1, got 1.5"),
        (ANSWER | {"human_scor": 0.5}, "human_scor: expected human_score"),
        ({"id": "a", "question": "Why?", "reference_answer": "x"}, "answer: expected this field, got none"),
    ],
)
def test_a_bad_line_is_named_with_what_was_expected_and_what_came(
    tmp_path: Path, line: object, told: str
) -> None:
    (problem,) = problems(write(tmp_path, ANSWER | {"id": "first"}, line, ANSWER | {"id": "last"}))
    assert problem.startswith("line 2: ")
    assert told in problem


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        ("parts", {"framework": "ABC"}, "framework: expected one of STAR, CAR, PAR, SOAR, got 'ABC'"),
        (
            "parts",
            {"parts": {"task": [[0, 5]]}},
            "parts: expected challenge, action, result of CAR, got 'task'",
        ),
        ("parts", {"parts": {"action": [[22, 52]]}}, "inside the answer's 50 characters, got [22, 52]"),
        ("parts", {"parts": {"action": [[5, 5]]}}, "got [5, 5]"),
        ("parts", {"parts": {"action": [[-3, 5]]}}, "got [-3, 5]"),
        ("parts", {"parts": {"action": [[0, 9]], "result": [[8, 12]]}}, "apart from each other, got [8, 12]"),
        ("parts", {"parts": {"action": [[1]]}}, "parts.action.0.1: expected this field, got none"),
        ("pairs", {"b": PAIR["a"]}, "b: expected another text than a, got the same"),
        (
            "attacks",
            {"rule": "guess"},
            "rule: expected 'max', 'drop', 'same', 'nogain' or 'pair', got \"guess\"",
        ),
        ("attacks", {"tol": None}, "tol: expected for the rule 'same', got nothing"),
        ("attacks", {"base_answer": None}, "base_answer: expected for the rule 'same', got nothing"),
        ("attacks", {"rule": "max"}, "max_score: expected for the rule 'max', got nothing"),
        ("attacks", {"tol": 11}, "tol: expected less than or equal to 10, got 11"),
        ("interviews", {"config": {}}, "config.job_role: expected this field, got none"),
        ("interviews", {"turns": [INTERVIEW["turns"][1]]}, "turns: expected a main question first"),
        ("interviews", {"turns": INTERVIEW["turns"][1:] * 2}, "turns: expected a main question first"),
        (
            "interviews",
            {"turns": [INTERVIEW["turns"][0] | {"answer": None}]},
            "turn 1 has a score, but no answer",
        ),
        (
            "interviews",
            {"turns": [INTERVIEW["turns"][0] | {"score": 11}]},
            "turns.0.score: expected less than",
        ),
        (
            "interviews",
            {"turns": [INTERVIEW["turns"][0] | {"score": 4.5}]},
            "turns.0.score: expected a valid int",
        ),
    ],
)
def test_what_a_kind_does_not_allow_is_refused(
    tmp_path: Path, kind: Kind, change: dict[str, Any], told: str
) -> None:
    (problem,) = problems(write(tmp_path, READERS[kind][1] | change), kind)
    assert problem.startswith("line 1: ")
    assert told in problem


def test_an_open_question_is_the_last_one(tmp_path: Path) -> None:
    main, follow_up = INTERVIEW["turns"]
    (problem,) = problems(write(tmp_path, INTERVIEW | {"turns": [main, follow_up, main]}), "interviews")
    assert "expected an answer in turn 2" in problem


def test_an_id_stands_for_one_row(tmp_path: Path) -> None:
    (problem,) = problems(write(tmp_path, ANSWER, ANSWER | {"id": "b"}, ANSWER))
    assert problem == "line 3: id: expected each id once, got 'a1' of line 1 again"


def test_every_bad_line_is_named_up_to_a_screenful(tmp_path: Path) -> None:
    lines = problems(write(tmp_path, *["{"] * 50, ANSWER))
    assert [line.split(":")[0] for line in lines[:-1]] == [f"line {n}" for n in range(1, 21)]
    assert lines[-1] == "and 30 more"


def test_a_file_without_rows_and_one_that_is_not_utf8_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected at least one row"):
        read_answers(write(tmp_path, ""))
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps(ANSWER).encode() + b'\n{"id": "\xe4"}\n')
    assert problems(path) == ["line 2: expected UTF-8, got other bytes from byte 9; save the file as UTF-8"]
    with pytest.raises(FileNotFoundError):
        read_answers(tmp_path / "missing.jsonl")


def test_fields_that_nobody_reads_are_passed_over(tmp_path: Path) -> None:
    (row,) = read_answers(
        write(tmp_path, ANSWER | {"dataset": "mine", "Comment": 5, "meta": {"role": "Nurse"}})
    )
    assert row.meta == {"role": "Nurse"}


def test_columns_are_mapped_to_fields(tmp_path: Path) -> None:
    mine = {
        "nr": 7,
        "prompt": "Why?",
        "response": "So.",
        "gold": "Because.",
        "answer": "not this",
        "mark": 0.5,
    }
    columns = parse_columns("id=nr, question=prompt,answer=response,reference_answer=gold,human_score=mark")
    (row,) = read_answers(write(tmp_path, mine), columns)
    assert row == AnswerRow("7", "Why?", "Why?", "So.", "Because.", (), 0.5)
    with pytest.raises(DatasetError, match="line 1: answer: expected the column 'reply', got nr, prompt"):
        read_answers(write(tmp_path, mine), columns | {"answer": "reply"})
    with pytest.raises(DatasetError, match=r"expected one of id, question_id, .*, got 'text'"):
        read_answers(write(tmp_path, mine), {"text": "response"})


@pytest.mark.parametrize("text", ["", "answer", "answer=", "=x", "answer=a,answer=b", "answer=a,,"])
def test_a_mapping_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="--columns: "):
        parse_columns(text)


def test_csv_is_read_like_json(tmp_path: Path) -> None:
    lines = (
        "id,question,answer,key_points,human_score,graders,meta,more",
        '1,Why?,"So, ""they"" say","[""It is needed""]",0.5,0.25; 0.75,,x',
        "2,Why?,,It is needed,,,,",
        '3,Why?,"two',
        'lines","It is needed',
        "",
        'And used",,1,"{""role"": ""Nurse""}",',
    )
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    one, two, three = read_answers(path)
    assert (one.answer, one.key_points, one.human_score, one.graders) == (
        'So, "they" say',
        ("It is needed",),
        0.5,
        (0.25, 0.75),
    )
    assert (two.answer, two.human_score, two.meta) == ("", None, {})
    assert three.answer.split() == ["two", "lines"]
    assert (three.key_points, three.human_score) == (("It is needed", "And used"), 1.0)
    assert three.meta == {"role": "Nurse"}


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_the_header_tells_what_divides_the_columns(tmp_path: Path, delimiter: str) -> None:
    rows = ["id,question,answer,reference_answer", "1,Why?,So.,Because."]
    path = write(tmp_path, *(row.replace(",", delimiter) for row in rows), name="rows.csv")
    assert read_answers(path)[0].reference_answer == "Because."


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["1,Why?,So."], "line 2: expected 4 columns as in the header, got 3"),
        (['1,Why?,"a\nb",x', "2,Why?,So.,,"], "line 4: expected 4 columns as in the header, got 5"),
        (['1,Why?,"So.,x', "2,Why?,So.,x"], "line 2: expected CSV"),
        (["1,Why?,So.,x", '2,Why?,"So."s,x'], "line 3: expected CSV"),
        (["1,Why?,So.,"], "line 2: expected reference_answer or key_points, got neither"),
    ],
)
def test_a_bad_row_of_csv_is_named_by_the_line_it_begins_on(
    tmp_path: Path, rows: list[str], told: str
) -> None:
    (problem,) = problems(write(tmp_path, "id,question,answer,reference_answer", *rows, name="rows.csv"))
    assert problem.startswith(told)


@pytest.mark.parametrize(
    ("header", "cell", "told"),
    [
        ("human_score", "good", "line 2: human_score: expected a valid number, unable to parse"),
        ("human_score", "3", "line 2: human_score: expected less than or equal to 1"),
        ("graders", '"0,5"', "line 2: graders: expected numbers from 0 to 1"),
        ("meta", "nurse", 'line 2: meta: expected JSON, got "nurse"'),
        ("meta", "[]", "line 2: meta: expected an object, got a list of 0"),
    ],
)
def test_a_bad_cell_is_named(tmp_path: Path, header: str, cell: str, told: str) -> None:
    path = write(
        tmp_path, f"id,question,answer,reference_answer,{header}", f"1,Why?,So.,x,{cell}", name="rows.csv"
    )
    (problem,) = problems(path)
    assert problem.startswith(told)


def test_a_csv_of_other_bytes_or_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("id,question,answer,reference_answer\n1,Why?,Weil es so ist.,Für\n".encode("latin-1"))
    assert problems(path) == ["line 2: expected UTF-8, got other bytes; save the file as UTF-8"]
    path.write_text("id,question,answer,answer\n1,Why?,So.,x\n")
    assert problems(path) == ["line 1: expected each column once, got id, question, answer, answer"]


def test_a_structure_fits_into_a_cell(tmp_path: Path) -> None:
    def cell(value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return '"' + text.replace('"', '""') + '"'

    for kind, (read, given) in READERS.items():
        header, row = ",".join(given), ",".join(cell(value) for value in given.values())
        from_csv = read(write(tmp_path, header, row, name=f"{kind}.csv"))
        assert from_csv == read(write(tmp_path, given))


def test_the_shipped_answers_cover_many_roles_questions_and_levels() -> None:
    rows = read_answers(shipped("answers"))
    assert len(rows) >= 150
    assert len({row.question_id for row in rows}) >= 30
    assert len({row.meta["role"] for row in rows}) >= 10
    levels = Counter(row.meta["level"] for row in rows)
    assert set(levels) == {"strong", "partial", "thin", "vague", "wrong"}
    assert min(levels.values()) >= 15
    asked = {question.source for question in all_questions(load_bank())}
    for row in rows:
        assert row.meta["why"]
        assert row.graders == ()  # nobody rated them, their author meant them to be of a level
        assert row.question_id in asked


def test_the_level_of_a_shipped_answer_agrees_with_what_it_is_meant_to_be_worth() -> None:
    worth = {
        "strong": (0.9, 1),
        "partial": (0.4, 0.6),
        "thin": (0.2, 0.3),
        "vague": (0, 0.15),
        "wrong": (0, 0.15),
    }
    for row in read_answers(shipped("answers")):
        low, high = worth[row.meta["level"]]
        assert row.human_score is not None
        assert low <= row.human_score <= high, row.id


def test_the_shipped_stories_are_marked_from_end_to_end() -> None:
    rows = [row for row in read_parts(shipped("parts")) if not row.id.startswith("none-")]
    assert {row.framework for row in rows} == set(FRAMEWORKS)
    assert len(rows) >= 150
    for row in rows:
        assert set(row.parts) == set(FRAMEWORKS[row.framework]), row.id
        marked = set().union(*(range(a, b) for spans in row.parts.values() for a, b in spans))
        left = [c for place, c in enumerate(row.answer) if place not in marked]
        assert len("".join(left).split()) <= 0.3 * len(row.answer.split()), row.id
        for spans in row.parts.values():
            for start, end in spans:
                assert row.answer[start:end] == row.answer[start:end].strip(), row.id


def test_the_shipped_attacks_are_of_many_kinds_over_many_questions() -> None:
    rows = read_attacks(shipped("attacks"))
    assert len(rows) >= 300
    assert len({row.kind for row in rows}) >= 30
    assert len({row.question for row in rows}) >= 20
    assert {row.rule for row in rows} == {"max", "drop", "same", "nogain", "pair"}
    assert len({row.answer for row in rows if "injection" in row.kind}) >= 60
    assert len({row.meta["language"] for row in rows if "language" in row.meta}) >= 10
    assert len({(row.question, row.answer) for row in rows}) == len(rows)


def test_the_shipped_attacks_start_from_shipped_answers() -> None:
    answers = {row.id: row for row in read_answers(shipped("answers"))}
    questions = {row.question_id: row for row in answers.values()}
    for row in read_attacks(shipped("attacks")):
        asked = questions[row.meta["question_id"]]
        assert (row.question, row.key_points) == (asked.question, asked.key_points)
        if row.base_answer is not None:
            assert row.base_answer == answers[row.meta["base"]].answer


def test_the_shipped_pairs_name_many_groups_over_many_roles() -> None:
    rows = read_pairs(shipped("pairs"))
    assert len(rows) >= 120
    assert len({row.attribute for row in rows}) >= 10
    assert min(Counter((row.attribute, row.group) for row in rows).values()) >= 4
    assert len({row.meta["role"] for row in rows}) >= 10
    assert sum(row.attribute == "name" for row in rows) >= 40
    for row in rows:
        assert len(row.b.split()) <= 1.25 * len(row.a.split()), row.id


def test_the_shipped_interviews_are_of_many_kinds() -> None:
    rows = read_interviews(shipped("interviews"))
    assert len(rows) >= 12
    assert len({row.config.job_role for row in rows}) >= 8
    assert len({row.config.experience_level for row in rows}) >= 3
    assert {row.config.interview_type for row in rows} == {
        "technical",
        "behavioral",
        "system_design",
        "mixed",
    }
    assert min(len(row.turns) for row in rows) <= 3
    assert max(len(row.turns) for row in rows) >= 12
    assert any(turn.kind == "follow_up" for row in rows for turn in row.turns)
    assert any("declined" in row.meta["ended_because"] for row in rows)
    left = [row for row in rows if "client ended" in row.meta["ended_because"]]
    assert left
    assert all(row.turns[-1].answer is None for row in left)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_manual_describes_every_field(kind: Kind) -> None:
    manual = (Path(__file__).parent.parent / "docs" / "evals.md").read_text()
    section = manual.split(f"\n### {kind}\n")[1].split("\n#")[0]
    general = manual.split("\n### Reading\n")[1].split("\n### answers\n")[0]
    (row, *_) = READERS[kind][0](shipped(kind))
    for name in type(row).__dataclass_fields__:
        assert f"`{name}`" in section or f"| `{name}` |" in general, name
    assert str(len(READERS[kind][0](shipped(kind)))) in manual.split("\n### Reading\n")[0]
