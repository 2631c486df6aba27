"""The command line: `interviewer serve`, `chat`, `keys` and what else operates the service."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from agent.settings import Settings, SettingsError, load_settings
from graphs.errors import StoreFailed, StoreRefused

if TYPE_CHECKING:
    from graphs.records import Records

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An interviewer for apps.",
)
keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
app.add_typer(keys, name="keys")


def main() -> None:
    """Run the command line; what a person can mend ends in one sentence instead of a traceback."""
    try:
        app()
    except (SettingsError, StoreRefused, StoreFailed, OSError) as error:
        print(f"interviewer: {error}", file=sys.stderr)
        raise SystemExit(1) from None


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = None,
) -> None:
    """Serve the API."""
    from api import server

    settings = load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    server.serve(settings.model_copy(update=given))


@keys.command("create")
def create_key(name: Annotated[str, typer.Argument(help="What the key is for.")]) -> None:
    """Make a key and show it once."""
    from api.auth import create_key

    print(_with_records(lambda records: create_key(records, name[:100])))


@keys.command("list")
def list_keys() -> None:
    """Show the keys, never the secrets themselves."""
    for key in _with_records(lambda records: records.list_keys()):
        used = f"last used {key.last_used_at:%Y-%m-%d %H:%M}Z" if key.last_used_at else "never used"
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}Z" if key.revoked_at else used
        print(f"{key.id}  {key.name}  created {key.created_at:%Y-%m-%d %H:%M}Z  {state}")


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")]) -> None:
    """Make a key useless at once; its open sockets are closed."""
    if not _with_records(lambda records: records.revoke_key(key_id)):
        print(
            f"interviewer: there is no key {key_id!r} in use; `interviewer keys list` shows them",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    print(f"revoked {key_id}")


def _with_records(work: Callable[["Records"], Awaitable[T]]) -> T:
    """Do one piece of work on the records of the configured database."""
    from graphs.migrate import upgrade_database
    from graphs.records import Records

    settings: Settings = load_settings()
    if settings.api_keys:
        raise SettingsError("INTERVIEWER_API_KEYS fixes the keys; unset it to keep them in the database")
    upgrade_database(settings.database_url)

    async def run() -> T:
        records = Records(settings.database_url)
        try:
            return await work(records)
        finally:
            await records.close()

    return asyncio.run(run())
