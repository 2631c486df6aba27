"""The machine's own Chromium, and what tests and the README's picture do with the page."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

needs_chromium = pytest.mark.skipif(
    not CHROMIUM.exists() and not os.environ.get("CI"),
    reason=f"needs {CHROMIUM}; on Debian and Ubuntu: apt-get install chromium",
)

expect.set_options(timeout=20_000)


def launch(playwright: Playwright) -> Browser:
    """Chromium without a window."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


def begin(page: Page, role: str, minutes: int = 10, kind: str = "Technical") -> None:
    """Fill in the form, start, and wait for the first question."""
    setup = page.locator("#setup-form")
    setup.get_by_label("Job role").fill(role)
    setup.get_by_label("Skills").fill("Python, SQL")
    setup.get_by_role("radio", name=kind).check()
    setup.get_by_label("Minutes").fill(str(minutes))
    setup.get_by_role("button", name="Start the interview").click()
    expect(page.locator("#question-text")).not_to_be_empty()


def answer_box(page: Page) -> Locator:
    """Where the answer is typed."""
    return page.locator("#answer")


def give(page: Page, text: str) -> None:
    """Answer the open question, and wait for its grade and for what comes then."""
    graded = page.locator("#turns > li").count()
    answer_box(page).fill(text)
    page.get_by_role("button", name="Send answer").click()
    expect(page.locator("#turns > li")).to_have_count(graded + 1)
    expect(page.locator("#answer:not([readonly]):visible, #result:visible")).not_to_have_count(0)
