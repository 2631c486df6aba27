"""The page of guarantees is true: every test and every setting that it names exists."""

import re
from pathlib import Path

from agent.settings import Settings

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "guarantees.md").read_text(encoding="utf-8")


def test_every_promise_names_a_test_that_exists() -> None:
    named = re.findall(r"`([\w.]+)::(\w+)`", PAGE)
    assert named
    for file, name in named:
        assert re.search(rf"^(async )?def {name}\(", (TESTS / file).read_text(), flags=re.MULTILINE), name


def test_every_row_of_a_promise_has_a_test() -> None:
    promised = PAGE.split("## The last `make soak`")[0]
    rows = re.findall(r"^\| (?!Promise )(.+?) \| (.*?) \|", promised, flags=re.MULTILINE)
    assert [promise for promise, kept_by in rows if "::" not in kept_by] == []


def test_every_setting_of_the_page_exists() -> None:
    known = {f"INTERVIEWER_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"INTERVIEWER_\w+", PAGE)) <= known
