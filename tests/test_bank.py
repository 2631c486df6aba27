"""The question bank that is shipped keeps its format, and its reader refuses one that does not."""

from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from agent.interview import DIFFICULTIES, QuestionDraft, fold
from agent.offline.bank import BANK_FILES, Bank, all_questions, fill, load_bank, name_words, read_bank
from agent.offline.bank_files import BankError, Shelf
from agent.offline.grading.scoring import grade_answer
from agent.offline.selection import content_words

BANK = load_bank()
QUESTIONS = list(all_questions(BANK))
LONGEST_QUESTION = 45  # words


def ids(questions: list[QuestionDraft]) -> list[str]:
    return [question.source for question in questions]


def test_every_question_has_four_to_six_key_points() -> None:
    wrong = [q for q in QUESTIONS if not 4 <= len(q.rubric.key_points) <= 6]
    assert ids(wrong) == []


def test_every_key_point_has_signals_and_a_probe() -> None:
    for question in QUESTIONS:
        for point in question.rubric.key_points:
            assert 5 <= len(point.signals) <= 30, (question.source, point.point)
            assert len(set(point.signals)) == len(point.signals), (question.source, point.point)
            assert point.probe.endswith("?"), (question.source, point.probe)


def test_every_question_has_anchors_for_low_middle_and_high() -> None:
    for question in QUESTIONS:
        anchors = {question.rubric.low, question.rubric.middle, question.rubric.high}
        assert all(anchor.strip() for anchor in anchors), question.source
        assert len(anchors) == 3, question.source


def test_questions_are_short_enough_to_be_spoken() -> None:
    assert ids([q for q in QUESTIONS if len(q.text.split()) > LONGEST_QUESTION]) == []


def test_ids_and_texts_are_unique() -> None:
    for values in (ids(QUESTIONS), [fold(q.text) for q in QUESTIONS]):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_no_two_questions_share_most_of_their_words() -> None:
    words = [(question.source, content_words(question.text)) for question in QUESTIONS]
    alike = [(a, b) for (a, one), (b, two) in combinations(words, 2) if len(one & two) > 0.7 * len(one | two)]
    assert alike == []


def test_no_probe_is_used_twice_or_asked_as_a_question() -> None:
    texts = [fold(point.probe) for question in QUESTIONS for point in question.rubric.key_points]
    texts += [fold(question.text) for question in QUESTIONS]
    assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_at_least_25_skills_have_six_questions_over_three_difficulties() -> None:
    complete = [
        shelf.name
        for shelf in BANK.skills
        if len(shelf.questions) >= 6 and {q.difficulty for q in shelf.questions} == set(DIFFICULTIES)
    ]
    assert len(complete) >= 25
    assert len(complete) == len(BANK.skills)


def test_there_are_enough_behavioral_and_system_design_questions() -> None:
    assert len(BANK.behavioral) >= 30
    assert len(BANK.system_design) >= 12
    for questions in (BANK.behavioral, BANK.system_design):
        assert {question.difficulty for question in questions} == set(DIFFICULTIES)


def test_only_generic_questions_hold_placeholders() -> None:
    filled = [fill(question, skill="Fortran", role="Carpenter") for question in BANK.generic]
    for question in (*filled, *(q for q in QUESTIONS if q not in BANK.generic)):
        texts = [question.text, question.competency, question.rubric.low, question.rubric.high]
        texts += [text for point in question.rubric.key_points for text in (point.point, point.probe)]
        assert not any("{" in text for text in texts), question.source


def test_every_technical_title_stands_for_skills_that_the_bank_has() -> None:
    names = {shelf.name for shelf in BANK.skills}
    for role in BANK.roles:
        assert set(role.skills) <= names, role.name
        assert bool(role.skills) != bool(role.questions), role.name


@pytest.mark.parametrize("shelves", [BANK.skills, BANK.roles], ids=["skills", "roles"])
def test_no_name_or_alias_means_two_things(shelves: tuple[Shelf, ...]) -> None:
    owners: dict[str, set[str]] = {}
    for shelf in shelves:
        for name in (shelf.name, *shelf.aliases):
            owners.setdefault("".join(name_words(name)), set()).add(shelf.name)
    assert {name: owner for name, owner in owners.items() if len(owner) > 1} == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("React.js", "React"),
        ("REACTJS", "React"),
        ("Postgres", "Databases"),
        ("PostgreSQL performance tuning", "Databases"),
        ("Golang", "Go"),
        ("Go 1.22", "Go"),
        ("Java", "Java"),
        ("Java 17", "Java"),
        ("JavaScript", "JavaScript"),
        ("Java Script", "JavaScript"),
        ("advanced Python programming", "Python"),
        ("c++", "C++"),
        ("C#", "C#"),
        ("k8s", "Kubernetes"),
        ("AWS Lambda", "AWS"),
        ("node", "Node.js"),
    ],
)
def test_a_skill_is_found_by_the_names_people_write(text: str, name: str) -> None:
    shelf = BANK.find_skill(text)
    assert shelf is not None
    assert shelf.name == name


