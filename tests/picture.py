"""Draws docs/page.png, the README's picture of the page: `make picture`, on a machine with Chromium."""

import tempfile
from pathlib import Path

from browsing import begin, give, launch
from playwright.sync_api import sync_playwright
from serving import KEY, Server

from api.demo import JOB, SEED, read_recording

PICTURE = Path(__file__).parent.parent / "docs" / "page.png"
VAGUE = "It depends on the situation, and I would look at it before I decide anything."


def draw_picture(server: Server) -> None:
    """The result of the demo's strong candidate, who answers one question vaguely here."""
    answers = read_recording("strong").answers
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page.goto(f"{server.url}/#key={KEY}")
        begin(page, JOB, minutes=30, kind="Mixed")
        for number in range(20):
            question = page.locator("#question-text").inner_text()
            give(page, VAGUE if number == 1 else answers.get(question, VAGUE))
            if page.locator("#result").is_visible():
                break
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), {"INTERVIEWER_API_KEYS": KEY, "INTERVIEWER_SEED": str(SEED)}).start()
        try:
            draw_picture(server)
        finally:
            server.kill()
