"""Which web pages may call: none but the server's own, unless the settings name their origins."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest
from serving import INTERVIEW, KEY, Server, create_interview
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

StartServer = Callable[..., Server]

APP, FOREIGN = "https://app.example.com", "https://evil.example.com"
ASKS = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the pages of one other origin may call."""
    settings = {"INTERVIEWER_API_KEYS": KEY, "INTERVIEWER_CORS_ORIGINS": f"{APP}, http://localhost:5173"}
    running = Server(tmp_path_factory.mktemp("opened"), settings).start()
    yield running
    running.kill()


def preflight(server: Server, origin: str, **asks: str) -> httpx.Response:
    """A browser's question whether a page of an origin may create an interview."""
    headers = {"Origin": origin} | ASKS | {name.replace("_", "-"): value for name, value in asks.items()}
    return httpx.options(server.url + "/api/v1/interviews", headers=headers)


def open_socket(server: Server, origin: str | None) -> int:
    """The status of a socket's handshake by a page of an origin, or by no browser."""
    with server.client() as client:
        address = f"{server.socket_url}/{create_interview(client)}?token={KEY}"
    try:
        with connect(address, origin=Origin(origin) if origin else None):
            return 101
    except InvalidStatus as refused:
        error = json.loads(refused.response.body or b"{}")["error"]
        assert error["code"] == "unauthorized"
        assert "INTERVIEWER_CORS_ORIGINS" in error["message"]
        return refused.response.status_code


def test_by_default_no_other_page_may_call(server: Server, client: httpx.Client) -> None:
    asked = preflight(server, APP)
    assert asked.status_code == 400
    assert asked.json()["error"]["code"] == "invalid_request"
    assert "INTERVIEWER_CORS_ORIGINS" in asked.json()["error"]["message"]
    done = client.post("/interviews", json=INTERVIEW, headers={"Origin": APP})
    for response in (asked, done):
        assert "access-control-allow-origin" not in response.headers


def test_a_named_origin_may_call_and_read_what_it_needs(opened: Server) -> None:
    asked = preflight(opened, APP)
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == APP
    assert {"GET", "POST"} <= set(asked.headers["access-control-allow-methods"].split(", "))
    allowed = asked.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "idempotency-key", "x-request-id"} <= set(allowed)
    with opened.client() as client:
        done = client.post("/interviews", json=INTERVIEW, headers={"Origin": APP})
    assert done.status_code == 201
    assert done.headers["access-control-allow-origin"] == APP
    assert set(done.headers["access-control-expose-headers"].split(", ")) == {"X-Request-ID", "Retry-After"}
    assert "access-control-allow-credentials" not in done.headers


def test_an_answer_to_a_page_is_kept_for_no_other(opened: Server) -> None:
    for origin in (APP, FOREIGN):
        headers = httpx.get(opened.url + "/healthz", headers={"Origin": origin}).headers
        assert "Origin" in headers["vary"]
        assert headers["x-request-id"]


def test_a_page_can_read_why_it_was_refused(opened: Server) -> None:
    refused = httpx.post(opened.url + "/api/v1/interviews", json=INTERVIEW, headers={"Origin": APP})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == APP


@pytest.mark.parametrize(
    "origin",
    [
        FOREIGN,
        "null",
        APP + ".evil.example.com",
        "http://app.example.com",
        APP + ":444",
        "https://app.example.co",
    ],
)
def test_an_origin_counts_only_as_a_whole(opened: Server, origin: str) -> None:
    assert preflight(opened, origin).status_code == 400
    headers = httpx.get(opened.url + "/healthz", headers={"Origin": origin}).headers
    assert "access-control-allow-origin" not in headers
    assert open_socket(opened, origin) == 403


def test_a_preflight_for_more_than_the_api_has_is_refused_in_the_envelope(opened: Server) -> None:
    for asks in ({"Access_Control_Request_Method": "DELETE"}, {"Access_Control_Request_Headers": "x-other"}):
        refused = preflight(opened, APP, **asks)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "invalid_request"
        assert refused.headers["content-type"] == "application/json"
        assert refused.headers["x-request-id"]


def test_all_origins_are_allowed_only_by_an_explicit_star(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_CORS_ORIGINS="*")
    assert preflight(server, FOREIGN).headers["access-control-allow-origin"] == "*"
    assert open_socket(server, "null") == 101


def test_a_socket_opens_for_named_pages_our_own_and_whoever_is_no_browser(opened: Server) -> None:
    for origin in (APP, "http://localhost:5173", opened.url, None):
        assert open_socket(opened, origin) == 101


def test_by_default_a_socket_opens_for_our_own_pages_alone(server: Server) -> None:
    assert open_socket(server, server.url) == 101
    assert open_socket(server, f"https://127.0.0.1:{server.port}") == 101  # where a proxy speaks TLS for us
    for foreign in (
        APP,
        "null",
        "http://127.0.0.1",
        f"http://127.0.0.1:{server.port}0",
        "http://",
        "://",
        "x",
    ):
        assert open_socket(server, foreign) == 403


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("app.example.com", APP, 101),
        ("APP.example.com:443", APP, 101),
        ("app.example.com:80", APP, 403),
        ("[::1]:80", "http://[::1]", 101),
        ("[::1]", "http://[::1]:80", 101),
        ("[::1]", "http://[::2]", 403),
        ("app.example.com.evil.example.com", APP, 403),
    ],
)
def test_a_page_is_our_own_by_host_and_port_and_a_usual_port_may_be_left_out(
    server: Server, client: httpx.Client, host: str, origin: str, status: int
) -> None:
    address = f"{server.url}/api/v1/ws/interviews/{create_interview(client)}?token={KEY}"
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with httpx.stream("GET", address, headers=upgrade | {"Host": host, "Origin": origin}) as handshake:
        assert handshake.status_code == status
