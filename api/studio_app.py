"""The API beside a LangGraph server's own: what `http.app` in `langgraph.json` names."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.settings import SettingsError, load_settings
from api.app import create_app
from api.auth import LOCAL_KEY_FILE, ensure_local_key
from api.errors import ApiError
from api.services import open_services
from graphs.errors import StoreRefused
from graphs.migrate import is_sqlite, sqlite_path


class ApiBeside:
    """The API on services that its first request opens.

    So Studio by itself leaves the database alone, and `interviewer serve` can have it meanwhile.
    """

    def __init__(self) -> None:
        self._opened = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        try:
            app = await self._open()
        except (SettingsError, StoreRefused) as refusal:
            error = ApiError(500, "server_error", str(refusal), {"retryable": True})
            await error.respond()(scope, receive, send)
        else:
            await app(scope, receive, send)

    async def close(self) -> None:
        """Close the services, if anything opened them."""
        self._app = None
        await self._opened.aclose()

    async def _open(self) -> ASGIApp:
        async with self._opening:
            if self._app is None:
                settings = load_settings()
                services = await self._opened.enter_async_context(open_services(settings, reads_apart=True))
                if not settings.api_keys and is_sqlite(settings.database_url):
                    folder = sqlite_path(settings.database_url).parent
                    await ensure_local_key(services.records, folder / LOCAL_KEY_FILE)
                self._app = create_app(services)
            return self._app


beside = ApiBeside()


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Close what was opened when the server stops."""
    yield
    await beside.close()


# Routes instead of a mount, which would take the prefix off the paths that the API knows. The rest of the
# API's addresses, such as /metrics and /openapi.json, are the LangGraph server's here.
app = Starlette(
    routes=[
        Route("/api/{path:path}", beside),
        WebSocketRoute("/api/{path:path}", beside),
        Route("/healthz", beside),
        Route("/readyz", beside),
    ],
    lifespan=lifespan,
)
