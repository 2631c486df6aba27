"""Only what the candidate said counts as evidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.evidence import find_quote, without_repeats


@pytest.mark.parametrize(
    ("answer", "quote", "found"),
    [
        ("We used Redis as a cache.", "used Redis as a cache", "used Redis as a cache"),
        ("We used   Redis\nas a cache.", "we USED redis as a cache", "We used   Redis\nas a cache"),
        ("It’s “lazy” – always.", 'it\'s "lazy" - always', "It’s “lazy” – always"),
        ("The cafe\u0301 pattern helps", "café pattern", "cafe\u0301 pattern"),
        ("The café pattern helps", "cafe\u0301 pattern", "café pattern"),
        ("We ig\u200bnored the lock", "ignored the lock", "ig\u200bnored the lock"),
        ("ﬁrst we measured", "first we measured", "ﬁrst we measured"),
        ("One thing, then much else, then the end of it", "One … the end of it", "the end of it"),
        ("Say it", '"Say it"', "Say it"),
        ("生成器一次产生一个元素，所以省内存。", "一次产生一个元素", "一次产生一个元素"),
    ],
)
def test_a_quote_is_found_however_it_was_copied(answer: str, quote: str, found: str) -> None:
    evidence = find_quote(answer, quote, "a point")
    assert evidence is not None
    assert (evidence.quote, evidence.shows) == (found, "a point")
    assert answer[evidence.start : evidence.end] == found


@pytest.mark.parametrize("quote", ["", "…", "a", "concat", "Redis as the cache", "x" * 500, "Memcached"])
def test_a_quote_that_is_not_there_is_dropped(quote: str) -> None:
    assert find_quote("A concatenation: we used Redis as a cache.", quote) is None


@given(st.text(), st.text())
def test_whatever_is_found_stands_in_the_answer(answer: str, quote: str) -> None:
    evidence = find_quote(answer, quote)
    assert evidence is None or answer[evidence.start : evidence.end] == evidence.quote != ""


@given(st.text(alphabet="abcdé \n“”—", min_size=1, max_size=60), st.data())
def test_every_copied_run_of_words_is_found(answer: str, data: st.DataObject) -> None:
    words = answer.split()
    first = data.draw(st.integers(0, max(len(words) - 1, 0)))
    quote = " ".join(words[first : first + 3])
    letters = [character for character in quote if character.isalpha()]
    assert len(letters) < 3 or not quote[0].isalpha() or not quote[-1].isalpha() or find_quote(answer, quote)


def test_the_same_place_is_evidence_for_a_point_once() -> None:
    one, other = (
        find_quote("we used Redis", "used Redis", "a"),
        find_quote("we used Redis", "USED redis", "a"),
    )
    assert one is not None
    assert other is not None
    assert without_repeats([one, other]) == (one,)
