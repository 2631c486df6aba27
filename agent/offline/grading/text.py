"""Text as the offline grader reads it: words with their stems, whether they are denied, and where they stand.

Everything that should not change a grade is levelled here: case, accents, look-alike letters, invisible
characters, hesitations and contractions. Every word keeps its place in the text as it was written, so that
a quote can be cut out of the original verbatim.
"""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, compress
from threading import Lock

from Stemmer import Stemmer  # type: ignore[import-not-found]  # compiled, without types

from agent.offline.grading.grammar import (
    CONTRACTED,
    HESITATIONS,
    LOOK_ALIKES,
    SPELT_OUT,
    ordered_words,
    word_list,
)

LONGEST_WORD = 40
# What stands for any name: no word of a text is spelt like this.
NAME = "<name>"
SHORT_NAME = 3
NEGATION_REACH = 9

_STOP_WORDS = word_list("stop_words")
DIRECTIONS = word_list("telling")
_ARTICLES = word_list("articles")
_NEGATORS = word_list("negators")
_AFFIRMED_BY = word_list("affirmed_by")
_DENIALS = word_list("denials")
_DENYING = _NEGATORS | _DENIALS
_CLAUSE_ENDS = word_list("clause_ends")
_OPENERS = word_list("openers")
_LINKS = word_list("name_links")
_NUMBERS = {word: str(n) for n, word in enumerate(ordered_words("numbers"))}
_TENS = {word: str(n) for n, word in enumerate(ordered_words("tens"), start=2)}
_UNITS = frozenset(ordered_words("numbers")[1:10])
_HESITATION = re.compile(rf"\b(?:{'|'.join(HESITATIONS)})(?=[\s,.!?;:]|$),?")

# Any letter but a small Latin one, for names are written in other scripts and with their own marks.
_CAPITAL = r"[^\W\d_a-zß-ÿ][\w\u0300-\u036f'’.-]*"
_LINK = r"(?:of|the|de|da|dos|del|van|von|bin|al|el|la|and|for|at) +"
_NAME = rf"(?-i:{_CAPITAL}(?:[ -]+(?:{_LINK})*{_CAPITAL}){{0,6}})"
_SCHOOL = (
    rf"(?-i:(?:{_CAPITAL} +){{0,4}}(?:University|College|Institute|School|Academy|Polytechnic|Bootcamp)"
    rf"(?: (?:of|at|for|in) {_CAPITAL}(?: +{_CAPITAL}){{0,3}})?)"
)
# Nothing is tried but at the first letter of a word with which one of the ways begins.
_SOMEBODY = re.compile(
    rf"\b(?=[acdfhilmoptw])(?:"
    rf"(?:my name is|my name['’]s|i am called|(?:people )?call me|hi|hello|i am|i['’]m)[ ,]+{_NAME}"
    rf"(?: here)?(?=[,.;!\n]|$| and )[,.]?"
    rf"|(?:as |like |what |which |that )?(?:i|we) (?:\w+ )?"
    rf"(?:learn\w*|studied|(?:was|were) taught|graduated|trained)\b"
    rf"[^.,;\n]{{0,40}}?\b(?:at|from) (?:the )?{_NAME},?"
    rf"|(?:at|from|of|in|with) (?:the )?{_SCHOOL},?"
    rf"|(?:mr|mrs|ms|mx|dr|prof|professor)\.? {_NAME})",
    re.IGNORECASE,
)
_DECIMAL = re.compile(r"\d+\.\d+")
_SYMBOL = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:'[^\W_]+)*|[.!?;:,()\n]+")


