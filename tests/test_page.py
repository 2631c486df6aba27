"""The page, as people use it: in a real browser, against a real server process."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browsing import answer_box, begin, give, needs_chromium
from playwright.sync_api import Browser, Locator, Page, Request, ViewportSize, expect
from provider import Provider, serving
from provider_wire import Json, schema_of
from serving import INTERVIEW, KEY, Server, read_interview, submit

from api.demo import SEED, read_recording

PHONE, TABLET, DESK = (
    ViewportSize(width=width, height=height) for width, height in ((390, 844), (820, 1180), (1440, 900))
)
ROLE = str(INTERVIEW["job_role"])
DECLINED = "I don't know."
VAGUE = "It depends 😀, and I would look at the situation before I decide anything."
STORY = (
    "Last year our checkout was slow 😀. I had to speed up a query that took several minutes. "
    "I read its plan and built two indexes. This reduced the time to under a second."
)

pytestmark = needs_chromium
Scheme = Literal["light", "dark"]
StartServer = Callable[..., Server]
OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks what the recorded candidate was asked."""
    settings = {
        "INTERVIEWER_API_KEYS": KEY,
        "INTERVIEWER_RATE_LIMIT": "100000/minute",
        "INTERVIEWER_SEED": str(SEED),
    }
    running = Server(tmp_path_factory.mktemp("server"), settings).start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server to kill; each test leaves it running."""
    settings = {"INTERVIEWER_API_KEYS": KEY, "INTERVIEWER_RATE_LIMIT": "100000/minute"}
    running = Server(tmp_path_factory.mktemp("mortal"), settings).start()
    yield running
    running.kill()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens the page of a server; no request may leave it, and the console must stay empty.

    `refusals` lets the browser report requests that fail, where a test is about that.
    """
    noise: list[str] = []

    def open_it(server: Server, key: str = KEY, *, refusals: bool = False, scheme: Scheme = "light") -> Page:
        page = browser.new_context(color_scheme=scheme, reduced_motion="reduce").new_page()

        def note(text: str) -> None:
            is_refusal = "Failed to load resource" in text or "WebSocket connection" in text
            if not (refusals and is_refusal):
                noise.append(text)

        def watch(request: Request) -> None:
            if not request.url.startswith((server.url, f"blob:{server.url}")):
                noise.append(f"left the server: {request.url}")

        page.on("console", lambda message: note(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("request", watch)
        page.on("websocket", lambda socket: _expect_near(socket.url, server, noise))
        page.goto(f"{server.url}/#key={key}" if key else server.url)
        return page

    yield open_it
    for context in browser.contexts:
        context.close()
    assert noise == []


def _expect_near(url: str, server: Server, noise: list[str]) -> None:
    if not url.startswith(server.url.replace("http", "ws", 1)):
        noise.append(f"left the server: {url}")


def finish(page: Page) -> None:
    """End the interview and wait for its result."""
    page.get_by_role("button", name="End interview").click()
    page.get_by_role("button", name="End and see the result").click()
    expect(page.get_by_role("heading", name=f"Result: {ROLE}")).to_be_visible()


def stored_id(page: Page) -> str:
    """The interview that the tab is at."""
    kept = page.evaluate("sessionStorage.getItem('interview')")
    return str(json.loads(kept)["id"])


def marked_texts(marks: Locator) -> list[str]:
    """What is marked, without the labels in front."""
    return list(
        marks.evaluate_all(
            "marks => marks.map(mark => [...mark.childNodes].filter(node => node.nodeType === 3)"
            ".map(node => node.textContent).join(''))"
        )
    )


def test_an_interview_is_held_live_and_ends_with_its_result(
    server: Server, open_page: OpenPage, tmp_path: Path
) -> None:
    """Two topics, one of them followed up; what the result shows is what the API says."""
    answers = read_recording("strong").answers
    page = open_page(server)
    begin(page, ROLE, kind="Mixed")
    expect(page.locator("#progress")).to_have_text("1 of 2")
    expect(page.locator("#time-left")).to_have_text(re.compile(r"^(10:00|9:\d\d)$"))
    give(page, answers[page.locator("#question-text").inner_text()])
    expect(page.locator("#question-name")).to_contain_text("Question 2")
    give(page, VAGUE)
    expect(page.locator("#question-name")).to_contain_text("Follow-up to question 2")
    expect(page.locator("#progress")).to_have_text("2 of 2")
    while page.locator("#live").is_visible():
        give(page, answers[page.locator("#question-text").inner_text()])

    with server.client() as client:
        interview = read_interview(client, stored_id(page))
    turns = interview["turns"]
    assert interview["status"] == "completed"
    expect(page.get_by_role("img", name=f"{interview['summary']['overall_score']} of 100")).to_be_visible()
    per_question = page.get_by_role("table", name="Score per question").get_by_role("cell")
    assert per_question.all_inner_texts() == [f"{turn['evaluation']['score']} of 10" for turn in turns]
    competencies = list(dict.fromkeys(turn["question"]["competency"] for turn in turns))
    per_competency = page.get_by_role("table", name="Score per competency")
    assert per_competency.get_by_role("rowheader").all_inner_texts() == competencies
    worth = [
        float(cell.removesuffix(" of 10")) for cell in per_competency.get_by_role("cell").all_inner_texts()
    ]
    assert 10 * sum(worth) / len(worth) == pytest.approx(interview["summary"]["overall_score"], abs=1)
    assert min(worth) > turns[1]["evaluation"]["score"]  # what its follow-ups brought
    for texts in (interview["summary"]["strengths"], interview["summary"]["areas_for_improvement"]):
        for text in texts:
            expect(page.locator("#result").get_by_text(text, exact=True)).to_be_visible()
    expect(page.locator(".advice")).to_contain_text(interview["summary"]["recommendations"])
    for shown, turn in zip(page.locator("#result .turn").all(), turns, strict=True):
        assert "".join(marked_texts(shown.locator("mark"))) == quoted_text(turn)

    check_downloads(page, interview, tmp_path)
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.locator("#result .turn").first).to_be_visible()


def quoted_text(turn: dict[str, Any]) -> str:
    """What of an answer is quoted, in a row."""
    spans = [(quote["start"], quote["end"]) for quote in turn["evaluation"]["evidence"]]
    inside = (any(start <= place < end for start, end in spans) for place in range(len(turn["answer"])))
    return "".join(character for character, is_in in zip(turn["answer"], inside, strict=True) if is_in)


def check_downloads(page: Page, interview: dict[str, Any], folder: Path) -> None:
    """Both files hold the interview."""
    files = {}
    for kind, ending in (("Markdown", "md"), ("JSON", "json")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=f"Download {kind}").click()
        name = waiting.value.suggested_filename
        assert re.fullmatch(rf"interview-python-developer-\d{{4}}-\d\d-\d\d\.{ending}", name)
        waiting.value.save_as(folder / name)
        files[kind] = (folder / name).read_text()
    assert json.loads(files["JSON"]) == interview
    assert files["Markdown"].startswith(f"# Interview: {ROLE}\n")
    assert f"**{interview['summary']['overall_score']} of 100**" in files["Markdown"]
    assert all(turn["question"]["text"] in files["Markdown"] for turn in interview["turns"])


def test_the_link_of_the_first_start_carries_the_key_and_only_this_tab_keeps_it(
    start_server: StartServer, open_page: OpenPage
) -> None:
    server = start_server(INTERVIEWER_API_KEYS="")
    assert server.process is not None
    assert server.process.stdout is not None
    lines = [server.process.stdout.readline() for _ in range(4)]
    link = lines[-1].removeprefix("Open the page: ").strip()
    page = open_page(server, key="")
    expect(page.get_by_role("button", name="Enter key")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("button", name="Change key")).to_be_visible()
    assert page.url == f"{server.url}/"
    begin(page, ROLE)
    page.reload()
    expect(page.locator("#question-text")).not_to_be_empty()
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    key = link.partition("key=")[2]
    assert key not in page.content()
    other = page.context.new_page()
    other.goto(server.url)
    expect(other.get_by_role("button", name="Enter key")).to_be_visible()


def test_a_wrong_key_is_asked_for_again_and_what_was_typed_goes_on(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server, key="wrong-key-0123456789", refusals=True)
    page.locator("#setup-form").get_by_label("Job role").fill(ROLE)
    page.get_by_role("button", name="Start the interview").click()
    dialog = page.get_by_role("dialog", name="API key")
    expect(dialog.get_by_role("alert")).to_contain_text("does not accept this key")
    dialog.get_by_role("button", name="Use this key").click()
    expect(dialog).to_contain_text("Enter the key.")
    dialog.get_by_label("Key", exact=True).fill(KEY)
    dialog.get_by_role("button", name="Use this key").click()
    expect(page.locator("#question-text")).not_to_be_empty()


def test_nothing_is_lost_when_the_server_is_killed_and_started_again(
    mortal: Server, open_page: OpenPage
) -> None:
    """What is being typed stays; an answer sent into the gap is sent again, and graded once."""
    page = open_page(mortal, refusals=True)
    begin(page, ROLE)
    answer_box(page).press_sequentially("Half an answer")
    mortal.kill()
    expect(page.locator("#connection")).to_contain_text("Nothing is lost. Trying again")
    expect(answer_box(page)).to_have_value("Half an answer")
    answer_box(page).press_sequentially(", and its other half.")
    page.get_by_role("button", name="Send answer").click()
    expect(answer_box(page)).not_to_be_editable()
    mortal.start()
    expect(page.locator("#turns > li")).to_have_count(1)
    expect(page.locator("#connection")).to_be_empty()
    finish(page)
    with mortal.client() as client:
        turns = read_interview(client, stored_id(page))["turns"]
    assert turns[0]["answer"] == "Half an answer, and its other half."
    assert turns[0]["evaluation"] is not None


def test_an_answer_whose_grade_was_not_heard_is_repeated_after_a_reload(
    mortal: Server, open_page: OpenPage
) -> None:
    """The tab closes its eyes between answer and grade; the stored grade comes, and nothing is done twice."""
    page = open_page(mortal, refusals=True)
    begin(page, ROLE)
    mortal.kill()
    expect(page.locator("#connection")).to_contain_text("Trying again")
    answer_box(page).fill(DECLINED)
    page.get_by_role("button", name="Send answer").click()
    page.goto("about:blank")
    mortal.start()
    interview_id = kept_interview(page, mortal)
    with mortal.client() as client:
        grade = submit(client, interview_id, "q1", DECLINED).json()["data"]["evaluation"]
    page.goto(mortal.url)
    expect(page.locator("#turns > li")).to_have_count(1)
    expect(page.locator("#turns > li")).to_contain_text(grade["feedback"])
    expect(page.locator("#question-name")).to_contain_text("Question 2")


def kept_interview(page: Page, server: Server) -> str:
    """The interview that the tab keeps, read without running the page's own scripts."""
    page.goto(f"{server.url}/healthz")
    return stored_id(page)


def test_a_reload_brings_back_what_was_answered_and_what_is_being_typed(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server)
    begin(page, ROLE)
    give(page, DECLINED)
    answer_box(page).fill("Being typed")
    page.reload()
    expect(answer_box(page)).to_have_value("Being typed")
    expect(page.locator("#turns > li")).to_have_count(1)
    expect(page.locator("#question-name")).to_contain_text("Question 2")
    expect(page.locator("#progress")).to_have_text("2 of 2")


def test_a_rate_limit_is_counted_down_and_the_answer_sent_by_itself(
    start_server: StartServer, open_page: OpenPage
) -> None:
    server = start_server(INTERVIEWER_RATE_LIMIT="3/4 seconds")
    page = open_page(server, refusals=True)
    begin(page, ROLE)  # a create, a read and a handshake
    answer_box(page).fill(DECLINED)
    page.get_by_role("button", name="Send answer").click()
    expect(page.locator("#connection")).to_contain_text("Too many requests")
    expect(page.locator("#connection .countdown")).to_have_text(re.compile(r"in \d s"))
    expect(answer_box(page)).to_have_value(DECLINED)
    expect(page.locator("#turns > li")).to_have_count(1)
    expect(page.locator("#connection")).to_be_empty()


def test_a_long_answer_is_counted_as_the_server_counts(server: Server, open_page: OpenPage) -> None:
    """20,000 characters fit, an emoji is one of them, and one more is refused before it is sent."""
    page = open_page(server)
    begin(page, ROLE)
    answer_box(page).fill("😀" * 20_001)
    expect(page.locator("#answer-count")).to_have_text("20,001 of 20,000 characters")
    page.get_by_role("button", name="Send answer").click()
    expect(page.locator("#answer-error")).to_have_text("This is 1 characters too long; 20,000 fit.")
    expect(answer_box(page)).to_be_focused()
    give(page, "😀" * 20_000)


def test_what_is_wrong_stands_beside_its_field(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    setup = page.locator("#setup-form")
    setup.get_by_label("Minutes").fill("0")
    setup.get_by_label("Skills").fill(",".join(f"skill {number}" for number in range(21)))
    page.get_by_role("button", name="Start the interview").click()
    role = setup.get_by_label("Job role")
    expect(role).to_be_focused()
    expect(role).to_have_accessible_description(re.compile("Enter the job role"))
    expect(page.locator("#skills-error")).to_have_text("These are 21 skills; 20 fit.")
    expect(page.locator("#duration-error")).to_have_text("Enter whole minutes from 1 to 240.")


def test_what_only_the_server_refuses_stands_beside_its_field_too(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server, refusals=True)
    page.locator("#setup-form").get_by_label("Job role").evaluate("field => { field.value = 'a\\ud800b'; }")
    page.get_by_role("button", name="Start the interview").click()
    expect(page.locator("#job_role-error")).to_contain_text("Not accepted: ")


def test_another_device_s_answer_moves_the_page_on_and_keeps_what_is_typed(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server)
    begin(page, ROLE)
    answer_box(page).fill("Still being typed")
    with server.client() as client:
        submit(client, stored_id(page), "q1", DECLINED)
    expect(page.locator("#question-name")).to_contain_text("Question 2")
    expect(answer_box(page)).to_have_value("Still being typed")


def test_typing_is_told_when_it_begins_and_when_it_stops(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    with page.expect_websocket() as opened:
        begin(page, ROLE)
    socket = opened.value
    with socket.expect_event("framesent", lambda frame: "true" in frame) as told:
        answer_box(page).press_sequentially("Let me think")
    assert json.loads(told.value) == {"type": "typing", "data": {"is_typing": True}}
    with socket.expect_event("framesent") as told:
        pass  # it is the next message, so typing was told once
    assert json.loads(told.value) == {"type": "typing", "data": {"is_typing": False}}


def test_thinking_is_shown_while_the_model_works(start_server: StartServer, open_page: OpenPage) -> None:
    let_go = Event()

    def work(request: Json) -> Json:
        let_go.wait(30)
        fields = Provider.fit(provider, schema_of(request)[1])
        assert isinstance(fields, dict)
        return fields

    with serving(Provider(replies={"answer_evaluation": work})) as provider:
        server = start_server(INTERVIEWER_MODEL="openai:test", OPENAI_BASE_URL=provider.url)
        page = open_page(server)
        begin(page, ROLE)
        answer_box(page).fill(VAGUE)
        page.get_by_role("button", name="Send answer").click()
        expect(page.locator("#thinking")).to_contain_text("The interviewer is thinking")
        expect(answer_box(page)).not_to_be_editable()
        let_go.set()
        expect(page.locator("#turns > li")).to_have_count(1)


def test_names_are_shown_as_text_whatever_they_hold(server: Server, open_page: OpenPage) -> None:
    role = "<img src=x onerror=alert(1)> & <b>Chef</b>"
    page = open_page(server)
    begin(page, role)
    expect(page.locator("#live-title")).to_have_text(f"Interview: {role}")


def test_coaching_colours_each_part_where_the_answer_tells_it(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    page.get_by_role("link", name="Coaching").click()
    page.locator("#coaching_question").fill("Tell me about a challenge.")
    page.locator("#coaching_answer").fill(STORY)
    page.get_by_role("button", name="Get coaching").click()
    expect(page.get_by_role("heading", name="Coaching", exact=True)).to_be_focused()
    with server.client() as client:
        body = {"question": "Tell me about a challenge.", "answer": STORY, "framework": "STAR"}
        feedback = client.post("/coaching/feedback", json=body).json()["data"]["feedback"]
    assert any(feedback["evidence"].values())
    for number, part in enumerate(("situation", "task", "action", "result"), start=1):
        quotes = [quote["quote"] for quote in feedback["evidence"][part]]
        assert marked_texts(page.locator(f"mark.part-{number}")) == quotes
        comment = feedback["framework_analysis"][part]
        card = page.locator(f".part.part-{number}")
        expect(card.locator(".level")).to_have_text(comment.partition(".")[0])
        expect(card).to_contain_text(comment.partition(". ")[2])


def test_a_practice_question_comes_with_guidance_and_leads_to_coaching(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server)
    page.get_by_role("link", name="Practice").click()
    form = page.locator("#practice-form")
    form.get_by_label("Job role").fill("Data Scientist")
    form.get_by_label("Skill").fill("Machine Learning")
    form.get_by_role("button", name="Get a question").click()
    question = page.locator("#practised .question")
    expect(question).not_to_be_empty()
    expect(page.get_by_text("Key points", exact=True)).to_be_hidden()
    page.locator(".guidance summary").click()
    expect(page.get_by_text("Key points", exact=True)).to_be_visible()
    asked = question.inner_text()
    page.get_by_role("button", name="Write an answer and get coaching").click()
    expect(page.locator("#coaching_question")).to_have_value(asked)


def test_a_keyboard_is_enough_and_the_focus_follows_the_interview(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server)
    expect(page.locator("#setup-title")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url == f"{server.url}/"
    page.keyboard.press("Tab")
    page.keyboard.type(ROLE)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Senior")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.press("Tab")
    expect(answer_box(page)).to_be_focused()
    page.keyboard.type(DECLINED)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#question-name")).to_contain_text("Question 2")
    expect(page.locator("#question")).to_be_focused()
    expect(page.locator("#announcer")).to_contain_text("Question 1: 0 of 10.")
    end = page.get_by_role("button", name="End interview")
    while not end.evaluate("button => button === document.activeElement"):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Result: {ROLE}")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_any_size(server: Server, open_page: OpenPage, scheme: Scheme) -> None:
    page = open_page(server, scheme=scheme)
    expect_accessible(page)
    page.get_by_role("button", name="Start the interview").click()  # with its problems beside the fields
    expect_accessible(page)
    page.get_by_role("button", name="Change key").click()
    expect_accessible(page)
    page.keyboard.press("Escape")
    begin(page, ROLE)
    give(page, VAGUE)
    expect_accessible(page)
    finish(page)
    expect_accessible(page)
    page.get_by_role("button", name="Coach this answer to question 1").click()
    page.locator("#coaching_answer").fill(STORY)
    page.get_by_role("button", name="Get coaching").click()
    expect(page.locator("#coached mark").first).to_be_visible()
    expect_accessible(page)
    page.get_by_role("link", name="Practice").click()
    page.locator("#practice-form").get_by_label("Job role").fill(ROLE)
    page.locator("#practice-form").get_by_label("Skill").fill("Python")
    page.get_by_role("button", name="Get a question").click()
    page.locator(".guidance summary").click()
    expect_accessible(page)


def expect_accessible(page: Page) -> None:
    """No violation of any severity and nothing that sticks out at the sides, on phone, tablet and desk."""
    for size in (PHONE, TABLET, DESK):
        page.set_viewport_size(size)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        for spacing in ("0.12em", "normal"):  # the first is WCAG's, and as wide as the letters of wide fonts
            page.evaluate("spacing => { document.documentElement.style.letterSpacing = spacing; }", spacing)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], spacing


def test_a_form_tries_until_there_is_a_server_unless_it_is_cancelled(
    mortal: Server, open_page: OpenPage
) -> None:
    page = open_page(mortal, refusals=True)
    mortal.kill()
    setup = page.locator("#setup-form")
    setup.get_by_label("Job role").fill(ROLE)
    setup.get_by_role("button", name="Start the interview").click()
    expect(setup.locator(".outcome")).to_contain_text("The server cannot be reached.")
    setup.get_by_role("button", name="Cancel").click()
    expect(setup.locator(".outcome")).to_be_empty()
    expect(setup.get_by_label("Job role")).to_have_value(ROLE)
    setup.get_by_role("button", name="Start the interview").click()
    expect(setup.locator(".outcome")).to_contain_text("The server cannot be reached.")
    mortal.start()
    expect(page.locator("#question-text")).not_to_be_empty()


def test_files_of_the_page_are_asked_about_each_time(server: Server) -> None:
    with server.client() as client:
        for path in ("/", "/web/page.js", "/web/page.css", "/web/icon.svg"):
            response = client.get(f"{server.url}{path}")
            assert response.status_code == 200
            assert response.headers["cache-control"] == "no-cache"
        missing = client.get(f"{server.url}/web/../app.py")
        assert missing.status_code == 404
        assert missing.json()["error"]["code"] == "not_found"
