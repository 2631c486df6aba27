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

from snowballstemmer.english_stemmer import EnglishStemmer

LONGEST_WORD = 40
NEGATION_REACH = 9

# Letters of other scripts that look like Latin ones; the ASCII letter stands at the same place.
_LOOK_ALIKES = dict(
    zip(
        "асеорхуіјѕһԁԛԝոսօɑɡıοανριυχκωАВСЕНІЈКМОРЅТХУΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aceopxyijshdqwnuoagioavpiuxkwabcehijkmopstxyabezhikmnoptyx",
        strict=True,
    )
)
# Greek letters that technical answers write on purpose.
_SPELT_OUT = {"θ": "theta", "λ": "lambda", "σ": "sigma", "δ": "delta", "µ": "mu", "π": "pi"}

_STOP_WORDS = frozenset(
    """a an the this that these those it its itself he she they him her them his hers their theirs himself herself
    themselves i me my mine myself we us our ours ourselves you your yours yourself who whom whose which what when
    where why how there here is am are was were be been being do does did doing done have has had having will would
    shall should can could may might must ought and or but if then else than so because as until while of at by for
    with about against between into through during before after above below to from up down in out on off over
    under again further once all any both each few more most other some such no nor not only own same too very just
    also s t d m ll ve re however although though since whether within without upon among per via let lets get gets
    got getting thing things something anything really quite rather much many lot lots make makes made making use
    uses used using way ways mean means able like well even still every another yes etc eg ie one kind type sort""".split()
)
# Direction and comparison carry the meaning of many answers, so these count as content all the same.
_TELLING = frozenset("before after above below up down in out on off over under more most same all once both each".split())
_ARTICLES = frozenset("a an the".split())  # many languages have none, so learners leave them out
_NEGATORS = frozenset("not no never none nothing neither nor without hardly cannot nobody nowhere".split())
_AFFIRMED_BY = frozenset("only just merely simply solely matter doubt wonder".split())
_DENIALS = frozenset("false untrue incorrect wrong mistaken myth nonsense disagree".split())
_CLAUSE_ENDS = frozenset("but however although though whereas yet because since unless instead".split())
_NUMBERS = {word: str(n) for n, word in enumerate("zero one two three four five six seven eight nine ten".split())}
_CONTRACTED = {
    "can't": "can not", "won't": "will not", "shan't": "shall not", "ain't": "is not", "cannot": "can not",
    "dont": "do not", "doesnt": "does not", "didnt": "did not", "isnt": "is not", "arent": "are not",
    "wasnt": "was not", "cant": "can not", "wont": "will not", "couldnt": "could not", "shouldnt": "should not",
    "wouldnt": "would not", "hasnt": "has not", "havent": "have not", "werent": "were not", "twice": "2",
    "let's": "let", "y'all": "you", "gonna": "going to", "wanna": "want to", "gotta": "got to", "thats": "that",
}  # fmt: skip
_HESITATION = re.compile(
    r"\b(?:u+m+|u+h+|e+rm*|h+m+|ah+|eh|mm+|you know(?! (?:what|how|why|if|when|where|which|that|the|a)\b)|i mean"
    r"|sort of|kind of|kinda|sorta|basically|actually|literally|honestly|like,|so yeah|you see|let me see"
    r"|let me think|how do i (?:say|put)(?: this| it)?|i guess)(?=[\s,.!?;:]|$),?"
)
_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀ-Ž][\w'’.-]*"
_NAME = rf"(?-i:{_CAPITAL}(?:[ -]+(?:(?:of|the|de|da|dos|del|van|von|bin|al|el|la|and|for|at) +)*{_CAPITAL}){{0,6}})"
_SOMEBODY = re.compile(
    rf"\b(?:my name is|my name's|my names|i am called|people call me|call me|this is|hi|hello|i am|i'm|i’m)[ ,]+{_NAME}"
    rf"(?: here)?(?=[,.;!\n]|$| and )[,.]?"
    rf"|\b(?:as |like |what |which |that )?(?:i|we) (?:\w+ )?(?:learn\w*|studied|was taught|were taught|graduated|read|trained"
    rf"|heard|went)\b[^.,;\n]{{0,40}}?\b(?:at|from|in|by|to) (?:the )?{_NAME},?"
    rf"|\b(?:at|from|of|in|with) (?:the )?(?-i:(?:{_CAPITAL} +){{0,4}}(?:University|College|Institute|School|Academy|Polytechnic|Bootcamp)"
    rf"(?: (?:of|at|for|in) {_CAPITAL}(?: +{_CAPITAL}){{0,3}})?),?"
    rf"|\b(?:mr|mrs|ms|mx|dr|prof|professor)\.? {_NAME}",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:'[^\W_]+)*|[.!?;:,()\n]+")
# Words that open a new sentence where a capital is the only sign of one.
_OPENERS = frozenset("to in it this that the as my he she they we you there if when at for and so but also because".split())
_SENTENCE_END = frozenset(".!?\n;")


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

    def is_content(self, row: int) -> bool:
        """Whether the word says something by itself, unlike `the` or `of`."""
        return is_content(self.forms[row])


def is_content(form: str) -> bool:
    """Whether a folded word is a content word."""
    return form in _TELLING or form not in _STOP_WORDS


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
    if len(form) < 4 or form[0].isdigit():
        return _NUMBERS.get(form, form)
    with _stemming:
        return _stemmer.stemWord(form[:LONGEST_WORD].rstrip("s")).rstrip("se") or form


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
    return "".join(_SPELT_OUT.get(c) or _LOOK_ALIKES.get(c) or c.casefold() for c in plain)


def read(text: str) -> Reading:
    """The text as words. Takes time proportional to its length."""
    folded, offsets = fold(_SOMEBODY.sub(lambda match: " " * len(match[0]), text))
    folded = _HESITATION.sub(lambda match: " " * len(match[0]), folded)
    reading = Reading(text, [], [], [], [], [], [], [], [], 0, 0)
    mixed = not text.isupper()
    sentence, listed, breaks = 0, True, set[int]()
    for match in _SYMBOL.finditer(folded):
        symbol = match[0]
        if not symbol[0].isalnum():
            sentence += _ends_sentence(symbol, folded, match.end())
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


def _ends_sentence(mark: str, folded: str, after: int) -> bool:
    """A full stop ends a sentence before white space only, so that 2.5 and `e.g` stay whole."""
    if mark[0] in "!?\n;" or "\n" in mark:
        return True
    return "." in mark and (after >= len(folded) or folded[after].isspace() or len(mark) > 1)


def _expand(symbol: str) -> Iterator[str]:
    """`isn't` as `is`, `not`; `it's` as `it`; numbers up to ten as digits."""
    whole = _CONTRACTED.get(symbol)
    if whole is not None:
        yield from whole.split()
    elif symbol.endswith("n't"):
        yield symbol[:-3]
        yield "not"
    else:
        form = symbol.split("'")[0] if "'" in symbol else symbol
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
        reading.text, forms, reading.stems, reading.starts, reading.ends, sentences, denied, reading.listed, reading.capital, negators, denials
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
