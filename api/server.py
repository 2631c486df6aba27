"""Serving: the process around the application, and what it tells the person who starts it."""

import asyncio
import logging
import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
import uvloop

from agent.settings import Settings
from api.app import create_app
from api.auth import LOCAL_KEY_FILE, ensure_local_key
from api.services import Services, open_services
from graphs.migrate import sqlite_path

SHUTDOWN_SECONDS = 30


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
    async with open_services(settings) as services:
        config = uvicorn.Config(
            create_app(services),
            ws="websockets-sansio",
            ws_max_size=settings.max_body_bytes,
            lifespan="off",
            log_config=None,
            access_log=False,  # its lines would carry the keys of sockets
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        welcome = await _welcome(services, listener)
        await AnnouncingServer(config, welcome).serve(sockets=[listener])


class AnnouncingServer(uvicorn.Server):
    """Says where it serves once it does, and ends by itself when it is told to stop."""

    def __init__(self, config: uvicorn.Config, welcome: str) -> None:
        super().__init__(config)
        self._welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        sys.stdout.write(self._welcome)
        sys.stdout.flush()

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
    """The address, the key and a line to paste, for someone who has just started the server."""
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [f"Interviewer is serving on {url} (engine: {services.settings.model})"]
    if not services.settings.api_keys:
        path = sqlite_path(services.settings.database_url).parent / LOCAL_KEY_FILE
        key = await ensure_local_key(services.records, path)
        body = '{"job_role": "Python Developer", "skills": ["Python"], "duration": 15}'
        headers = ["-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json"]
        lines += [
            f"API key: {key} (kept in {path})",
            "Create an interview:",
            shlex.join(["curl", "-s", f"{url}/api/v1/interviews", *headers, "-d", body]),
        ]
    return "\n".join(lines) + "\n"


def configure_logs(level: str) -> None:
    """One JSON line per event on standard error, for our events and the libraries' alike."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(
        level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s", force=True
    )
    # uvicorn reports a refused socket as an application that forgot to answer, which it did not.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "completing handshake" not in str(record.msg))
