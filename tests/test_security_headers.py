"""Headers that keep browsers safe: on every response, whoever gives it and whatever it says."""

import socket
from collections.abc import Callable

import httpx
import pytest
from serving import KEY, Server, create_interview
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

StartServer = Callable[..., Server]

PROTECTION = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

BAD_HANDSHAKE = (
    "GET /api/v1/ws/interviews/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)


def expect_protection(response: httpx.Response) -> None:
    """The headers are there, each once, and nothing tells what serves."""
    names = [name.lower() for name, _ in response.headers.multi_items()]
    assert len(set(names)) == len(names), names
    assert {name: response.headers.get(name) for name in PROTECTION} == PROTECTION, response.request.url
    policy = read_policy(response)
    assert policy["default-src"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert {word for words in policy.values() for word in words} == {"'none'", "'self'"}
    assert "server" not in response.headers
    assert "strict-transport-security" not in response.headers


def read_policy(response: httpx.Response) -> dict[str, list[str]]:
    """The content security policy as directives and their words."""
    parts = [part.split() for part in response.headers["content-security-policy"].split(";")]
    return {name: words for name, *words in parts}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/interviews/nope", 404),
        ("PUT", "/api/v1/interviews", 405),
        ("OPTIONS", "/api/v1/interviews", 405),
        ("POST", "/api/v1/interviews", 400),
    ],
)
def test_every_response_has_them(server: Server, method: str, path: str, status: int) -> None:
    response = httpx.request(method, server.url + path, headers={"Authorization": f"Bearer {KEY}"})
    assert response.status_code == status
    expect_protection(response)


def test_refusals_and_successes_have_them(server: Server, client: httpx.Client) -> None:
    interview_id = create_interview(client)
    expect_protection(client.get(f"/interviews/{interview_id}"))
    expect_protection(httpx.get(f"{server.url}/api/v1/interviews/{interview_id}"))  # 401
    expect_protection(client.post("/interviews", content=b"x" * 300_000))  # 413


def test_a_refused_socket_has_them(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{server.socket_url}/nope?token={KEY}")
    headers = list(refused.value.response.headers.raw_items())
    expect_protection(httpx.Response(404, headers=headers, request=httpx.Request("GET", server.url)))


@pytest.mark.parametrize("sent", ["NONSENSE\r\n\r\n", BAD_HANDSHAKE])
def test_what_is_no_request_is_refused_with_them(server: Server, sent: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw, raw.makefile("rb") as told:
        raw.sendall(sent.encode())
        status = int(told.readline().split()[1])
        lines = iter(lambda: told.readline().decode().strip(), "")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    assert status == 400
    expect_protection(httpx.Response(status, headers=headers, request=httpx.Request("GET", server.url)))


def test_an_open_socket_does_not_tell_what_serves(server: Server, client: httpx.Client) -> None:
    with connect(f"{server.socket_url}/{create_interview(client)}?token={KEY}") as opened:
        assert opened.response is not None
        assert "server" not in opened.response.headers


def test_what_a_client_says_of_tls_is_not_believed_and_what_a_trusted_proxy_says_is(
    start_server: StartServer,
) -> None:
    said = {"X-Forwarded-Proto": "https"}
    stranger = httpx.get(start_server("alone").url + "/healthz", headers=said)
    assert "strict-transport-security" not in stranger.headers
    proxied = start_server("proxied", INTERVIEWER_TRUSTED_PROXIES="127.0.0.1")
    told = httpx.get(proxied.url + "/healthz", headers=said).headers["strict-transport-security"]
    assert told == "max-age=31536000"
    assert "strict-transport-security" not in httpx.get(proxied.url + "/healthz").headers
