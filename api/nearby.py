"""What lies on this machine beside the database: the local key, and which interview the chat held last.

It imports what needs time only when it is asked, since most commands are done before.
"""

from contextlib import suppress
from pathlib import Path

from agent.settings import load_settings

LAST_CHAT = "last-chat"


def find_local_key() -> str | None:
    """The key that a server on this machine made."""
    from api.auth import LOCAL_KEY_FILE  # noqa: PLC0415

    path = _folder() / LOCAL_KEY_FILE
    return path.read_text().strip() if path.exists() else None


def note_chat(interview_id: str, url: str | None) -> None:
    """Remember an interview that has begun, and the server's address if that is not one of our own."""
    path = _folder() / LAST_CHAT
    with suppress(OSError):  # the interview can be held without
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{interview_id}\n{url or ''}\n")


def recall_chat() -> tuple[str, str | None] | None:
    """The last interview that was begun and not finished, with the server's address."""
    path = _folder() / LAST_CHAT
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return (lines[0], lines[1] or None) if len(lines) > 1 else None


def forget_chat(interview_id: str) -> None:
    """This interview is not to be continued, so it is remembered no more."""
    last = recall_chat()
    if last is not None and last[0] == interview_id:
        with suppress(OSError):
            (_folder() / LAST_CHAT).unlink(missing_ok=True)


def _folder() -> Path:
    from graphs.migrate import is_sqlite, sqlite_path  # noqa: PLC0415

    url = load_settings().database_url
    return sqlite_path(url).parent if is_sqlite(url) else Path("data")
