"""The command line: `interviewer serve`, `chat`, `keys` and what else operates the service."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from agent.interview import InterviewType
from agent.settings import Settings, SettingsError, load_settings
from evals.cli import app as evaluations
from graphs.errors import Refused, StoreFailed, StoreRefused

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
database = typer.Typer(no_args_is_help=True, help="Look after the database.")
app.add_typer(database, name="db")
app.add_typer(evaluations, name="eval")


def main() -> None:
    """Run the command line; what a person can mend ends in one sentence instead of a traceback."""
    try:
        app()
    except (SettingsError, StoreRefused, StoreFailed, Refused, OSError) as error:
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
    gc.disable()  # until it serves: what is loaded until then stays for good
    from api import server

    settings = load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    server.serve(settings.model_copy(update=given))


@app.command()
def demo() -> None:
    """Show two recorded interviews on a server of their own: a strong and a weak candidate."""
    from api.demo import run_demo

    raise typer.Exit(run_demo())


@app.command()
def chat(
    role: Annotated[str | None, typer.Option(help="The job role.")] = None,
    level: Annotated[str | None, typer.Option(help="The experience level, in any words.")] = None,
    skills: Annotated[str | None, typer.Option(help="Skills, with commas between them.")] = None,
    kind: Annotated[InterviewType | None, typer.Option("--type", help="The kind of questions.")] = None,
    minutes: Annotated[int | None, typer.Option(min=1, max=240, help="How long it takes.")] = None,
    resume: Annotated[str | None, typer.Option(help="An interview to continue: its id, or last.")] = None,
    url: Annotated[str | None, typer.Option(help="A server to use; unset: one of its own.")] = None,
    key: Annotated[str | None, typer.Option(envvar="INTERVIEWER_KEY", help="The API key for --url.")] = None,
    transcript: Annotated[Path | None, typer.Option(help="A Markdown file to write it all to.")] = None,
) -> None:
    """Be interviewed here; what is not given is asked for, or has a default in a pipe."""
    from api.chat import run_chat, split_skills

    given: dict[str, object] = {
        "job_role": role,
        "experience_level": level,
        "interview_type": kind,
        "duration": minutes,
    }
    given["skills"] = split_skills(skills) if skills is not None else None
    known = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(run_chat(known, resume, url, key, transcript))


@app.command()
def debug(
    interview_id: Annotated[str, typer.Argument(help="The interview to look into.")],
    url: Annotated[str, typer.Option(help="A LangGraph server.")] = "http://127.0.0.1:2024",
) -> None:
    """Recreate a stored interview in LangGraph Studio, to fork from the answer that went wrong."""
    from graphs.debugging import recreate_thread

    async def recreate(records: "Records") -> str:
        return await recreate_thread(await records.read_interview(interview_id), url)

    thread_id = _with_records(recreate)
    print(f"interview {interview_id} is thread {thread_id} on {url}; in Studio, open the graph `interview`")


@keys.command("create")
def create_key(name: Annotated[str, typer.Argument(help="What the key is for.")]) -> None:
    """Make a key and show it once."""
    from api.auth import create_key

    print(_with_keys(lambda records: create_key(records, name[:100])))


@keys.command("list")
def list_keys() -> None:
    """Show the keys, never the secrets themselves."""
    for key in _with_keys(lambda records: records.list_keys()):
        used = f"last used {key.last_used_at:%Y-%m-%d %H:%M}Z" if key.last_used_at else "never used"
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}Z" if key.revoked_at else used
        print(f"{key.id}  {key.name}  created {key.created_at:%Y-%m-%d %H:%M}Z  {state}")


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")]) -> None:
    """Make a key useless at once; its open sockets are closed."""
    if not _with_keys(lambda records: records.revoke_key(key_id)):
        print(
            f"interviewer: there is no key {key_id!r} in use; `interviewer keys list` shows them",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    print(f"revoked {key_id}")


@database.command("upgrade")
def upgrade() -> None:
    """Create the tables, or bring them to this program's version; servers may go on working meanwhile."""
    from graphs.migrate import HEAD, describe_database, upgrade_database

    url = load_settings().database_url
    upgrade_database(url)
    print(f"{describe_database(url)} is at version {HEAD}")


def _with_keys(work: Callable[["Records"], Awaitable[T]]) -> T:
    """Do one piece of work on the keys, if the database is where they are kept."""
    if load_settings().api_keys:
        raise SettingsError("INTERVIEWER_API_KEYS fixes the keys; unset it to keep them in the database")
    return _with_records(work)


def _with_records(work: Callable[["Records"], Awaitable[T]]) -> T:
    """Do one piece of work on the records of the configured database."""
    from graphs.migrate import expect_upgraded
    from graphs.records import Records

    settings: Settings = load_settings()
    expect_upgraded(settings.database_url)

    async def run() -> T:
        records = Records(settings.database_url)
        try:
            return await work(records)
        finally:
            await records.close()

    return asyncio.run(run())
