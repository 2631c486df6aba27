"""Starting a server: the first minute, and what goes wrong in it."""

import gc
import os
import shlex
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from running import Terminal
from serving import KEY, Server, clean_environment, create_interview, read_interview, submit
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from api.server import _spare_collector

StartServer = Callable[..., Server]


def run_command(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The finished command line in a folder."""
    return subprocess.run(
        [Path(sys.executable).with_name("interviewer"), *arguments],
        cwd=folder,
        env=clean_environment() | settings,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def expect_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """The command failed with one sentence that holds these words, and no traceback."""
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def read_rest(server: Server, last: str) -> str:
    """What a server prints after its first line, up to the line that begins so."""
    assert server.process is not None
    assert server.process.stdout is not None
    lines = [server.process.stdout.readline()]
    while lines[-1] and not lines[-1].startswith(last):
        lines.append(server.process.stdout.readline())
    return "".join(lines)


def test_a_server_collects_garbage_though_its_start_does_not() -> None:
    before = gc.get_threshold()
    gc.disable()
    try:
        _spare_collector()
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
        gc.set_threshold(*before)


def test_the_first_start_prints_a_key_and_a_line_that_works_when_pasted(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_API_KEYS="")
    line = read_rest(server, "curl").splitlines()[-1]
    pasted = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30, check=True)
    assert '"status":"success"' in pasted.stdout
    assert shlex.split(line)[0] == "curl"


def test_a_log_is_told_the_key_only_when_it_is_made(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_API_KEYS="")
    path = server.folder / "data" / "local-key"
    key = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_rest(server, "Open the page").count(key) == 3
    server.stop()
    assert read_rest(server.start(), "Open the page") == (
        f"The API key is in data/local-key\nOpen the page: {server.url}/\n"
    )
    assert path.read_text().strip() == key


def test_a_terminal_is_told_the_key_at_every_start(tmp_path: Path) -> None:
    for _ in range(2):
        with Terminal(tmp_path, "serve", "--port", "0") as terminal:
            terminal.expect(r"Open the page: http://[^\s]+/#key=")
            terminal.expect((tmp_path / "data" / "local-key").read_text().strip())


def test_a_revoked_local_key_is_replaced_at_the_next_start(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_API_KEYS="")
    path = server.folder / "data" / "local-key"
    revoked = path.read_text().strip()
    key_id = run_command(server.folder, "keys", "list").stdout.split()[0]
    assert run_command(server.folder, "keys", "revoke", key_id).returncode == 0
    server.stop()
    server.start()
    assert path.read_text().strip() != revoked
    with server.client(path.read_text().strip()) as client:
        create_interview(client)


def test_what_is_stored_is_for_the_owner_alone(start_server: StartServer) -> None:
    server = start_server()
    for path in (server.folder / "data", *(server.folder / "data").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_keys_are_stored_hashed(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_API_KEYS="")
    key = (server.folder / "data" / "local-key").read_text().strip()
    with server.client(key) as client:
        create_interview(client)
    server.stop()
    stored = b"".join(path.read_bytes() for path in (server.folder / "data").glob("interviewer.db*"))
    assert key.encode() not in stored


def test_a_key_made_beside_the_server_works_until_it_is_revoked(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_API_KEYS="")
    key = run_command(server.folder, "keys", "create", "practice app").stdout.strip()
    with server.client(key) as client:
        interview_id = create_interview(client)
        listed = run_command(server.folder, "keys", "list").stdout
        key_id = next(line.split()[0] for line in listed.splitlines() if "practice app" in line)
        assert key not in listed
        with connect(f"{server.socket_url}/{interview_id}?token={key}") as watching:
            watching.recv(timeout=10)
            assert run_command(server.folder, "keys", "revoke", key_id).returncode == 0
            assert client.get(f"/interviews/{interview_id}").status_code == 401
            with pytest.raises(ConnectionClosed) as closed:
                watching.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
    assert "revoked" in run_command(server.folder, "keys", "list").stdout


def test_revoking_an_unknown_key_says_so(tmp_path: Path) -> None:
    expect_sentence(run_command(tmp_path, "keys", "revoke", "nope"), "nope", "keys list")


def test_a_taken_port_is_told_in_a_sentence(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        expect_sentence(run_command(tmp_path, "serve", "--port", port), port, "--port")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INTERVIEWER_PORT", "eighty"),
        ("INTERVIEWER_RATE_LIMIT", "sixty a minute"),
        ("INTERVIEWER_MODEL", "parrot"),
        ("INTERVIEWER_MODEL", "openai:gpt-5-mini"),  # without a key
        ("INTERVIEWER_FALLBACK_MODEL", "parrot"),
        ("INTERVIEWER_FALLBACK_MODEL", "openai:gpt-5-mini"),
        ("INTERVIEWER_SEED", "2147483648"),
        ("INTERVIEWER_TRUSTED_PROXIES", "10.0.0.1, proxy.local"),
        ("INTERVIEWER_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("INTERVIEWER_CORS_ORIGINS", "https://app.example.com/"),
        ("INTERVIEWER_CORS_ORIGINS", "https://app.example.com, *"),
        ("INTERVIEWER_WS_CONNECTIONS", "0"),
        ("INTERVIEWER_API_KEYS", "short"),
        ("INTERVIEWER_DATABASE_URL", "mysql://localhost/x"),
        ("INTERVIEWER_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name(tmp_path: Path, name: str, value: str) -> None:
    expect_sentence(run_command(tmp_path, "serve", "--port", "0", **{name: value}), name)


def test_a_key_that_is_refused_is_not_shown(tmp_path: Path) -> None:
    assert "tooshort" not in run_command(tmp_path, "serve", INTERVIEWER_API_KEYS="tooshort").stderr


def make_foreign(path: Path) -> None:
    """The database of another program."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")


