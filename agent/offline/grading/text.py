"""Text as the offline grader reads it: words with their stems, whether they are denied, and where they stand.

Everything that should not change a grade is levelled here: case, accents, look-alike letters, invisible
characters, hesitations and contractions. Every word keeps its place in the text as it was written, so that
a quote can be cut out of the original verbatim.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from snowballstemmer.english_stemmer import EnglishStemmer  # type: ignore[import-untyped]

from agent.offline.grading.grammar import (
    CONTRACTED,
    HESITATIONS,
    LOOK_ALIKES,
    SPELT_OUT,
    ordered_words,
    word_list,
)

LONGEST_WORD = 40
NEGATION_REACH = 9

_STOP_WORDS = word_list("stop_words")
DIRECTIONS = word_list("telling")
_ARTICLES = word_list("articles")
_NEGATORS = word_list("negators")
_AFFIRMED_BY = word_list("affirmed_by")
_DENIALS = word_list("denials")
_CLAUSE_ENDS = word_list("clause_ends")
_OPENERS = word_list("openers")
_NUMBERS = {word: str(n) for n, word in enumerate(ordered_words("numbers"))}
_HESITATION = re.compile(rf"\b(?:{'|'.join(HESITATIONS)})(?=[\s,.!?;:]|$),?")

_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀ-Ž][\w'’.-]*"
_LINK = r"(?:of|the|de|da|dos|del|van|von|bin|al|el|la|and|for|at) +"
_NAME = rf"(?-i:{_CAPITAL}(?:[ -]+(?:{_LINK})*{_CAPITAL}){{0,6}})"
_SCHOOL = (
    rf"(?-i:(?:{_CAPITAL} +){{0,4}}(?:University|College|Institute|School|Academy|Polytechnic|Bootcamp)"
    rf"(?: (?:of|at|for|in) {_CAPITAL}(?: +{_CAPITAL}){{0,3}})?)"
)
_SOMEBODY = re.compile(
    rf"\b(?:my name is|my name['’]s|i am called|(?:people )?call me|hi|hello|i am|i['’]m)[ ,]+{_NAME}"
    rf"(?: here)?(?=[,.;!\n]|$| and )[,.]?"
    rf"|\b(?:as |like |what |which |that )?(?:i|we) (?:\w+ )?"
    rf"(?:learn\w*|studied|(?:was|were) taught|graduated|trained)\b"
    rf"[^.,;\n]{{0,40}}?\b(?:at|from) (?:the )?{_NAME},?"
    rf"|\b(?:at|from|of|in|with) (?:the )?{_SCHOOL},?"
    rf"|\b(?:mr|mrs|ms|mx|dr|prof|professor)\.? {_NAME}",
    re.IGNORECASE,
)
_DECIMAL = re.compile(r"\d+\.\d+")
_SYMBOL = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:'[^\W_]+)*|[.!?;:,()\n]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as parallel columns, one row a word.

    `starts` and `ends` are offsets into the original text; `sentences` numbers the sentence a word is in;
    `denied` tells whether an odd number of negations reach the word; `listed` whether a mark or
    line end stands before it; `capital` whether it has a capital letter for no such reason.
    """

    text: str
    forms: list[str]
    stems: list[str]
    starts: list[int]
    ends: list[int]
    sentences: list[int]
    denied: list[bool]
    listed: list[bool]
    capital: list[bool]
    negators: int
    denials: int

    def __len__(self) -> int:
        return len(self.forms)


def is_content(form: str) -> bool:
    """Whether a folded word is a content word."""
    return form in DIRECTIONS or form not in _STOP_WORDS


def content_stems(text: str) -> list[str]:
    """The stems of the content words, in order."""
    reading = read(text)
    return [stem for form, stem in zip(reading.forms, reading.stems, strict=True) if is_content(form)]


@lru_cache(maxsize=1 << 16)
def stem(form: str) -> str:
    """The stem of a folded word; a final s or e never makes a difference.

    Porter's English stemmer (the Snowball revision) leaves `address` and `addres`, or `process` and
    `processe`, apart; learners of English write both, so the plural s goes first and the rest last.
    """
    if form[0].isdigit():
        return _level_figure(form)
    if len(form) < 4:
        return _NUMBERS.get(form, form)
    with _stemming:
        found: str = _stemmer.stemWord(form[:LONGEST_WORD].rstrip("s"))
    return found.rstrip("se") or found or "s"


def _level_figure(form: str) -> str:
    """A figure in one of its spellings: `100.00` is 100, and `0x0f0` and `07` go without what leads them."""
    plain = form.removeprefix("0x")
    if _DECIMAL.fullmatch(plain):
        plain = plain.rstrip("0").rstrip(".")
    plain = plain.lstrip("0")
    return plain if plain[:1].isalnum() else f"0{plain}"