@pytest.mark.parametrize(
    "text", ["Fortran", "go-to-market strategy", "R and D", "", "...", "Patient care", "C"]
)
def test_an_unknown_skill_is_not_taken_for_another(text: str) -> None:
    assert BANK.find_skill(text) is None


@pytest.mark.parametrize("text", ["Networking", "Security patrols", "Transformers", "Logging", "go", "Swift"])
def test_outside_technical_jobs_an_everyday_word_is_no_technology(text: str) -> None:
    assert BANK.find_skill(text) is not None
    assert BANK.find_skill(text, is_technical=False) is None


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Senior Backend Engineer (Payments)", "Backend Engineer"),
        ("back-end developer", "Backend Engineer"),
        ("Full-stack dev", "Full Stack Engineer"),
        ("Registered Nurse, night shift", "Nurse"),
        ("Java Developer", "Java Developer"),
        ("Staff ML Engineer II", "Machine Learning Engineer"),
        ("TEACHER OF MATHEMATICS", "Teacher"),
        ("Sales Engineer", "Solutions Architect"),
    ],
)
def test_a_role_is_the_longest_name_in_the_title(title: str, name: str) -> None:
    role = BANK.find_role(title)
    assert role is not None
    assert role.name == name


@pytest.mark.parametrize("title", ["Carpenter", "Security Guard", "Landscape Architect", "¯\\_(ツ)_/¯"])
def test_an_unknown_role_is_not_taken_for_another(title: str) -> None:
    assert BANK.find_role(title) is None


def test_templates_take_the_clients_wording_to_the_letter() -> None:
    question = fill(next(q for q in BANK.generic if "{skill}" in q.text), skill="COBOL {role}", role="Banker")
    assert "COBOL {role}" in question.text
    assert question.rubric.version == "1"


def copy_bank(to: Path) -> Path:
    """A bank of one file of each kind, cut from the real one."""
    kept = ("skills/python.toml", "roles/nurse.toml", "roles.toml")
    for name in (*kept, "behavioral.toml", "system-design.toml", "generic.toml"):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_text((BANK_FILES / name).read_text(encoding="utf-8"), encoding="utf-8")
    return to


def test_a_directory_in_the_format_is_read(tmp_path: Path) -> None:
    bank = read_bank(copy_bank(tmp_path))
    assert isinstance(bank, Bank)
    assert [shelf.name for shelf in bank.skills] == ["Python"]


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ('difficulty = "beginner"', 'difficulty = "easy"', "python-list-tuple: expected difficulty"),
        ("competency = ", "competence = ", "python-list-tuple: missing competency"),
        ('difficulty = "beginner"', 'difficulty = "beginner"\nlevel = 1', "python-list-tuple: unknown level"),
        ("probe = ", "prob = ", "python-list-tuple, key point: missing probe"),
        ("signals = [", "signals = [7, ", "python-list-tuple, signals: expected a text, got 7"),
        ('skill = "Python"', 'skill = ""', "python.toml, skill: expected a text, got ''"),
        ('skill = "Python"', "skill =", "python.toml: expected a readable TOML file"),
        ('id = "python-exceptions"', 'id = "python-list-tuple"', "python-list-tuple: the id is used twice"),
    ],
)
def test_a_malformed_file_is_named_with_its_question(tmp_path: Path, old: str, new: str, fact: str) -> None:
    path = copy_bank(tmp_path) / "skills" / "python.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BankError) as caught:
        read_bank(tmp_path)
    assert fact in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (copy_bank(tmp_path) / "generic.toml").unlink()
    with pytest.raises(BankError, match=r"generic\.toml"):
        read_bank(tmp_path)


@pytest.mark.parametrize("refusal", ["I don't know.", "No idea, sorry.", "I'd rather skip this one."])
def test_a_refusal_declines_whatever_the_question_is_about(refusal: str) -> None:
    for question in QUESTIONS:
        grade = grade_answer(question.text, question.rubric.key_points, refusal)
        assert (grade.declined, grade.score) == (True, 0), question.source


def test_a_point_said_in_its_own_words_is_made_however_short_the_answer() -> None:
    points = [point for question in QUESTIONS[::5] for point in question.rubric.key_points]
    grades = [grade_answer(point.probe, [point], point.point + ".") for point in points]
    missed = [grade.points[0].point for grade in grades if grade.points[0].evidence is None]
    assert len(missed) <= len(points) / 100, missed
