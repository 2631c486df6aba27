"""The documents of the API: whole, true to what the server says, and readable by programs and people."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import httpx
import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from browsing import needs_chromium
from examples import record_examples
from playwright.sync_api import Browser, Page, expect
from serving import Server

from api.documents import FROM_CLIENT, FROM_SERVER, read_examples

Json = dict[str, Any]
JSON = "application/json"


@pytest.fixture(scope="module")
def documents(server: Server) -> tuple[Json, Json]:
    """The OpenAPI and the AsyncAPI document, as anybody gets them."""
    return httpx.get(server.url + "/openapi.json").json(), httpx.get(server.url + "/asyncapi.json").json()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What servers say now to what the examples were recorded from."""
    return record_examples(tmp_path_factory.mktemp("recorded"))


def agree(one: object, other: object) -> bool:
    """Whether both have the same names and types, where null stands for anything and lists may be empty."""
    if isinstance(one, dict) and isinstance(other, dict):
        return set(one) == set(other) and all(agree(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return not one or not other or all(agree(one[0], item) for item in other)
    return None in (one, other) or type(one) is type(other)


def check(document: Json, schema: Json, value: object) -> None:
    """Hold a value against a schema of a document, which must name every field that there is.

    Raises `jsonschema.ValidationError`.
    """
    whole = {"components": {"schemas": document["components"]["schemas"]}, **schema}
    jsonschema.Draft202012Validator(close(whole)).validate(value)


def close(schema: object) -> object:
    """The same schema, in which an object has no fields but those that are listed."""
    if isinstance(schema, list):
        return [close(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: close(part) for name, part in schema.items()}
    return {"additionalProperties": False, **closed} if isinstance(schema.get("properties"), dict) else closed


def operations_of(openapi: Json) -> Iterator[tuple[str, Json]]:
    """Each operation by its method and path."""
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path.removeprefix('/api/v1')}", operation


def test_every_request_success_and_error_has_an_example_that_fits_its_schema(
    documents: tuple[Json, Json],
) -> None:
    openapi, _ = documents
    contents = []
    for name, operation in operations_of(openapi):
        contents.append((name, "request", operation.get("requestBody", {"content": None})["content"]))
        contents += [(name, code, response["content"]) for code, response in operation["responses"].items()]
    checked = 0
    for name, part, content in contents:
        if content is None:
            assert name.startswith("GET") or name.endswith("/end")
            continue
        assert content[JSON].get("examples"), f"{name} has no example of {part}"
        for example in content[JSON]["examples"].values():
            check(openapi, content[JSON]["schema"], example["value"])
            checked += 1
    assert checked >= len(contents) - 2


def test_the_examples_are_what_the_server_says(recorded: Json) -> None:
    shown = read_examples()["requests"]
    assert list(shown) == list(recorded["requests"])
    for operation, exchange in recorded["requests"].items():
        responses = shown[operation]["responses"]
        assert set(responses) == set(exchange["responses"]), operation
        for status, examples in exchange["responses"].items():
            assert set(responses[status]) == set(examples), f"{operation} {status}"
            for name, now in examples.items():
                assert agree(responses[status][name], now), f"{operation} {status} {name}: make examples"


def test_every_kind_of_message_has_examples_that_fit_their_schema(documents: tuple[Json, Json]) -> None:
    _, asyncapi = documents
    messages = asyncapi["components"]["messages"]
    assert set(messages) == set(FROM_CLIENT) | set(FROM_SERVER)
    for kind, message in messages.items():
        assert message["examples"], kind
        for example in message["examples"]:
            check(asyncapi, message["payload"], example["payload"])


def test_every_message_of_a_session_fits_the_document(documents: tuple[Json, Json], recorded: Json) -> None:
    _, asyncapi = documents
    for kind, said in recorded["messages"].items():
        side = "FromClient" if kind in FROM_CLIENT else "FromServer"
        for message in said.values():
            check(asyncapi, asyncapi["components"]["schemas"][side], message)
            check(asyncapi, asyncapi["components"]["schemas"][kind], message)


@pytest.fixture
def open_docs(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Opens the page; no request may leave the server, and the console must stay empty."""
    noise: list[str] = []

    def open_it(width: int = 1440, scheme: Literal["light", "dark"] = "light", anchor: str = "") -> Page:
        page = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("request", lambda request: noise.append(request.url) if _is_away(request.url) else None)
        page.goto(f"{server.url}/docs{anchor}")
        expect(page.locator("#documents[aria-busy]")).to_have_count(0)
        return page

    def _is_away(url: str) -> bool:
        return not url.startswith(server.url)

    yield open_it
    for context in browser.contexts:
        context.close()
    assert noise == []


@needs_chromium
def test_the_page_shows_every_request_error_and_message(
    open_docs: Callable[..., Page], documents: tuple[Json, Json]
) -> None:
    openapi, asyncapi = documents
    page = open_docs()
    for name, operation in operations_of(openapi):
        section = page.locator(f"#{operation['operationId']}")
        expect(section).to_contain_text(name.split()[1])
        for status, response in operation["responses"].items():
            reply = section.locator("details", has_text=response["description"])
            reply.locator("summary").first.click()
            for example in response["content"][JSON]["examples"].values():
                shown = reply.locator("pre", has=page.locator("visible=true")).all_inner_texts()
                assert example["value"] in [json.loads(text) for text in shown], f"{name} {status}"
    for kind, message in asyncapi["components"]["messages"].items():
        expect(page.locator(f"#message-{kind}")).to_contain_text(message["summary"].replace("`", ""))
    assert "undefined" not in page.locator("main").inner_text()


@needs_chromium
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_the_page_is_accessible_on_a_phone_and_a_desk(
    open_docs: Callable[..., Page], width: int, scheme: str
) -> None:
    page = open_docs(width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@needs_chromium
def test_an_address_with_an_anchor_leads_to_its_place(open_docs: Callable[..., Page]) -> None:
    expect(open_docs(anchor="#message-feedback").locator("#message-feedback")).to_be_in_viewport()


@needs_chromium
def test_the_page_says_so_when_the_documents_cannot_be_loaded(browser: Browser, server: Server) -> None:
    page = browser.new_page()
    page.route("**/openapi.json", lambda route: route.abort())
    page.goto(server.url + "/docs")
    expect(page.get_by_role("status")).to_contain_text("could not be loaded")
    page.close()