_stemmer = EnglishStemmer()
_stemming = Lock()  # a stemmer keeps the word it works on in itself


def fold(text: str) -> tuple[str, list[int] | None]:
    """The text levelled, and for each of its characters the offset in the original.

    For plain ASCII the offsets are the same and no list is made.
    """
    if text.isascii():
        return text.lower(), None
    folded: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        levelled = _fold_character(character)
        folded.append(levelled)
        offsets.extend([offset] * len(levelled))
    return "".join(folded), offsets


@lru_cache(maxsize=1 << 14)
def _fold_character(character: str) -> str:
    if character in "\u2018\u2019\u02bc\u00b4`":
        return "'"
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me", "Cc") and character not in "\n\t\r":
        return ""
    plain = [c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) != "Mn"]
    return "".join(SPELT_OUT.get(c) or LOOK_ALIKES.get(c) or c.casefold() for c in plain)


def read(text: str) -> Reading:
    """The text as words. Takes time proportional to its length."""
    mixed = not text.isupper()
    folded, offsets = fold(_SOMEBODY.sub(_blank, text) if mixed else text)
    folded = _HESITATION.sub(_blank, folded)
    reading = Reading(text, [], [], [], [], [], [], [], [], 0, 0)
    sentence, listed, breaks = 0, True, set[int]()
    for match in _SYMBOL.finditer(folded):
        symbol = match[0]
        if not symbol[0].isalnum():
            sentence += _ends_sentence(symbol, folded, match.span())
            listed = True
            breaks.add(len(reading.forms))
            continue
        start, end = match.span()
        if offsets is not None:
            start, end = offsets[start], offsets[end - 1] + 1
        capital = mixed and text[start].isupper()
        sentence += capital and not listed and symbol in _OPENERS
        for form in _expand(symbol):
            if form in _ARTICLES:
                continue
            reading.forms.append(form)
            reading.stems.append(stem(form))
            reading.starts.append(start)
            reading.ends.append(end)
            reading.sentences.append(sentence)
            reading.listed.append(listed)
            reading.capital.append(capital and not listed)
            listed = False
    return _with_denials(reading, breaks)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _ends_sentence(mark: str, folded: str, span: tuple[int, int]) -> bool:
    """A full stop ends a sentence before white space only and not after a single letter: 2.5 and `e.g.`
    stay whole.
    """
    start, end = span
    if mark[0] in "!?\n;" or "\n" in mark:
        return True
    abbreviates = start >= 2 and folded[start - 1].isalpha() and not folded[start - 2].isalnum()
    return "." in mark and not abbreviates and (end >= len(folded) or folded[end].isspace() or len(mark) > 1)


def _expand(symbol: str) -> Iterator[str]:
    """`isn't` as `is`, `not`; `it's` as `it`; numbers up to ten as digits."""
    whole = CONTRACTED.get(symbol)
    if whole is not None:
        yield from whole.split()
    elif symbol.endswith("n't"):
        yield symbol[:-3]
        yield "not"
    else:
        form = symbol.split("'", maxsplit=1)[0] if "'" in symbol else symbol
        yield _NUMBERS.get(form, form)


def _with_denials(reading: Reading, breaks: set[int]) -> Reading:
    """Mark the words that negations reach: up to the end of the clause, or of the sentence for a denial."""
    forms, sentences = reading.forms, reading.sentences
    rows = len(forms)
    flips = [0] * (rows + 1)
    negators = denials = 0
    for row, form in enumerate(forms):
        if form in _NEGATORS and not (row + 1 < rows and forms[row + 1] in _AFFIRMED_BY):
            whole = "that" in forms[row + 1 : row + 6] and not breaks.intersection(range(row + 1, row + 6))
        elif form in _DENIALS and ("that" in forms[row + 1 : row + 4] or "say" in forms[row + 1 : row + 4]):
            whole = True
        else:
            continue
        end = _reach(forms, sentences, breaks, row, whole=whole)
        negators += 1
        denials += whole
        flips[row + 1] += 1
        flips[end] -= 1
    depth = 0
    denied = []
    for row in range(rows):
        depth += flips[row]
        denied.append(depth % 2 == 1)
    return Reading(
        reading.text,
        forms,
        reading.stems,
        reading.starts,
        reading.ends,
        sentences,
        denied,
        reading.listed,
        reading.capital,
        negators,
        denials,
    )


def _reach(forms: list[str], sentences: list[int], breaks: set[int], row: int, *, whole: bool) -> int:
    """The row after the last one that the negation at `row` reaches."""
    last = len(forms) if whole else min(len(forms), row + 1 + NEGATION_REACH)
    for ahead in range(row + 1, last):
        if sentences[ahead] != sentences[row]:
            return ahead
        if not whole and ahead > row + 1 and (forms[ahead] in _CLAUSE_ENDS or ahead in breaks):
            return ahead
    return last
