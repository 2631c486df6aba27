"""An interview in the terminal, or in a pipe that has one answer in each line."""

import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import get_args

import httpx
import typer
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from agent.interview import InterviewType
from agent.settings import load_settings
from api.child import start_server
from api.client import (
    PATIENCE,
    CallFailed,
    Client,
    Interview,
    Question,
    create_interview,
    end_interview,
    is_near,
    read_interview,
)
from api.conversation import Asked, Conversation, Ended, Event, Graded, Thinking, Writing
from api.terminal import (
    name_question,
    show_answer,
    show_evaluation,
    show_question,
    show_scores,
    show_summary,
    show_title,
    write_markdown,
)

BAR_CELLS = 12
FIRST_PATIENCE = 3.0
INTERRUPTED = 130
DEFAULTS: Mapping[str, object] = {
    "job_role": "Software Developer",
    "experience_level": "Mid-level",
    "skills": [],
    "interview_type": "mixed",
    "duration": 30,
}
HELP = """\
Type your answer and press Enter. A backslash (\\) at the end of a line lets you go on in the next one.
  /end   end the interview now and see the summary
  /quit  leave; the interview waits, and --resume continues it
  /help  show this
"""


class Left(Exception):
    """The candidate leaves, and the interview stays as it is."""


def run_chat(
    given: Mapping[str, object], resume: str | None, url: str | None, key: str | None, transcript: Path | None
) -> int:
    """Hold an interview with whoever is at standard input, and give the exit status.

    `given` holds the parts of the configuration that are known. Without `url` it runs on a server of its own.
    Raises `OSError` if that does not start or the transcript cannot be written.
    """
    _prepare_input()
    if transcript is not None:
        transcript.touch()  # better refused now than after the interview
    console = Console(highlight=False)
    try:
        with ExitStack() as stack:
            client = stack.enter_context(_connect(stack, console, url, key))
            return _hold(console, client, given, resume, transcript)
    except CallFailed as error:
        typer.echo(f"interviewer: {error}", err=True)
        return 1
    except KeyboardInterrupt:
        console.print()
        return INTERRUPTED


def _connect(stack: ExitStack, console: Console, url: str | None, key: str | None) -> Client:
    """A client of the server at `url`, or of one that lasts as long as the stack."""
    if url is None:
        with _waiting(console, "starting"):
            return Client(*_start_own(stack))
    try:
        key = key or (_find_local_key() if is_near(url) else None)
        if not key or not key.isascii():
            raise CallFailed("unauthorized", "An API key is needed: give --key or set INTERVIEWER_KEY.")
        return Client(url, key, patience=FIRST_PATIENCE)
    except (httpx.InvalidURL, ValueError):
        raise CallFailed("unreachable", f"{url!r} is no address of a server.") from None


def _start_own(stack: ExitStack) -> tuple[str, str]:
    fixed = load_settings().api_keys
    environment = {"INTERVIEWER_RATE_LIMIT": "1000/minute"} | os.environ
    try:
        return stack.enter_context(start_server(environment, fixed[0].get_secret_value() if fixed else None))
    except OSError as error:
        raise OSError(f"{error}. A server that runs already can be used with --url") from None


def _find_local_key() -> str | None:
    """The key that a server on this machine made in the folder of its database."""
    from api.auth import LOCAL_KEY_FILE  # noqa: PLC0415 - slow to import, and seldom needed
    from graphs.migrate import sqlite_path  # noqa: PLC0415

    path = sqlite_path(load_settings().database_url).parent / LOCAL_KEY_FILE
    return path.read_text().strip() if path.exists() else None


def _hold(
    console: Console, client: Client, given: Mapping[str, object], resume: str | None, transcript: Path | None
) -> int:
    interview = client.send(read_interview(resume or _create(client, given)))
    client.patience = PATIENCE  # there is a server, so it is worth waiting for
    chat = Chat(console, client, interview)
    chat.introduce()
    try:
        chat.converse()
    except (Left, KeyboardInterrupt) as left:
        chat.say_goodbye()
        return 0 if isinstance(left, Left) else INTERRUPTED
    interview = client.send(read_interview(interview.interview_id))
    _show_result(console, interview)
    if transcript is not None:
        transcript.write_text(write_markdown(interview), encoding="utf-8")
        console.print(f"The transcript is in {transcript}.", markup=False)
    return 0


def _create(client: Client, given: Mapping[str, object]) -> str:
    config = complete_config(given) if sys.stdin.isatty() else {**DEFAULTS, **given}
    return client.send(create_interview(str(config.pop("job_role")), **config)).interview_id


def _show_result(console: Console, interview: Interview) -> None:
    show_title(console, "Summary")
    show_scores(console, interview.turns or [])
    if interview.summary is not None:
        show_summary(console, interview.summary)


