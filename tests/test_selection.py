"""The choice of questions: on the role, at the right difficulty, without repeats, and decided by the seed."""

from collections import Counter

import pytest

from agent.engine import QuestionBrief
from agent.interview import (
    DIFFICULTIES,
    Difficulty,
    Evaluation,
    InterviewConfig,
    InterviewType,
    Provenance,
    Question,
    Turn,
    fold,
    place_question,
    question_budget,
)
from agent.offline.bank import load_bank
from agent.offline.selection import choose_question

BANK = load_bank()

TECHNICAL_ROLES = [
    "Software Engineer", "Backend Engineer", "Frontend Engineer", "Full Stack Engineer", "Web Developer",
    "Mobile Developer", "Android Developer", "iOS Developer", "DevOps Engineer", "Site Reliability Engineer",
    "Platform Engineer", "Cloud Engineer", "Cloud Architect", "Data Engineer", "Data Scientist",
    "Data Analyst", "Machine Learning Engineer", "AI Engineer", "Database Administrator", "Security Engineer",
    "Network Engineer", "Systems Administrator", "QA Engineer", "Embedded Engineer", "Engineering Manager",
]  # fmt: skip
OTHER_ROLES = [
    "Nurse", "Teacher", "Sales Representative", "Electrician", "Accountant", "Product Manager", "UX Designer",
    "HR Manager", "Lawyer", "Truck Driver",
]  # fmt: skip


def interview(
    config: InterviewConfig, seed: int = 1, difficulty: Difficulty = "intermediate"
) -> list[Question]:
    """The main questions of a whole interview at one difficulty."""
    turns: tuple[Turn, ...] = ()
    budget = question_budget(config.duration)
    for number in range(1, budget + 1):
        draft = choose_question(BANK, QuestionBrief(config, seed, number, budget, difficulty, turns))
        turns += (Turn(place_question(draft, turns), "An answer.", Evaluation(5, "", Provenance("offline"))),)
    return [turn.question for turn in turns]


def texts(questions: list[Question]) -> list[str]:
    return [fold(question.text) for question in questions]


def sources_of(role_name: str) -> set[str]:
    """Ids of everything that belongs to the role, or to everybody."""
    role = BANK.find_role(role_name)
    assert role is not None
    shelves = [BANK.find_skill(skill) for skill in role.skills]
    own = [question.source for shelf in (role, *shelves) if shelf for question in shelf.questions]
    common = [question.source for question in (*BANK.behavioral, *BANK.generic)]
    designs = [question.source for question in BANK.system_design] if role.skills else []
    return {*own, *common, *designs}


@pytest.mark.parametrize("role", TECHNICAL_ROLES + OTHER_ROLES)
def test_an_hour_neither_repeats_nor_leaves_the_role(role: str) -> None:
    questions = interview(InterviewConfig(role, duration=60))
    assert len(set(texts(questions))) == 12
    assert len({question.source for question in questions}) == 12
    assert {question.source for question in questions} <= sources_of(role)


@pytest.mark.parametrize(
    "config",
    [
        InterviewConfig("Backend Engineer", "Senior", ("Python",), "mixed", 240),
        InterviewConfig("Backend Engineer", "Senior", (), "system_design", 240),
        InterviewConfig("Nurse", "Junior", (), "technical", 240),
        InterviewConfig("Nurse", "Mid-level", ("Triage",), "behavioral", 240),
        InterviewConfig("Carpenter", "Mid-level", (), "technical", 240),
        InterviewConfig("Carpenter", "Mid-level", ("Joinery", "Roofs", "Stairs"), "mixed", 240),
        InterviewConfig("Quantum Shaman", "???", ("Fortran",), "system_design", 240),
        InterviewConfig("{skill}", "{role}", ("{role}",), "mixed", 240),
    ],
    ids=lambda config: f"{config.job_role} {config.interview_type}",
)
def test_four_hours_hold_48_different_questions(config: InterviewConfig) -> None:
    assert len(set(texts(interview(config)))) == 48


@pytest.mark.parametrize("role", ["Backend Engineer", "Nurse", "Lawyer"])
def test_four_hours_stay_on_the_role(role: str) -> None:
    questions = interview(InterviewConfig(role, duration=240))
    assert {question.source for question in questions} <= sources_of(role)


def test_the_same_seed_asks_the_same_questions() -> None:
    config = InterviewConfig("Data Scientist", skills=("Python", "Statistics"))
    assert texts(interview(config, seed=5)) == texts(interview(config, seed=5))


