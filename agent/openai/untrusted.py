"""Texts from outside, made fit to stand in a prompt as data that cannot pass for anything else."""

import re
import unicodedata
from secrets import token_hex

_MARKER = re.compile(r"\[\s*\[\s*/?\s*(?:data|end)\b[^\]\n]{0,80}\]\s*\]", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LONGEST_LINE = 300


def draw_code() -> str:
    """A code for the boundary of one request, which nobody can foresee."""
    return token_hex(8)


def enclose(text: str, code: str) -> str:
    """The text between two lines with the code, unable to end there or to look as if it did.

    Invisible characters, in which instructions can hide, are dropped; what looks like a boundary or like a
    control token of a model is defused. Everything else stays as it was said.
    """
    seen = _MARKER.sub("(marker)", drop_invisible(text).replace(code, "(code)")).replace("<|", "< |")
    return f"[[data {code}]]\n{seen.strip()}\n[[end {code}]]"


def in_one_line(text: str, most: int = _LONGEST_LINE) -> str:
    """A short text, such as a role, as part of a line: no breaks, nothing invisible, at most so long."""
    return clip(" ".join(_MARKER.sub("(marker)", drop_invisible(text)).split()), most) or "not given"


def clip(text: str, most: int) -> str:
    """The text, cut at a word if it is longer than `most` characters."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[most // 2 :] else cut) + "…"


def drop_invisible(text: str) -> str:
    """The text without control, format, private and variation characters; line breaks and tabs stay."""
    if text.isascii():  # most texts are, and of these only control characters are invisible
        return _CONTROL.sub("", text)
    return "".join(c for c in text if c in "\n\t" or not _is_invisible(c))


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character)[0] == "C" or "\ufe00" <= character <= "\ufe0f"
