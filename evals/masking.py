"""Names, mail addresses, phone numbers and links in what a candidate said, replaced by placeholders.

Patterns find these, not understanding: `docs/evals.md` says what they find and what they cannot. Each takes
time about proportional to the text, so quantifiers are possessive or bounded and begin at a word's start.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from agent.offline.bank import load_bank, name_words

_MAIL = re.compile(
    r"""
    (?<![\w.+%'-]) (?:mailto:)? [\w.+%'-]{1,64}+ (?:
        @ (?:[\w-]{1,63}\.){1,8} [^\W\d_]{2,24}
      | \ ?[\[({]\ ?at\ ?[\])}]\ ?[\w-]{1,63}+
        (?:\ ?(?:\.|[\[({]\ ?dot\ ?[\])}]|\ dot\ )\ ?[\w-]{1,63}+){1,8}
      | \ at\ [\w-]{1,63}+ (?:\ dot\ [\w-]{1,63}+){1,8}
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_LINK = re.compile(
    r"""
    (?:https?|ftp)://[^\s<>"'|\\^`]++
    | (?<![\w.@-]) www\.[^\s<>"'|\\^`]++
    | (?<![\w.@-]) (?:[a-z0-9-]{1,63}+\.){1,8}
      (?: (?:com|org)\b(?:[/?\#][^\s<>"'|\\^`]*+)? | [a-z]{2,12}/[^\s<>"'|\\^`]++ )""",
    re.IGNORECASE | re.VERBOSE,
)
_SIGN_OF_AN_ADDRESS = re.compile(r"[@./\d(\[{]| dot ", re.IGNORECASE)  # most texts have none
_AFTER_A_LINK = ".,;:!?)]}…»”’"

_NUMBER = re.compile(
    r"""
    (?<![\w.,/:\#$€£+]) (?:\+\ ?|\()? \d (?:[\s().\-/‐–]{0,3}\d){6,14}+
    (?![\w%]|[.,:\-/]\d|[\s().\-/‐–]{1,3}\d)""",
    re.VERBOSE,
)
_OTHER_NUMBER = re.compile(
    r"""
    \d{4}[-./]\d{1,2}[-./]\d{1,2}.* | \d{1,2}[-./]\d{1,2}[-./]\d{4}.* | \d{4}\s?[-–/]\s?\d{4}  # dates, years
    | \d{1,3}(?:\.\d{1,3}){3} | [1-9]\d{0,2}(?:[\s.]\d{3})+  # addresses of the internet, thousands
    | \d+\.\d+ | [01]+ | 0\..*  # decimals and bits""",
    re.VERBOSE | re.DOTALL,
)
_AMERICAN = re.compile(r"(?:1[\s.-]?)?\(?\d{3}\)?[\s.-]{0,2}\d{3}[\s.-]\d{4}")
_SAID_TO_BE_A_PHONE = re.compile(
    r"""\b(?:phone|telephone|tel|mobile|cell|handy|telefon\w*|whatsapp|signal|sms|text\ me|call\ me|ring\ me
    |reach\ me|my\ number|number\ is)\b[^\d\n]{0,30}$""",
    re.IGNORECASE | re.VERBOSE,
)
_BEFORE_A_PHONE = 60  # characters in which such a word counts

_PARTICLE = (
    r"(?:(?:de|da|dos|del|della|di|du|van|von|der|den|zu|bin|ibn|al|el|la|le|ter|ten|y)[ ]"
    r"|al-|el-|d['’]|o['’])"
)
_LETTERS = r"[^\W\d_]"
_WORD = rf"(?<!\w){_LETTERS}{{1,40}}+(?:['’-]{_LETTERS}{{1,40}}+){{0,3}}+"
# Small letters of other alphabets pass here and are told apart in `_words_of`.
_CAPITAL = rf"(?:(?<!\w)[^\W\d_a-z]\.|(?=[^\W\d_a-z]){_WORD})"
_NAME = rf"(?P<name>(?:{_PARTICLE}){{0,2}}{_CAPITAL}(?:[ \u00a0](?:{_PARTICLE}){{0,2}}{_CAPITAL}){{0,4}}+)"
_TOLD_NAME = rf"(?P<name>{_WORD}(?:[ \u00a0]{_WORD}){{0,4}}+)"

_GREETING = r"(?:hi|hello|hey|good\ (?:morning|afternoon|evening))"
_TOLD = r"""my\ (?:full\ |first\ |last\ |real\ )?name(?:\ is|['’]s) | me\ llamo | mi\ nombre\ es
    | je\ m['’]appelle | mon\ nom\ est | mein\ name\ ist | ich\ hei(?:ß|ss)e | mi\ chiamo | il\ mio\ nome\ è
    | meu\ nome\ é | me\ chamo | nazywam\ się | mam\ na\ imię | jmenuji\ se
    | mijn\ naam\ is | ik\ heet | jag\ heter | benim\ adım | меня\ зовут"""
_CALLED = r"call\ me | i\ go\ by | named | called | the\ name(?:\ is|['’]s)"
_TITLE = r"(?:mr|mrs|ms|mx|dr|prof|professor|herr|frau|monsieur|madame|señora?|signora?|sir|sister)\.?"
_RELATIVE = r"""(?:my|our|his|her|their|an?|the) \ (?:[a-z-]{1,30}+\ ){0,2}? (?:
    colleague|co-?worker|boss|manager|lead|supervisor|foreman|friend|husband|wife|partner|son|daughter|brother
    |sister|mother|father|mentor|mate|teammate|intern|trainee|apprentice|client|customer|patient|student|pupil
    |teacher|director|chief|ceo|cto|recruiter|neighbou?r)s?(?:,|\ is)?"""
_SIGNED = r"(?:regards|wishes|cheers|sincerely|yours|yours\ truly|thanks|signed|greetings|best)[,.!]?"
_HINT = rf"""
    (?:{_GREETING}|dear|i\ am|i['’]m|thanks|thank\ you|ich\ bin|je\ suis|soy|sono|eu\ sou)[ ,!]{{1,3}}
    (?:(?:there|everyone|all)[ ,!]{{1,3}})?"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A name follows these for certain.
_SURE_CUES = tuple(
    re.compile(cue, re.VERBOSE)
    for cue in (
        rf"(?i:\b(?:{_TOLD})[ :,]{{1,3}}){_TOLD_NAME}",  # in whatever case it is written
        r"(?:我叫|我的名字是|私の名前は)(?P<name>[\u3040-\u30ff\u4e00-\u9fff]{2,4}?)(?=[,。,.!!\s]|です|$)",
        rf"(?i:\b{_TITLE})[ \u00a0]{_NAME}",
        rf"{_NAME}(?=\ is\ my\ name\b)",
    )
)
# A name follows these, or some other word with a capital letter.
_CUES = tuple(
    re.compile(cue, re.MULTILINE | re.VERBOSE)
    for cue in (
        rf"(?i:\b(?:{_CALLED}))\ {_NAME}",
        rf"(?i:\b{_RELATIVE})\ {_NAME}",
        rf"(?i:\b{_SIGNED})\s{{1,3}}{_NAME}\s*?$",
        rf"(?i:\b{_HINT}){_NAME}(?=\s(?:here|speaking|again|and|from)\b|[,.;!?)\n]|\s*$)",
        rf"(?i:\b(?:this\ is|it\ is|it['’]s))\ {_NAME}(?=\s(?:here|speaking|again|from)\b)",
        rf"(?:^|(?<=[.?!,][ ])){_NAME}(?=[ ,]{{1,2}}(?:here|speaking)\b)",
        rf"\A(?i:{_GREETING}[ ,!]{{1,3}}(?:there[ ,!]{{1,3}})?)?(?i:this\ is|it['’]s)\ {_NAME}(?=[,.!])",
        rf"\A{_NAME}(?=,\ (?i:thanks|thank|hi|hello|nice|good|pleased|glad|happy)\b)",
    )
)
# Words which stand where a name could and are none; a name ends before them.
_NEVER_NAMES = _words(
    """a after again all also although am an and as at aus because but by calling de everyone excited fine
    for from glad good great happy he hello here hi how i i'd i'll i'm i've if im in it it's just me
    my nice no not now of off ok okay on or please pleased right she so sorry speaking still sure
    team thank thanks that the then there they this to und very was we well what when where which
    who why with yes you your mr mrs ms mx dr prof professor herr frau monsieur madame señor señora
    signor signora sir"""
)
_SELDOM_NAMES = _words(
    """african american arab asian australian austrian belgian brazilian british canadian chinese danish
    dutch english european french german greek indian irish italian japanese korean mexican polish
    portuguese russian scottish spanish swedish swiss turkish welsh buddhist catholic christian
    hindu jewish muslim sikh monday tuesday wednesday thursday friday saturday sunday january
    february march april june july august september october november december christmas easter god
    senior junior lead head chief staff principal mid"""
)
_LONGEST_SHORTHAND = 4  # letters of a word in capitals that is taken for CTO or AWS


class Masker:
    """Masks the texts of one interview: the same name or address gets the same placeholder each time.

    It learns the names from the texts it is made with, and masks each wherever it stands.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._placeholders: dict[tuple[str, str], str] = {}
        self._people: dict[str, int] = {}
        forms: set[str] = set()
        for text in texts:
            for name in find_names(text):
                self._learn(name)
                forms.update(form for word in name for form in (word, word.capitalize(), word.upper()))
        self._names = _compile_names(forms) if forms else None

    def mask(self, text: str) -> str:
        """The text with placeholders such as `[name 1]` and `[mail 2]`."""
        if _SIGN_OF_AN_ADDRESS.search(text):
            text = _MAIL.sub(lambda found: self._place("mail", found[0].lower()), text)
            text = _LINK.sub(self._mask_link, text)
            text = _NUMBER.sub(self._mask_number, text)
        return self._names.sub(self._mask_name, text) if self._names else text

    def mask_within(self, value: object) -> object:
        """A JSON value in which each text is masked; what its fields are called stays."""
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, list):
            return [self.mask_within(one) for one in value]
        if isinstance(value, dict):
            return {name: self.mask_within(one) for name, one in value.items()}
        return value

    def _learn(self, name: tuple[str, ...]) -> None:
        """Note whose words these are: of somebody known by one of them, or of somebody new."""
        words = [word.casefold() for word in name]
        known = [self._people[word] for word in words if word in self._people]
        number = known[0] if known else 1 + max(self._people.values(), default=0)
        for word in words:
            self._people.setdefault(word, number)

    def _mask_name(self, found: re.Match[str]) -> str:
        return self._place("name", str(self._people[found["first"].casefold()]))

    def _mask_link(self, found: re.Match[str]) -> str:
        link = found[0].rstrip(_AFTER_A_LINK)
        return self._place("link", link.lower()) + found[0][len(link) :]

    def _mask_number(self, found: re.Match[str]) -> str:
        if not _is_phone(found):
            return found[0]
        return self._place("phone", re.sub(r"\D", "", found[0]))

    def _place(self, kind: str, value: str) -> str:
        taken = sum(of == kind for of, _ in self._placeholders)
        return self._placeholders.setdefault((kind, value), f"[{kind} {taken + 1}]")


def find_names(text: str) -> Iterator[tuple[str, ...]]:
    """The names that something in the text introduces, each as its words without titles and particles."""
    for cue in (*_SURE_CUES, *_CUES):
        found = cue.search(text)
        while found:
            name = tuple(_words_of(found["name"], is_sure=cue in _SURE_CUES or text.isupper()))
            if name:
                yield name
            # What looked like a name may be the next introduction: "Hi, I'm Anna."
            found = cue.search(text, max(found.start("name"), found.start() + 1))


def _words_of(found: str, *, is_sure: bool) -> Iterator[str]:
    """The words of a name up to one that belongs to none."""
    words = found.replace("\u00a0", " ").split()
    is_small = words[0].islower() and not re.match(_PARTICLE, f"{words[0]} ")
    for word in words:
        bare = re.sub(rf"^{_PARTICLE}", "", f"{word} ").strip(" .'’-")
        if bare and (bare.casefold() in _NEVER_NAMES or (bare[0].islower() and not is_small)):
            return
        if not is_sure and _is_no_name(bare):
            return
        if len(bare) > 1:
            yield bare


def _is_no_name(word: str) -> bool:
    """Whether the word more likely stands for a trade, a nation or the like."""
    is_shorthand = word.isascii() and word.isupper() and 1 < len(word) <= _LONGEST_SHORTHAND
    return is_shorthand or word.casefold() in _SELDOM_NAMES or word.casefold() in _trade_words()


@cache
def _trade_words() -> frozenset[str]:
    """Words of skills and professions, which also follow "I'm" and begin with capital letters."""
    shelves = (*load_bank().skills, *load_bank().roles)
    names = (name for shelf in shelves for name in (shelf.name, *shelf.aliases))
    return frozenset(word for name in names for word in name_words(name))


def _compile_names(forms: Iterable[str]) -> re.Pattern[str]:
    """Finds a run of the words; letters that are written without spaces need none around them."""
    words = "|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form)))
    one = rf"(?<![^\W\u3040-\u9fff])(?:{words})(?![^\W\u3040-\u9fff])"
    return re.compile(rf"(?P<first>{one})(?:[ \u00a0-]+(?:{_PARTICLE})*{one})*")


def _is_phone(match: re.Match[str]) -> bool:
    found, bare = match[0], match[0].strip(" ()")
    before = match.string[max(match.start() - _BEFORE_A_PHONE, 0) : match.start()]
    if _OTHER_NUMBER.fullmatch(bare):
        return False
    if found[0] == "+" or _AMERICAN.fullmatch(found) or _SAID_TO_BE_A_PHONE.search(before):
        return True
    groups = re.findall(r"\d+", found)
    return int(groups[0][0]) == 0 and all(len(group) > 1 for group in groups)
