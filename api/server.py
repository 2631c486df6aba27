"""Serving: the process around the application, and what it tells the person who starts it."""

import asyncio
import gc
import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import ceil
from urllib.parse import quote

import uvicorn
import uvloop

from agent.settings import Settings
from api.app import create_app
from api.auth import LOCAL_KEY_FILE, ensure_local_key
from api.connections import HttpConnection, SocketConnection, Unread
from api.logs import configure_logs, log_loop_fault
from api.services import Services, open_services
from graphs.migrate import is_sqlite, sqlite_path

COLLECT_AFTER = 10_000  # new objects that may hold each other; Python's own 700 come together in each answer


def serve(settings: Settings) -> None:
    """Serve until the process is told to stop.

    Raises `StoreRefused` if the database cannot be used, and `OSError` if the address cannot be.
    """
    configure_logs(settings.log_level)
    os.umask(0o077)  # what candidates said is for nobody else on this machine
    with (
        bind(settings.host, settings.port) as listener,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    asyncio.get_running_loop().set_exception_handler(log_loop_fault)
    async with open_services(settings) as services:
        config = uvicorn.Config(
            create_app(services),
            http=HttpConnection,
            ws=SocketConnection,
            ws_max_size=settings.max_body_bytes,
            ws_ping_interval=settings.ping_seconds,
            ws_ping_timeout=settings.ping_seconds,
            ws_per_message_deflate=False,  # it takes 40 KB per socket, and the messages are short
            timeout_keep_alive=settings.request_seconds,
            lifespan="off",
            log_config=None,
            access_log=False,  # its lines would carry the keys of sockets
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
        )
        welcome = await _welcome(services, listener)
        _spare_collector()
        await AnnouncingServer(config, services, welcome).serve(sockets=[listener])


def _spare_collector() -> None:
    """Keep the garbage collector away from what was loaded for good, and let it come less often."""
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    gc.enable()


class AnnouncingServer(uvicorn.Server):
    """Says where it serves once it does, and ends by itself when it is told to stop."""

    def __init__(self, config: uvicorn.Config, services: Services, welcome: str) -> None:
        super().__init__(config)
        self._services = services
        self._welcome = welcome
        self._unread = Unread(services.settings.ping_seconds)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        sys.stdout.write(self._welcome)
        sys.stdout.flush()

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections once a second; this is called ten times in one."""
        if counter % 10 == 0:
            transports = [connection.transport for connection in self.server_state.connections]
            self._unread.check(transports, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in nothing new, and let what has begun finish; a socket is closed once it is idle."""
        shutdown = self._services.shutdown
        shutdown.begin()
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpConnection):
                connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(shutdown.seconds_left):
                # A second signal ends this wait, too.
                while self._services.sockets.owners and not self.force_exit:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        self.config.timeout_graceful_shutdown = ceil(shutdown.seconds_left)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Finish on a signal, without dying of it before the services are closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises `OSError` with a sentence that says what to do."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(
            f"cannot listen on {host}:{port} ({error.strerror or error}). Stop what uses the port, "
            "or choose another with --port"
        ) from None
    return listener


async def _welcome(services: Services, listener: socket.socket) -> str:
    """The address, the key and a line to paste, for someone who has just started the server.

    What is no terminal keeps what it is told, such as a log, so there the key is told only when it is made.
    """
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [f"Interviewer is serving on {url} (engine: {services.settings.model})"]
    fragment = ""
    if not is_sqlite(services.settings.database_url):
        if not services.settings.api_keys and not await services.records.list_keys():
            lines.append("There is no API key yet: make one with `interviewer keys create <name>`")
    elif not services.settings.api_keys:
        path = sqlite_path(services.settings.database_url).parent / LOCAL_KEY_FILE
        key, is_new = await ensure_local_key(services.records, path)
        if is_new or sys.stdout.isatty():
            fragment = f"#key={quote(key, safe='')}"  # which a browser sends to nobody
            lines += [f"API key: {key} (kept in {path})", "Create an interview:", _example(url, key)]
        else:
            lines.append(f"The API key is in {path}")
    lines.append(f"Open the page: {url}/{fragment}")
    return "\n".join(lines) + "\n"


def _example(url: str, key: str) -> str:
    body = '{"job_role": "Python Developer", "skills": ["Python"], "duration": 15}'
    headers = ["-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json"]
    return shlex.join(["curl", "-s", f"{url}/api/v1/interviews", *headers, "-d", body])
