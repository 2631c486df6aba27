"""What a browser lets pages do: those of strangers with us, and ours with strangers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from browsing import needs_chromium
from playwright.sync_api import Browser, Page
from serving import KEY, Server, create_interview

StartServer = Callable[..., Server]

pytestmark = needs_chromium

CALL = """async ([url, key]) => {
    try {
        const response = await fetch(url, {headers: {Authorization: `Bearer ${key}`}});
        return [response.status, (await response.json()).status, response.headers.has("X-Request-ID")];
    } catch (error) { return error.name; }
}"""
OPEN = """url => new Promise(settle => {
    const socket = new WebSocket(url);
    socket.onmessage = message => settle(JSON.parse(message.data).type);
    socket.onerror = () => settle("refused");
})"""
BREAK_OUT = """url => new Promise(settle => {
    const blocked = [];
    document.addEventListener("securitypolicyviolation", event => {
        blocked.push(event.effectiveDirective);
        if (blocked.length === 5) settle(blocked.sort());
    });
    fetch(url).catch(() => {});
    new Image().src = url;
    const script = document.createElement("script");
    script.textContent = "window.broken = true";
    document.body.append(script);
    const style = document.createElement("style");
    style.textContent = "body { display: none }";
    document.body.append(style);
    const frame = document.createElement("iframe");
    frame.src = url;
    document.body.append(frame);
})"""


class StrangersPage(BaseHTTPRequestHandler):
    """An empty page, which may do whatever pages may do."""

    def do_GET(self) -> None:
        """Show it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the test's terminal."""


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    """The origin of somebody else's page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), StrangersPage) as pages:
        threading.Thread(target=pages.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{pages.server_port}"
        pages.shutdown()


@contextmanager
def browsing(browser: Browser, address: str) -> Iterator[Page]:
    """A page in a context of its own."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        yield page


def attempt(page: Page, server: Server) -> tuple[Any, Any]:
    """What comes of a page's call and of its socket, both with a valid key."""
    with server.client() as client:
        interview_id = create_interview(client)
    called = page.evaluate(CALL, [f"{server.url}/api/v1/interviews/{interview_id}", KEY])
    return called, page.evaluate(OPEN, f"{server.socket_url}/{interview_id}?token={KEY}")


def test_a_stranger_s_page_can_do_nothing_unless_its_origin_is_named(
    start_server: StartServer, browser: Browser, stranger: str
) -> None:
    closed, opened = start_server("closed"), start_server("opened", INTERVIEWER_CORS_ORIGINS=stranger)
    with browsing(browser, stranger) as page:
        assert attempt(page, closed) == ("TypeError", "refused")
        assert attempt(page, opened) == ([200, "success", True], "question")


def test_our_own_page_calls_us_and_nobody_else(server: Server, browser: Browser, stranger: str) -> None:
    with browsing(browser, server.url) as page:
        assert attempt(page, server) == ([200, "success", True], "question")
        blocked = page.evaluate(BREAK_OUT, stranger)
        assert blocked == ["connect-src", "frame-src", "img-src", "script-src-elem", "style-src-elem"]
        assert page.evaluate("window.broken") is None


def test_our_page_stands_in_no_frame(server: Server, browser: Browser, stranger: str) -> None:
    with browsing(browser, stranger) as page:
        with page.expect_event("framenavigated", lambda frame: frame.parent_frame is not None) as navigated:
            page.set_content(f'<iframe src="{server.url}"></iframe>')
        assert navigated.value.url == "chrome-error://chromewebdata/"
