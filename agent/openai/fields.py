"""Single values out of a reply that may not be what was asked for."""

import json
import re
from collections.abc import Sequence
from typing import TypeVar

from agent.errors import EngineFailed
from agent.interview import fold
from agent.openai.schemas import LEVELS, Fields
from agent.openai.untrusted import clip

C = TypeVar("C", bound=str)

_APOLOGY = re.compile(
    r"\W*(?:(?:unfortunately|regrettably),? (?:i|we)\b|(?:my |our )?(?:sincere )?apologies\b|i regret\b"
    r"|(?:i|we) (?:do )?apologi[sz]e\b|sorry\W*(?:$|[,.!;:–—-]|but\b|about\b|for\b|i\b|we\b)"
    r"|(?:i['’]?m|i am|we['’]?re|we are) (?:\w+ )?(?:sorry|afraid|unable|not able)\b"
    r"|as an? (?:ai\b|(?:large )?language model)|i (?:must|have to|need to) (?:decline|refuse)\b"
    r"|i (?:can ?not|can['’]?t|won['’]?t|will not) (?:be able to )?"
    r"(?:help|assist|provide|generate|comply|create|do|answer|fulfil+|continue|write|give|produce|ask|discuss)\b"
    r"|lo siento\b|lamento\b|es tut mir leid\b|tut mir leid\b|je suis désolé|désolée?\b|mi dispiace\b)",
    re.IGNORECASE,
)
# Within a string the quotation marks would be escaped, so this is the field; an escape must be whole.
_FEEDBACK = re.compile(r'"feedback"\s*:\s*"((?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)')
_FENCED = re.compile(r"```(?:json)?\s*(.*?)(?:```|$)", re.DOTALL)


class Unfit(EngineFailed):
    """A reply that cannot be used; `note` tells the model why, should it be asked `again`."""

    def __init__(self, note: str, *, again: bool = True) -> None:
        super().__init__("The language model did not give a usable reply. Trying again can help.")
        self.note = note
        self.again = again


def parse_fields(text: str) -> Fields | None:
    """The JSON object in a text: the whole of it, fenced, or between other words."""
    fenced = _FENCED.search(text)
    for candidate in (text, fenced[1] if fenced else "", text[text.find("{") : text.rfind("}") + 1]):
        if (found := _parse(candidate)) is not None:
            return found
    return None


def read_feedback_so_far(text: str) -> str:
    """What stands in the field `feedback` of a JSON object that is still being written."""
    found = _FEEDBACK.search(text)
    if found is None:
        return ""
    written = str(json.loads(f'"{found[1]}"', strict=False))
    half = "\ud800" <= written[-1:] <= "\udbff"  # its other half is still on the way
    return clean(written[:-1] if half else written, len(written))


def read_object(fields: Fields, name: str) -> Fields:
    """A nested object, also if it was sent as JSON in a string; empty if there is none."""
    value = fields.get(name)
    if isinstance(value, str):
        value = _parse(value)
    return value if isinstance(value, dict) else {}


def read_text(fields: Fields, name: str, most: int) -> str:
    """A text without surrounding space, at most so long and safe to store; empty if there is none."""
    value = fields.get(name)
    return clean(value, most) if isinstance(value, str) else ""


def read_texts(fields: Fields, name: str, most: int) -> tuple[str, ...] | None:
    """The different texts of an array, without blank ones; a lone text is an array of one, else nothing."""
    value = fields.get(name)
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return None
    return tuple(
        dict.fromkeys(text for item in value if isinstance(item, str) and (text := clean(item, most)))
    )


def read_choice(fields: Fields, name: str, choices: Sequence[C]) -> C | None:
    """One of the choices, however it was capitalised; otherwise nothing."""
    value = fields.get(name)
    said = fold(value.replace("_", " ")) if isinstance(value, str) else ""
    return next((choice for choice in choices if fold(choice.replace("_", " ")) == said), None)


def read_level(fields: Fields, name: str) -> int | None:
    """The place of a level in `LEVELS`; nothing but these, which run upwards, may come as a number."""
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < len(LEVELS) else None
    level = read_choice(fields, name, LEVELS)
    return None if level is None else LEVELS.index(level)


def clean(text: str, most: int) -> str:
    """The text as it can be stored and sent: no half characters, no NUL."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "")
    return clip(whole.strip(), most)


def read_prose(fields: Fields, name: str, most: int) -> str:
    """A text as `read_text` gives it, but nothing where the model only excuses itself."""
    text = read_text(fields, name, most)
    return "" if is_apology(text) else text


def is_apology(text: str) -> bool:
    """Whether the model excuses itself instead of doing what it was asked."""
    return _APOLOGY.match(text) is not None


def _parse(text: str) -> Fields | None:
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
