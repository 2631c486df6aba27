"""What an interview may ask about: a configuration in terms of the question bank."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import blake2b

from agent.interview import InterviewConfig, QuestionDraft, QuestionType, fold
from agent.offline.bank import Bank, fill, name_words
from agent.offline.bank_files import Shelf

Deck = tuple[QuestionDraft, ...]

# Skills that stand in for each other: whoever names Go is not asked about Java on top.
_RIVALS = frozenset({"C#", "C++", "Go", "Java", "Node.js", "Python", "Rust"})
_SYSTEM_DESIGN = frozenset({"systemdesign", "systemsdesign", "systemarchitecture"})
_JOINING = frozenset({"and", "for", "in", "of", "or", "the", "to", "with"})


@dataclass(frozen=True, slots=True)
class Topic:
    """What the bank holds on one subject; the templates lead where the bank does not know the subject."""

    direct: Deck
    templates: Deck = ()
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Scope:
    """The topics in the order of asking, and what else suits the role; only technical jobs have `designs`."""

    topics: tuple[Topic, ...]
    related: Deck
    role_templates: Deck
    behavioral: Deck
    designs: Deck


def read_scope(bank: Bank, config: InterviewConfig, seed: int) -> Scope:
    """What to ask about: the skills asked for, else those that the title names or the role stands for.

    A profession with questions of its own is a topic too, and has its turn after each skill that the bank
    does not know.
    """
    role = bank.find_role(config.job_role)
    find = partial(bank.find_skill, is_technical=role is not None and bool(role.skills))
    names = _unique(find, config.skills) or _skills_of(bank, role, config.job_role, seed)
    return _lay_out(bank, config.job_role, tuple(names))


@lru_cache(maxsize=64)
def _lay_out(bank: Bank, job_role: str, names: tuple[str, ...]) -> Scope:
    """The scope of all interviews for a job about these subjects."""
    role = bank.find_role(job_role)
    own = role.questions if role else ()
    is_technical = role is not None and bool(role.skills)
    find = partial(bank.find_skill, is_technical=is_technical)
    topics = [_topic(bank, find(name), name, job_role, own) for name in names]
    templates = tuple(_filled(bank, "", job_role))
    if technical := of_type(own, "technical"):
        topics = _with_role(topics, Topic(technical))
    has_designs = is_technical or (role is None and any(find(name) for name in names))
    return Scope(
        topics=tuple(topics) or (Topic((), templates, is_known=False),),
        related=_related(bank, role, names) if role else (),
        role_templates=templates,
        behavioral=of_type(own, "behavioral") + bank.behavioral,
        designs=bank.system_design if has_designs else (),
    )


def of_type(deck: Deck, wanted: QuestionType) -> Deck:
    """The questions of one kind."""
    return tuple(draft for draft in deck if draft.type == wanted)


def shuffled(seed: int, name: str) -> bytes:
    """A place in an order that looks random and is the same on every machine."""
    return blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()


def _unique(find: Callable[[str], Shelf | None], skills: Sequence[str]) -> list[str]:
    """The skills without a second name for the same one, in the client's order and wording."""
    named: dict[str, str] = {}
    for skill in skills:
        shelf = find(skill)
        named.setdefault(shelf.name if shelf else fold(skill), skill)
    return list(named.values())


def _skills_of(bank: Bank, role: Shelf | None, title: str, seed: int) -> list[str]:
    """The skills of a technical job: first those in its title, then the role's as the seed shuffles them."""
    if role is None or not role.skills:
        return []
    named = [shelf.name for shelf in bank.skills_named_in(title)]
    return named + _without_rivals(sorted(role.skills, key=lambda skill: shuffled(seed, skill)), named)


def _without_rivals(skills: Sequence[str], chosen: Sequence[str]) -> list[str]:
    ruled_out = _RIVALS if _RIVALS.intersection(chosen) else frozenset()
    return [skill for skill in skills if skill not in chosen and skill not in ruled_out]


def _with_role(topics: Sequence[Topic], own: Topic) -> list[Topic]:
    turns = [turn for topic in topics for turn in ((topic,) if topic.is_known else (topic, own))]
    return turns if own in turns else [*turns, own]


def _related(bank: Bank, role: Shelf, names: Sequence[str]) -> Deck:
    """What the role is asked about besides the chosen skills."""
    chosen = [shelf.name for name in names if (shelf := bank.find_skill(name))]
    shelves = [bank.find_skill(skill) for skill in _without_rivals(role.skills, chosen)]
    return tuple(draft for shelf in shelves if shelf for draft in shelf.questions)


def _topic(bank: Bank, shelf: Shelf | None, skill: str, job_role: str, own: Deck) -> Topic:
    """The questions on one skill: its shelf, or those of the role and of everybody that measure it."""
    templates = tuple(_filled(bank, skill, job_role))
    if shelf:
        return Topic(shelf.questions, templates)
    if "".join(name_words(skill)) in _SYSTEM_DESIGN:
        return Topic(bank.system_design, templates)
    wanted = set(name_words(skill)) - _JOINING
    matching = (d for d in own + bank.behavioral if wanted and wanted <= set(name_words(d.competency)))
    return Topic(tuple(matching), templates, is_known=False)


def _filled(bank: Bank, skill: str, job_role: str) -> Iterator[QuestionDraft]:
    """The generic questions about the skill, or without one those about the role."""
    for template in bank.generic:
        if ("{skill}" in template.text) == bool(skill):
            yield fill(template, skill=skill, role=job_role)
