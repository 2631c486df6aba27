"""Real parts for the tests: server processes on files of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import httpx
import pytest
from serving import KEY, OTHER_KEY, Server

if TYPE_CHECKING:
    from databases import Postgres
    from playwright.sync_api import Browser


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers in a folder of the test; they end with it."""
    servers: list[Server] = []

    def start(folder: str = "", **settings: str) -> Server:
        (tmp_path / folder).mkdir(exist_ok=True)
        given = {
            "INTERVIEWER_API_KEYS": f"{KEY},{OTHER_KEY}",
            "INTERVIEWER_RATE_LIMIT": "100000/minute",
        } | settings
        servers.append(Server(tmp_path / folder, {name: value for name, value in given.items() if value}))
        return servers[-1].start()

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module that leave no trace in each other's interviews."""
    settings = {"INTERVIEWER_API_KEYS": f"{KEY},{OTHER_KEY}", "INTERVIEWER_RATE_LIMIT": "100000/minute"}
    running = Server(tmp_path_factory.mktemp("server"), settings).start()
    yield running
    running.kill()


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of the module's server."""
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """One browser for the tests of a module; each has contexts of its own."""
    from browsing import launch
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def postgres() -> "Iterator[Postgres]":
    """One PostgreSQL for the tests of a module; each has a database of its own."""
    from databases import Postgres

    with TemporaryDirectory(prefix="postgres") as folder:
        Path(folder).chmod(0o755)  # it runs as another user where the tests run as root
        running = Postgres(Path(folder)).create()
        yield running
        running.stop()