def make_newer(path: Path) -> None:
    """A database of a later version of this program."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE interviews (id INTEGER)")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda path: path.write_text("This is a text file. " * 100), "not a database"),
        (lambda path: path.mkdir(), "INTERVIEWER_DATABASE_URL"),
        (make_foreign, "another program"),
        (make_newer, "newer version"),
    ],
    ids=["text", "folder", "foreign", "newer"],
)
def test_a_database_that_cannot_be_used_is_told_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], word: str
) -> None:
    path = tmp_path / "used.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    url = f"sqlite+aiosqlite:///{path}"
    expect_sentence(
        run_command(tmp_path, "serve", "--port", "0", INTERVIEWER_DATABASE_URL=url), word, "used.db"
    )
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_second_server_on_the_same_file_is_refused(start_server: StartServer) -> None:
    server = start_server()
    expect_sentence(
        run_command(server.folder, "serve", "--port", "0"), "another server", "INTERVIEWER_DATABASE_URL"
    )


def test_the_command_works_from_any_folder_and_ends_cleanly(start_server: StartServer) -> None:
    server = start_server("elsewhere")
    with server.client() as client:
        create_interview(client)
    assert server.stop() == 0
    assert "Traceback" not in server.log


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB, as far as this user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        assert not os.environ.get("CI"), "CI mounts a small disk, for which it needs root"
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_is_told_loses_nothing_and_goes_on_when_there_is_room(
    start_server: StartServer, small_disk: Path
) -> None:
    server = start_server(INTERVIEWER_DATABASE_URL=f"sqlite+aiosqlite:///{small_disk}/interviewer.db")
    with server.client() as client:
        interview_id = create_interview(client)
        first = submit(client, interview_id, "q1", "I don't know.").json()
        filler = fill(small_disk)
        refused = submit(client, interview_id, "q2", "An answer. " * 1500)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["details"]["retryable"]) == (
            500,
            "server_error",
            True,
        )
        assert "disk is full" in error["message"]
        assert submit(client, interview_id, "q1", "I don't know.").json() == first
        filler.unlink()
        assert submit(client, interview_id, "q2", "An answer. " * 1500).status_code == 200
        assert read_interview(client, interview_id)["current_question"]["id"] == "q3"


def fill(disk: Path) -> Path:
    """A file that takes all the room that is left."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return path


def test_the_fixed_keys_leave_no_key_file(start_server: StartServer) -> None:
    server = start_server()
    assert httpx.get(server.url + "/readyz").status_code == 200
    assert not (server.folder / "data" / "local-key").exists()
    assert KEY not in server.welcome[0]
