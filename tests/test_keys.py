"""Keys: nobody gets in without one, guessing teaches nothing, and a revoked one is worth nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from running import run_interviewer
from serving import KEY, Server, create_interview
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.auth import hash_key, make_key, name_caller, name_key

StartServer = Callable[..., Server]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server whose keys live in its database."""
    running = Server(tmp_path_factory.mktemp("keyed")).start()
    yield running
    running.kill()


def make_key_for(server: Server, name: str) -> tuple[str, str]:
    """A new key of the server's database and its id."""
    key = run_interviewer(server.folder, "keys", "create", name).stdout.strip()
    return key, name_key(hash_key(key))


def change(server: Server, statement: str, *values: str) -> None:
    """Change the database of a running server."""
    path = server.folder / "data" / "interviewer.db"
    with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
        connection.execute(statement, values)


def listed(server: Server, key_id: str) -> str:
    """What `keys list` says about a key."""
    lines = run_interviewer(server.folder, "keys", "list").stdout.splitlines()
    return next(line for line in lines if line.startswith(key_id))


def try_key(server: Server, key: str, *forwarded_for: str) -> httpx.Response:
    """The response to a key, as from behind proxies where those are named."""
    headers = [("Authorization", f"Bearer {key}"), *(("X-Forwarded-For", value) for value in forwarded_for)]
    return httpx.get(server.url + "/api/v1/interviews/nope", headers=headers)


def test_keys_are_long_and_random() -> None:
    keys = {make_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert min(map(len, keys)) >= 32


def test_a_key_counts_by_its_whole_hash(keyed: Server) -> None:
    key, key_id = make_key_for(keyed, "app")
    assert try_key(keyed, key).status_code == 404
    twin = key_id + hash_key(make_key())[len(key_id) :]
    change(keyed, "UPDATE api_keys SET key_hash = ? WHERE id = ?", twin, key_id)
    assert try_key(keyed, key).status_code == 401


def test_a_refusal_does_not_tell_what_was_wrong(keyed: Server) -> None:
    key, key_id = make_key_for(keyed, "app")
    assert run_interviewer(keyed.folder, "keys", "revoke", key_id).returncode == 0
    revoked, near, unknown = (try_key(keyed, tried) for tried in (key, key[:-1] + "!", "x"))
    assert revoked.status_code == 401
    assert revoked.json() == near.json() == unknown.json()
    names = {tuple(sorted(response.headers)) for response in (revoked, near, unknown)}
    assert len(names) == 1


@pytest.mark.parametrize(
    "tried",
    [KEY[:-1], KEY + "0", KEY.upper(), KEY + ",", f"{KEY}\u00e9", name_key(hash_key(KEY)), hash_key(KEY)],
)
def test_nothing_but_the_key_itself_opens(server: Server, tried: str) -> None:
    header = f"Bearer {tried}".encode("latin-1")
    refused = httpx.get(server.url + "/api/v1/interviews/nope", headers={b"Authorization": header})
    assert refused.status_code == 401


def test_a_key_in_the_address_opens_sockets_and_nothing_else(server: Server) -> None:
    refused = httpx.get(server.url + "/api/v1/interviews/nope", params={"token": KEY})
    assert refused.status_code == 401


def test_the_last_use_is_recorded(keyed: Server) -> None:
    key, key_id = make_key_for(keyed, "app")
    assert "never used" in listed(keyed, key_id)
    try_key(keyed, key)
    assert "last used 20" in listed(keyed, key_id)


def test_a_use_that_cannot_be_recorded_keeps_nobody_from_reading(keyed: Server) -> None:
    key, key_id = make_key_for(keyed, "app")
    change(
        keyed,
        "CREATE TRIGGER full BEFORE UPDATE ON api_keys BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
    )
    assert try_key(keyed, key).status_code == 404
    change(keyed, "DROP TRIGGER full")
    assert "never used" in listed(keyed, key_id)
    assert "key_use_not_recorded" in keyed.log


def test_guesses_over_sockets_and_requests_are_counted_together(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_AUTH_FAILURE_LIMIT="4/minute")
    for _ in range(2):
        assert try_key(server, "guess").status_code == 401
        assert open_with(server, "guess") == 401
    assert open_with(server, "guess") == 429
    refused = try_key(server, "guess")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1


def open_with(server: Server, token: str) -> int:
    """The status that a socket with this key is refused with."""
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{server.socket_url}/nope?token={token}")
    return refused.value.response.status_code


def test_behind_a_trusted_proxy_each_client_is_slowed_down_for_itself(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_AUTH_FAILURE_LIMIT="2/minute", INTERVIEWER_TRUSTED_PROXIES="127.0.0.1")
    guesser, other = "203.0.113.7", "203.0.113.8"
    assert [try_key(server, "guess", guesser).status_code for _ in range(3)] == [401, 401, 429]
    for disguise in (f"198.51.100.1, {guesser}", f"198.51.100.2, {guesser}:4711", f"{other},  {guesser}"):
        assert try_key(server, "guess", disguise).status_code == 429
    assert try_key(server, "guess", other, guesser).status_code == 429  # two headers are one list
    assert try_key(server, "guess", other).status_code == 401
    assert try_key(server, KEY, guesser).status_code == 404


def test_an_ipv6_site_counts_as_one_client(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_AUTH_FAILURE_LIMIT="2/minute", INTERVIEWER_TRUSTED_PROXIES="127.0.0.1")
    tried = [try_key(server, "guess", f"2001:db8:1:2::{n}").status_code for n in range(3)]
    assert tried == [401, 401, 429]
    assert try_key(server, "guess", "2001:db8:1:3::1").status_code == 401


def test_an_ipv4_proxy_is_known_to_a_server_that_listens_on_ipv6_too(start_server: StartServer) -> None:
    server = start_server(
        INTERVIEWER_HOST="::",
        INTERVIEWER_AUTH_FAILURE_LIMIT="1/minute",
        INTERVIEWER_TRUSTED_PROXIES="127.0.0.0/8",
    )
    for client in ("203.0.113.7", "203.0.113.8"):
        assert try_key(server, "guess", client).status_code == 401
    assert try_key(server, "guess", "203.0.113.7").status_code == 429


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
        ("unknown", ""),
        ("_hidden", "not an address"),
    ],
)
def test_what_is_one_caller_counts_as_one(one: str, other: str) -> None:
    assert name_caller(one) == name_caller(other)


def test_two_addresses_are_two_callers() -> None:
    addresses = (
        "192.0.2.1",
        "192.0.2.2",
        "2001:db8:0:1::1",
        "2001:db8:0:2::1",
        "::ffff:192.0.2.3",
        "unknown",
    )
    assert len(set(map(name_caller, addresses))) == len(addresses)


def test_nobody_s_guesses_touch_a_key_that_is_valid(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_AUTH_FAILURE_LIMIT="1/minute")
    assert [try_key(server, "guess").status_code for _ in range(3)] == [401, 429, 429]
    with server.client() as client, connect(f"{server.socket_url}/{create_interview(client)}?token={KEY}"):
        assert try_key(server, KEY).status_code == 404


def test_a_key_file_is_readable_by_its_owner_alone_from_the_first_byte(tmp_path: Path) -> None:
    from api.auth import _keep

    (tmp_path / "local-key.new").symlink_to(tmp_path / "elsewhere")  # laid down by somebody else
    _keep(tmp_path / "local-key", "secret")
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / "local-key").stat().st_mode & 0o777 == 0o600
