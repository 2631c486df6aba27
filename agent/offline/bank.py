"""The question bank: TOML files read once, and found again by the words that people use.

The files under `bank/` are data: `skills/*.toml` and `roles/*.toml` hold the questions of one skill or
profession, `roles.toml` the skills that a technical job title stands for, and `behavioral.toml`,
`system-design.toml` and `generic.toml` questions for everybody. A generic question may hold `{skill}` or
`{role}`, which are filled with the client's own wording.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from agent.interview import KeyPoint, QuestionDraft
from agent.offline.bank_files import BankError, Shelf, read_family, read_shelf, read_templates, read_titles

BANK_FILES = Path(__file__).with_name("bank")

# Words around the name of a skill that do not change which skill is meant.
_PADDING = frozenset({
    "advanced", "amazon", "apache", "basic", "basics", "beginner", "coding", "core", "developer",
    "development", "engineering", "experience", "expert", "framework", "fundamentals", "google", "knowledge",
    "lang", "language", "library", "microsoft", "modern", "oracle", "programming", "scripting", "skill",
    "skills", "v", "version",
})  # fmt: skip
# Names that mean something else to a guard, an electrician or a salesperson.
_EVERYDAY = frozenset({
    "agile", "ci", "containers", "experimentation", "go", "kanban", "logging", "manualtesting", "monitoring",
    "networking", "networks", "oracle", "performancetesting", "pipelines", "qa", "qualityassurance", "react",
    "rust", "scrum", "security", "shell", "solid", "swift", "testing", "tracing", "transformers",
})  # fmt: skip
_SHORT_TITLES = {"dev": "developer", "eng": "engineer", "mgr": "manager", "admin": "administrator"}
# A shorter name inside a longer text is more often another word: "go to market", "R and D".
_SHORTEST_NAME_INSIDE = 3


@dataclass(frozen=True, eq=False)
class Bank:
    """All questions. The texts, rubrics and competencies in `generic` may hold `{skill}` and `{role}`."""

    skills: tuple[Shelf, ...]
    roles: tuple[Shelf, ...]
    behavioral: tuple[QuestionDraft, ...]
    system_design: tuple[QuestionDraft, ...]
    generic: tuple[QuestionDraft, ...]
    _skill_names: dict[str, Shelf] = field(init=False, repr=False)
    _role_names: dict[str, Shelf] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_skill_names", _index(self.skills))
        object.__setattr__(self, "_role_names", _index(self.roles))

    def find_skill(self, text: str, *, is_technical: bool = True) -> Shelf | None:
        """The skill that a free text names.

        The whole text counts first, then without padding such as "programming" or a version number, then
        the longest name that the text begins with. "Java" never means JavaScript, and in a job that is not
        technical, "security" or "networking" does not mean that of computers.
        """
        words = name_words(text)
        core = [word for word in words if word not in _PADDING and not word[0].isdigit()]
        heads = [core[:end] for end in range(len(core) - 1, 0, -1)]
        candidates = ["".join(words), "".join(core)]
        candidates += [name for head in heads if len(name := "".join(head)) >= _SHORTEST_NAME_INSIDE]
        known = (name for name in candidates if is_technical or name not in _EVERYDAY)
        return next((self._skill_names[name] for name in known if name in self._skill_names), None)

    def find_role(self, title: str) -> Shelf | None:
        """The role with the longest name inside a free-text job title, and among equals the first."""
        words = name_words(title)
        spelt_out = [_SHORT_TITLES.get(word, word) for word in words]
        found = [run for run in _runs(words) + _runs(spelt_out) if run in self._role_names]
        return self._role_names[max(found, key=len)] if found else None

    def skills_named_in(self, title: str) -> tuple[Shelf, ...]:
        """The skills that a job title mentions, such as Java in "Backend Engineer (Java)"."""
        runs = [run for run in _runs(name_words(title)) if len(run) >= _SHORTEST_NAME_INSIDE]
        return tuple({shelf.name: shelf for run in runs if (shelf := self._skill_names.get(run))}.values())


@cache
def load_bank() -> Bank:
    """The bank that is shipped with the package, read at the first call. Raises `BankError`."""
    return read_bank(BANK_FILES)


def read_bank(root: Path) -> Bank:
    """The bank in a directory; raises `BankError` for anything that the format does not allow."""
    roles = tuple(read_shelf(path, "role") for path in sorted(root.glob("roles/*.toml")))
    bank = Bank(
        skills=tuple(read_shelf(path, "skill") for path in sorted(root.glob("skills/*.toml"))),
        roles=roles + read_titles(root / "roles.toml"),
        behavioral=read_family(root / "behavioral.toml", "behavioral"),
        system_design=read_family(root / "system-design.toml", "system_design"),
        generic=read_templates(root / "generic.toml"),
    )
    seen: set[str] = set()
    for question in all_questions(bank):
        if question.source in seen:
            raise BankError(f"question {question.source}: the id is used twice")
        seen.add(question.source)
    return bank


def all_questions(bank: Bank) -> Iterator[QuestionDraft]:
    """Every question of the bank, templates included."""
    for shelf in (*bank.skills, *bank.roles):
        yield from shelf.questions
    yield from (*bank.behavioral, *bank.system_design, *bank.generic)


def fill(template: QuestionDraft, *, skill: str, role: str) -> QuestionDraft:
    """The template with the client's wording in place of `{skill}` and `{role}`."""

    def put(text: str) -> str:
        # One pass, so that a skill called "{role}" stays what the client wrote.
        return re.sub(r"\{(skill|role)\}", lambda match: skill if match[1] == "skill" else role, text)

    rubric = template.rubric
    points = tuple(
        KeyPoint(put(point.point), tuple(put(signal) for signal in point.signals), put(point.probe))
        for point in rubric.key_points
    )
    return replace(
        template,
        text=put(template.text),
        rubric=replace(
            rubric,
            key_points=points,
            low=put(rubric.low),
            middle=put(rubric.middle),
            high=put(rubric.high),
        ),
        competency=put(template.competency),
    )


def name_words(text: str) -> list[str]:
    """The words of a name as compared: case and punctuation aside, except in `c++`, `c#` and the like."""
    return re.findall(r"\w[\w+#]*", unicodedata.normalize("NFKC", text).casefold())


def _index(shelves: tuple[Shelf, ...]) -> dict[str, Shelf]:
    names: dict[str, Shelf] = {}
    for shelf in shelves:
        for name in (shelf.name, *shelf.aliases):
            names.setdefault("".join(name_words(name)), shelf)
    return names


def _runs(words: list[str]) -> list[str]:
    spans = ((start, end) for start in range(len(words)) for end in range(len(words), start, -1))
    return ["".join(words[start:end]) for start, end in spans]