@dataclass(slots=True)
class Chat:
    """One interview with one person."""

    console: Console
    client: Client
    interview: Interview
    number: int = 0
    asked: set[str] = field(default_factory=set)

    def introduce(self) -> None:
        """Say what this interview is about and how to come back to it."""
        config, progress = self.interview.config, self.interview.progress
        self.number = progress.questions_asked
        if self.interview.current_question is not None:
            self.asked.add(self.interview.current_question.id)
        about = [config.experience_level, config.interview_type.replace("_", " "), ", ".join(config.skills)]
        about += [f"{config.duration} minutes", f"about {progress.questions_planned} questions"]
        show_title(self.console, f"Interview: {config.job_role}")
        self._print(" · ".join(part for part in about if part))
        self._print(f"Interview {self.interview.interview_id} · /help shows what you can do\n", "dim")

    def converse(self) -> None:
        """Go on until the interview is over. Raises `Left`, and `CallFailed` if the server is lost."""
        with Conversation(self.client, self.interview.interview_id, stream=True) as conversation:
            while True:
                match self._wait(conversation):
                    case Asked(question):
                        self._show_question(question)
                        answer = self._read_answer()
                        if answer is None:
                            self.console.print()
                            self.client.send(end_interview(self.interview.interview_id))
                            return
                        conversation.answer(question.id, answer)
                    case Graded(_, evaluation):
                        show_evaluation(self.console, evaluation)
                    case CallFailed() as refused:
                        self._print(f"{refused}\n", "red")
                    case Ended():
                        return

    def say_goodbye(self) -> None:
        """Tell how the interview can be continued."""
        where = [] if is_near(self.client.url) else ["--url", self.client.url]
        command = shlex.join(["interviewer", "chat", "--resume", self.interview.interview_id, *where])
        self._print(f"\nThe interview waits for you. Continue it with:\n  {command}")

    def _wait(self, conversation: Conversation) -> Event | CallFailed:
        """What comes next, with feedback shown as it is written; or why the answer was refused."""
        written = ""
        with _waiting(self.console, "thinking") as show:
            try:
                for event in conversation:
                    if isinstance(event, Writing):
                        written += event.text
                        show(written)
                    elif not isinstance(event, Thinking):
                        return event
            except CallFailed as error:
                if error.code != "invalid_request":
                    raise
                return error
        raise Left

    def _show_question(self, question: Question) -> None:
        self.number += question.kind == "main" and question.id not in self.asked
        self.asked.add(question.id)
        planned = self.interview.progress.questions_planned
        of = f" of {planned}" if question.kind == "main" else ""
        filled = round(BAR_CELLS * self.number / max(planned, self.number))
        bar = "■" * filled + "□" * (BAR_CELLS - filled)
        name = name_question(question, self.number) + of
        show_question(self.console, question, name, f"{self._time_left()}  {bar}")

    def _time_left(self) -> str:
        ends_at = self.interview.progress.ends_at
        if ends_at is None:
            return f"{self.interview.config.duration} minutes"
        minutes = ceil((ends_at - datetime.now(UTC)).total_seconds() / 60)
        if minutes <= 0:
            return "time is up after this one"
        return "last minute" if minutes == 1 else f"{minutes} minutes left"

    def _read_answer(self) -> str | None:
        """The next answer, or nothing if the interview is to be ended. Raises `Left`."""
        while True:
            text = read_entry()
            if text is None and sys.stdin.isatty():
                raise Left
            if text is None or text == "/end":
                return None
            if text == "/quit":
                raise Left
            if text == "/help":
                self._print(HELP)
            elif re.fullmatch(r"/\w+", text):
                self._print(f"There is no command {text}; /help shows those there are.\n", "red")
            elif text:
                self._show_answer(text)
                return text

    def _show_answer(self, text: str) -> None:
        """Repeat what came through a pipe; at a terminal it stands there already."""
        if sys.stdin.isatty():
            self.console.print()
        else:
            show_answer(self.console, text)

    def _print(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style))


def read_entry() -> str | None:
    """One entry from standard input, of several lines where they end with a backslash; nothing at its end."""
    lines: list[str] = []
    while not lines or lines[-1].endswith("\\"):
        line = _read_line("… " if lines else "> ")
        if line is None:
            break
        lines.append(line)
    return "\n".join(line.removesuffix("\\") for line in lines).strip() if lines else None


def complete_config(given: Mapping[str, object]) -> dict[str, object]:
    """The configuration, with what is not given asked for at the terminal."""
    questions: dict[str, Callable[[], object]] = {
        "job_role": lambda: typer.prompt("Job role", default=DEFAULTS["job_role"]),
        "experience_level": lambda: typer.prompt("Level", default=DEFAULTS["experience_level"]),
        "skills": lambda: split_skills(
            typer.prompt("Skills, with commas between them", default="", show_default=False)
        ),
        "interview_type": lambda: typer.prompt(
            f"Type ({', '.join(get_args(InterviewType))})",
            default=DEFAULTS["interview_type"],
            value_proc=_check_type,
        ),
        "duration": lambda: typer.prompt("Minutes", default=DEFAULTS["duration"], value_proc=_check_minutes),
    }
    config = {name: given[name] if name in given else ask() for name, ask in questions.items()}
    if len(given) < len(config):
        typer.echo()
    return config


def split_skills(text: str) -> list[str]:
    """The skills in a list that has commas between them."""
    return [skill.strip() for skill in text.split(",") if skill.strip()]


@contextmanager
def _waiting(console: Console, what: str) -> Iterator[Callable[[str], None]]:
    """Show at a terminal that something is being prepared, and what is written of it so far."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with Live(Spinner("dots", Text(f" {what}", style="dim")), console=console, transient=True) as live:
        yield lambda written: live.update(Text(written, style="dim"))


def _read_line(prompt: str) -> str | None:
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None
    try:
        return input(prompt)
    except EOFError:
        return None


def _prepare_input() -> None:
    """Let lines be edited and be of any length, and let no odd byte stop the interview."""
    with suppress(ImportError):
        import readline  # noqa: F401, PLC0415 - importing it is what makes input() edit lines
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")


def _check_type(text: object) -> str:
    if text not in get_args(InterviewType):
        raise typer.BadParameter(f"expected one of {', '.join(get_args(InterviewType))}")
    return str(text)


def _check_minutes(text: object) -> int:
    if not str(text).isdecimal() or not 1 <= int(str(text)) <= 240:
        raise typer.BadParameter("expected whole minutes from 1 to 240")
    return int(str(text))