def test_another_seed_asks_another_list_in_another_order() -> None:
    for config in (InterviewConfig("Backend Engineer", skills=("Python", "SQL")), InterviewConfig("Nurse")):
        lists = {tuple(texts(interview(config, seed=seed))) for seed in range(12)}
        assert len(lists) == 12
        assert len({frozenset(questions) for questions in lists}) > 1
        assert len({questions[0] for questions in lists}) > 1


def test_requested_skills_take_turns() -> None:
    config = InterviewConfig("Backend Engineer", "Senior", ("Go", "Docker", "SQL"), "technical")
    questions = interview(config)
    assert [question.source.split("-")[0] for question in questions] == ["go", "docker", "sql"] * 2


def test_two_names_of_one_skill_count_once() -> None:
    config = InterviewConfig(
        "Frontend Engineer", skills=("React", "React.js", "Docker"), interview_type="technical"
    )
    assert [question.source.split("-")[0] for question in interview(config)] == ["react", "docker"] * 3


def test_another_language_is_not_asked_for_in_its_place() -> None:
    questions = interview(InterviewConfig("Backend Engineer", "Senior", ("Go",), "technical", 120))
    files = Counter(question.source.split("-")[0] for question in questions)
    assert files["go"] >= 6
    assert not {"python", "java", "nodejs", "node"} & files.keys()


def test_a_language_in_the_job_title_comes_first() -> None:
    questions = interview(InterviewConfig("Senior Backend Engineer (Java)", interview_type="technical"))
    assert questions[0].source.startswith("java-")
    assert not [question for question in questions if question.source.startswith("python-")]


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_the_difficulty_is_followed(difficulty: Difficulty) -> None:
    config = InterviewConfig("Backend Engineer", "Senior", ("Python", "SQL", "Docker", "Git"), "mixed", 30)
    assert {question.difficulty for question in interview(config, 3, difficulty)} == {difficulty}


def test_a_difficulty_that_has_run_out_gives_way_to_the_nearest() -> None:
    config = InterviewConfig("Python Developer", skills=("Python",), interview_type="technical", duration=25)
    asked = [question.difficulty for question in interview(config, 1, "advanced")]
    assert asked == sorted(asked, key=DIFFICULTIES.index, reverse=True)
    assert "beginner" not in asked


def test_a_third_of_a_mixed_interview_is_behavioral() -> None:
    for minutes, stories in ((10, 1), (30, 2), (60, 4)):
        kinds = Counter(q.type for q in interview(InterviewConfig("Software Engineer", duration=minutes)))
        assert kinds["behavioral"] == stories


@pytest.mark.parametrize(
    ("config", "designs"),
    [
        (InterviewConfig("Backend Engineer", "Mid-level", duration=30), 1),
        (InterviewConfig("Backend Engineer", "Senior", duration=60), 1),
        (InterviewConfig("Backend Engineer", "Junior", duration=30), 0),
        (InterviewConfig("Backend Engineer", "Senior", duration=25), 0),
        (InterviewConfig("Nurse", "Senior", duration=60), 0),
    ],
    ids=["mid", "an hour", "junior", "short", "nurse"],
)
def test_system_design_is_part_of_a_mixed_interview_where_it_fits(
    config: InterviewConfig, designs: int
) -> None:
    assert sum(question.type == "system_design" for question in interview(config)) == designs


@pytest.mark.parametrize("kind", ["technical", "behavioral", "system_design"])
def test_an_interview_of_one_kind_keeps_to_it(kind: InterviewType) -> None:
    config = InterviewConfig("Backend Engineer", skills=("Python", "SQL"), interview_type=kind, duration=60)
    assert {question.type for question in interview(config)} == {kind}


def test_a_profession_without_systems_is_asked_to_plan_its_own_work() -> None:
    questions = interview(InterviewConfig("Nurse", interview_type="system_design", duration=15))
    assert {question.source for question in questions} <= sources_of("Nurse")
    assert "behavioral" not in {question.type for question in questions}


def test_an_unknown_skill_is_asked_about_in_the_clients_words() -> None:
    config = InterviewConfig("Carpenter", skills=("Dry-Stone walling",), interview_type="technical")
    questions = interview(config)
    assert all("Dry-Stone walling" in question.text for question in questions[:4])


def test_an_unknown_role_without_skills_is_asked_about_itself() -> None:
    questions = interview(InterviewConfig("Lighthouse Keeper", interview_type="technical", duration=20))
    generic = {question.source for question in BANK.generic}
    assert {question.source for question in questions} <= generic


def test_a_guard_is_not_asked_about_the_security_of_computers() -> None:
    config = InterviewConfig("Security Guard", "Senior", ("Security", "Patrols"), "mixed", 60)
    generic = {question.source for question in (*BANK.generic, *BANK.behavioral)}
    assert {question.source for question in interview(config)} <= generic
