"""What a question asks for, a story or an explanation, and whether an answer says anything at all."""

import re

from agent.offline.coaching.cues import has_sign, load_small_words

# More than a third of English prose is small words; keywords, or another language, have next to none.
FEWEST_SMALL_WORDS = 0.12
FEWEST_WORDS = 4
# An answer of more words that begins with "I don't remember" may still tell something.
LONGEST_REFUSAL = 25
# Words that begin alike count as the same, which is stemming enough to compare the subjects of two texts.
BEGINNING = 5


def asks_for_story(question: str) -> bool:
    """Whether the question asks plainly for something that the candidate lived through."""
    if has_sign("asks_for_story", question):
        return True
    return has_sign("asks_for_case", question) and not has_sign("asks_for_explanation", question)


def asks_for_explanation(question: str) -> bool:
    """Whether the question asks plainly for knowledge or a plan; "Tell me about safety" asks for neither."""
    return not asks_for_story(question) and has_sign("asks_for_explanation", question)


def is_told_from_inside(answer: str) -> bool:
    """Whether the speaker is anywhere in the answer."""
    return has_sign("own_voice", answer)


def nothing_said(question: str, answer: str) -> str:
    """Why there is nothing to coach in the answer, as words that follow "because"; empty where there is."""
    words = _words(answer)
    if len(words) <= LONGEST_REFUSAL and has_sign("refusal", answer):
        return "the answer only says that you have nothing to tell"
    if len(words) < FEWEST_WORDS:
        return "the answer has hardly a word"
    if sum(word in load_small_words() for word in words) < FEWEST_SMALL_WORDS * len(words):
        return "the answer holds no English sentence"
    if is_parroted(question, answer):
        return "the answer only repeats the question"
    return ""


def is_parroted(question: str, text: str) -> bool:
    """Whether the text says nothing but words of the question."""
    subject = _subject(text)
    return bool(subject) and subject <= _subject(question)


def shares_subject(question: str, answer: str) -> bool:
    """Whether an answer takes up any word of a question; a question without words of substance is met."""
    wanted = _subject(question)
    return not wanted or bool(wanted & _subject(answer))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)?", text.casefold())


def _subject(text: str) -> set[str]:
    return {word[:BEGINNING] for word in _words(text) if len(word) > 1 and word not in load_small_words()}
