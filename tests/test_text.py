import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.offline.grading.text import NAME, content_stems, fold, read, stem


@given(st.text(max_size=200))
def test_every_word_of_any_text_can_be_cut_out_of_it(text: str) -> None:
    reading = read(text)
    for start, end in zip(reading.starts, reading.ends, strict=True):
        assert 0 <= start < end <= len(text)
    assert reading.starts == sorted(reading.starts)


def test_words_keep_their_place_behind_invisible_and_foreign_letters() -> None:
    text = "A\u200b рointer\u200b holds\u00ad an ａｄｄｒｅｓｓ"
    reading = read(text)
    cut = [text[start:end] for start, end in zip(reading.starts, reading.ends, strict=True)]
    assert reading.forms == ["pointer", "holds", "address"]
    assert cut == ["рointer", "holds", "ａｄｄｒｅｓｓ"]


@pytest.mark.parametrize(
    "variant",
    [
        "THE CACHE STORES ADDRESSES OF PROCESSES.",
        "cache stores addresses of processes",
        "The cache store addresse of processe.",
        "Um, the cache, you know, stores addresses of, uh, processes.",
        "Тhе сасhе stоrеs аddrеssеs оf рrосеssеs.",
        "T\u200bh\u200be\u200b \u200bcache stores addresses of processes.",
        "The café".replace("café", "cache") + " stores addrésses of processes.",
    ],
)
def test_spelling_case_articles_and_hesitation_make_no_difference(variant: str) -> None:
    assert content_stems(variant) == content_stems("The cache stores addresses of processes.")


@given(st.from_regex(r"[a-z]{4,12}", fullmatch=True))
def test_a_final_s_never_changes_a_stem(word: str) -> None:
    assert stem(word) == stem(word + "s")


def test_numbers_are_one_word_and_small_ones_are_digits() -> None:
    assert read("It took 2.5 seconds, twice or three times.").forms == [
        *("it", "took", "2.5", "seconds", "2", "or", "3", "times"),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("100", "100.00"), ("2.5", "2.50"), ("0x0f0", "0xf0"), ("0x2f", "2f"), ("07", "7"), ("0.5", "0.50")],
)
def test_a_figure_is_the_same_in_any_spelling(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_other_figures_stay_apart() -> None:
    figures = ["0", "1", "10", "100", "0.1", "0.01", "1.05", "1,000", "0x10a"]
    assert len({stem(figure) for figure in figures}) == len(figures)


@pytest.mark.parametrize(
    ("text", "word", "denied"),
    [
        ("A tuple can be changed.", "changed", False),
        ("A tuple cannot be changed.", "changed", True),
        ("A tuple can't be changed.", "changed", True),
        ("It is not true that a tuple can be changed.", "changed", True),
        ("It is false that a tuple can be changed.", "changed", True),
        ("It is not only fast but can be changed.", "fast", False),
        ("It does not copy, the list is changed.", "changed", False),
        ("Never lock it. The list is changed.", "changed", False),
        ("It is not true that a tuple can not be changed.", "changed", False),
    ],
)
def test_a_negation_reaches_to_the_end_of_its_clause(text: str, word: str, denied: bool) -> None:
    reading = read(text)
    assert reading.denied[reading.forms.index(word)] is denied


def test_sentences_end_at_marks_and_before_a_capital_that_opens_one() -> None:
    assert read("It works, e.g. here. And there! The end").sentences[-1] == 2
    assert read("it saves time The team liked it").sentences == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "introduction",
    [
        "My name is Lakisha Washington.",
        "My name is Nguyen Thi Hoa.",
        "As I learned at Kingsborough Community College,",
        "As I learned at the University of Lagos,",
    ],
)
def test_names_and_schools_are_not_read(introduction: str) -> None:
    assert content_stems(f"{introduction} a stack is a list.") == content_stems("a stack is a list.")


@pytest.mark.parametrize(
    "name",
    [
        "Howard",
        "Priya Sharma",
        "Ludwig van Beethoven",
        "J. K. Rowling",
        "Jun-ho Park",
        "O'Brien",
        "Đặng Thị Hương",
        "\u674e\u4f1f",
        "Bank of America",
        "Dar es Salaam",
        "Will Smith",
    ],
)
def test_any_name_is_one_and_the_same_word(name: str) -> None:
    text = f"I worked with {name} and then left."
    reading = read(text, frozenset())
    assert reading.forms == ["i", "worked", "with", NAME, "and", "then", "left"]
    assert text[reading.starts[3] : reading.ends[3]] == name


def test_a_name_that_opens_a_sentence_is_one_word() -> None:
    forms = [read(f"{name} told me.", frozenset()).forms[1:] for name in ("Ann", "Ana María de la Cruz")]
    assert forms == [["told", "me"]] * 2


def test_what_the_rubric_knows_is_no_name() -> None:
    reading = read("I would use a Queue, Kafka or the Stack.", frozenset({"queu", "stack"}))
    assert reading.forms == ["i", "would", "use", "queue", NAME, "or", "stack"]


def test_tens_and_units_are_one_figure() -> None:
    assert read("thirty-one of fifty nine").forms == ["31", "of", "fifty", "9"]


def test_folding_plain_text_needs_no_offsets() -> None:
    assert fold("Plain") == ("plain", None)
    assert fold("é") == ("e", None)
    assert fold("ﬁt") == ("fit", [0, 0, 1])


@pytest.mark.parametrize("text", ["n't", "I do n't know"])
def test_a_contraction_that_stands_alone_is_read(text: str) -> None:
    assert read(text).negators == 1