# A word as read: its form, its stem, whether it is a content word, where it starts and ends in the text, the
# number of its sentence, and whether a mark stands before it.
Word = tuple[str, str, bool, int, int, int, bool]


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as parallel columns, one row a word.

    `content` tells which are content words; `starts` and `ends` are offsets into the original text;
    `sentences` numbers the sentence a word is in; `denied` tells whether an odd number of negations reach
    the word; `listed` whether a mark or line end stands before it.
    """

    text: str
    forms: list[str]
    stems: list[str]
    content: list[bool]
    starts: list[int]
    ends: list[int]
    sentences: list[int]
    listed: list[bool]
    denied: list[bool]
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
    return list(compress(reading.stems, reading.content))


@lru_cache(maxsize=1 << 16)
def stem(form: str) -> str:
    """The stem of a folded word; a final s or e never makes a difference.

    Porter's English stemmer (the Snowball revision) leaves `address` and `addres`, or `process` and
    `processe`, apart; learners of English write both, so the plural s goes first and the rest last.
    """
    if form[0].isdigit():
        return _level_figure(form)
    if form == NAME:
        return NAME
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


_stemmer = Stemmer("english", 0)  # without its own cache, since stem() has one
_stemming = Lock()  # a stemmer keeps the word it works on in itself


def fold(text: str) -> tuple[str, list[int] | None]:
    """The text levelled, and for each of its characters the offset in the original.

    Where every character stays one, the offsets are the same and no list is made.
    """
    if text.isascii():
        return text.lower(), None
    levelled = list(map(_fold_character, text))
    offsets = None
    if any(len(each) != 1 for each in levelled):
        offsets = [offset for offset, each in enumerate(levelled) for _ in each]
    return "".join(levelled), offsets


@lru_cache(maxsize=1 << 14)
def _fold_character(character: str) -> str:
    if character in "\u2018\u2019\u02bc\u00b4`":
        return "'"
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me", "Cc") and character not in "\n\t\r":
        return ""
    plain = [c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) != "Mn"]
    return "".join(SPELT_OUT.get(c) or LOOK_ALIKES.get(c) or c.casefold() for c in plain)


def read(text: str, known: Container[str] | None = None) -> Reading:
    """The text as words. Takes time proportional to its length.

    If the known stems are given, any other word with a capital that opens no sentence is taken for a name.
    All names read alike and are one word however many they have, so that who or where is told of makes no
    difference.
    """
    mixed = not text.isupper()
    folded, offsets = fold(_SOMEBODY.sub(_blank, text) if mixed else text)
    folded = _HESITATION.sub(_blank, folded)
    words: list[Word] = []
    sentence, breaks = 0, set[int]()
    listed, opens, named = True, True, False
    for match in _SYMBOL.finditer(folded):
        symbol = match[0]
        start, end = match.span()
        if not symbol[0].isalnum():
            ends = _ends_sentence(symbol, folded, start, end)
            sentence += ends
            listed = True
            opens = opens or ends or symbol[-1] not in ",(."
            named = named and symbol == "." and not ends
            breaks.add(len(words))
            continue
        if offsets is not None:
            start, end = offsets[start], offsets[end - 1] + 1
        joined = text[start - 1] == "-"
        if joined and symbol in _UNITS and words and words[-1][0] in _TENS:
            _complete_figure(words, symbol, end)
            continue
        named = named and not any(map(str.isalnum, text[words[-1][4] : start]))
        capital = mixed and _is_capital(text[start])
        sentence += capital and not listed and symbol in _OPENERS
        first = False
        if known is not None and (capital or joined):
            if named and _may_go_on(symbol, known):
                _prolong_name(words, end)
                continue
            if capital and not opens and _may_name(symbol, known):
                words.append((NAME, NAME, True, start, end, sentence, listed))
                listed, named = False, True
                continue
            first = capital and _may_begin(symbol, known, opens=opens)
        for form, its_stem, content in _expand(symbol):
            words.append((form, its_stem, content, start, end, sentence, listed))
            listed = False
        named = bool(words) and (first or (named and symbol in _LINKS))
        opens = False
    return _with_denials(text, words, breaks)


def _is_capital(character: str) -> bool:
    """Whether it is a letter that may open a name: a capital, or one of a script that has none."""
    return not character.islower() and character.isalpha()


def _complete_figure(words: list[Word], unit: str, end: int) -> None:
    """Make one figure of the last word and this one: `thirty-one` is 31, and says nothing of one."""
    tens, _, content, start, _, sentence, listed = words[-1]
    figure = _TENS[tens] + _NUMBERS[unit]
    words[-1] = (figure, figure, content, start, end, sentence, listed)


def _may_name(symbol: str, known: Container[str]) -> bool:
    """Whether a word with a capital that opens no sentence is a name."""
    word = _plain(symbol)
    return is_content(word) and word not in _NUMBERS and stem(word) not in known


def _plain(symbol: str) -> str:
    """The word without what is contracted with it: `we` of `we're`, but all of `o'brien`."""
    head, _, tail = symbol.partition("'")
    return symbol if len(tail) >= SHORT_NAME else head


def _is_usual(symbol: str) -> bool:
    """Whether a function word may have a capital though no name is near."""
    return symbol in _OPENERS or _plain(symbol) == "i"


def _may_begin(symbol: str, known: Container[str], *, opens: bool) -> bool:
    """Whether a word with a capital may be the first of a name of several words."""
    return _may_name(symbol, known) or not (opens or is_content(_plain(symbol)) or _is_usual(symbol))


def _may_go_on(symbol: str, known: Container[str]) -> bool:
    """Whether a word with a capital right after a name belongs to it: `Kim Do` is one name."""
    return _may_name(symbol, known) or not (is_content(_plain(symbol)) or _is_usual(symbol))


def _prolong_name(words: list[Word], end: int) -> None:
    """Let the last word reach further; what links the parts of a name, as in `Vincent van Gogh`, goes."""
    while len(words) > 1 and words[-1][0] in _LINKS:
        words.pop()
    form, its_stem, content, start, _, sentence, listed = words[-1]
    if not content:
        form = its_stem = NAME
    words[-1] = (form, its_stem, True, start, end, sentence, listed)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _ends_sentence(mark: str, folded: str, start: int, end: int) -> bool:
    """A full stop ends a sentence before white space only and not after a single letter: 2.5 and `e.g.`
    stay whole.
    """
    if mark[0] in "!?\n;" or "\n" in mark:
        return True
    abbreviates = start >= 2 and folded[start - 1].isalpha() and not folded[start - 2].isalnum()
    return "." in mark and not abbreviates and (end >= len(folded) or folded[end].isspace() or len(mark) > 1)


@lru_cache(maxsize=1 << 12)
def _expand(symbol: str) -> tuple[tuple[str, str, bool], ...]:
    """What a symbol is read as: forms with their stems and whether they are content words.

    `isn't` is `is`, `not`; `it's` is `it`; numbers up to ten are digits; articles are not read.
    """
    whole = CONTRACTED.get(symbol)
    if whole is not None:
        forms = whole.split()
    elif symbol.endswith("n't"):
        forms = [symbol[:-3], "not"]
    else:
        form = symbol.split("'", maxsplit=1)[0]
        forms = [_NUMBERS.get(form, form)]
    return tuple((form, stem(form), is_content(form)) for form in forms if form and form not in _ARTICLES)


def _with_denials(text: str, words: list[Word], breaks: set[int]) -> Reading:
    """The reading, with marks at the words that negations reach: up to the end of the clause, or of the
    sentence for a denial.
    """
    columns = zip(*words, strict=True) if words else ((),) * 7
    forms, stems, content, starts, ends, sentences, listed = map(list, columns)
    rows = len(forms)
    flips = [0] * (rows + 1)
    negators = denials = 0
    for row in [row for row, form in enumerate(forms) if form in _DENYING]:
        if forms[row] in _NEGATORS and not (row + 1 < rows and forms[row + 1] in _AFFIRMED_BY):
            whole = "that" in forms[row + 1 : row + 6] and not breaks.intersection(range(row + 1, row + 6))
        elif forms[row] in _DENIALS and not {"that", "say"}.isdisjoint(forms[row + 1 : row + 4]):
            whole = True
        else:
            continue
        end = _reach(forms, sentences, breaks, row, whole=whole)
        negators += 1
        denials += whole
        flips[row + 1] += 1
        flips[end] -= 1
    denied = [depth % 2 == 1 for depth in accumulate(flips[:rows])]
    return Reading(text, forms, stems, content, starts, ends, sentences, listed, denied, negators, denials)


def _reach(forms: list[str], sentences: list[int], breaks: set[int], row: int, *, whole: bool) -> int:
    """The row after the last one that the negation at `row` reaches."""
    last = len(forms) if whole else min(len(forms), row + 1 + NEGATION_REACH)
    for ahead in range(row + 1, last):
        if sentences[ahead] != sentences[row]:
            return ahead
        if not whole and ahead > row + 1 and (forms[ahead] in _CLAUSE_ENDS or ahead in breaks):
            return ahead
    return last
