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
from rich.padding import Padding
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
from api.conversation import Asked, Broken, Conversation, Ended, Event, Graded, Thinking, Writing
from api.nearby import find_local_key, forget_chat, note_chat, recall_chat
from api.terminal import (
    GRADE_CELLS,
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
LAST = "last"
DEFAULTS: Mapping[str, object] = {
    "job_role": "Software Developer",
    "experience_level": "Mid-level",
    "skills": [],
    "interview_type": "mixed",
    "duration": 30,
}
HELP = """\
Type your answer and press Enter. A backslash (\\) at the end of a line goes on in the next one.
Lines that you paste together are one answer.
  /end   end the interview now and see the summary
  /quit  leave; the interview waits, and --resume last continues it
  /help  show this
"""


class Left(Exception):
    """The candidate leaves, and the interview stays as it is."""


def run_chat(
    given: Mapping[str, object], resume: str | None, url: str | None, key: str | None, transcript: Path | None
) -> int:
    """Hold an interview with whoever is at standard input, and give the exit status.

    `given` holds the parts of the configuration that are known, `resume` the id of an interview or `last`.
    Without `url` it runs on a server of its own. Raises `OSError` if that does not start or the transcript
    cannot be written.
    """
    _prepare_input()
    console = Console(highlight=False)
    try:
        with ExitStack() as stack:
            if transcript is not None:
                stack.enter_context(_writable(transcript))
            resume, url = _find_interview(given, resume, url)
            client = stack.enter_context(_connect(stack, console, url, key))
            interview = _open_interview(client, given, resume)
            if interview.status != "completed":
                note_chat(interview.interview_id, url)
            return _hold(Chat(console, client, interview, url), transcript)
    except CallFailed as error:
        typer.echo(f"interviewer: {error}", err=True)
        return 1
    except (KeyboardInterrupt, typer.Abort):
        console.print()
        return INTERRUPTED


def _find_interview(
    given: Mapping[str, object], resume: str | None, url: str | None
) -> tuple[str | None, str | None]:
    """The interview to continue, if any, and where it is. At a terminal an unfinished one is offered."""
    if resume not in (None, LAST):
        return resume, url
    last = recall_chat()
    if last is not None and url not in (None, last[1]):
        last = None
    if resume == LAST and last is None:
        raise CallFailed("not_found", "There is no unfinished interview here: start one without --resume.")
    if last is None or (resume is None and (given or not sys.stdin.isatty())):
        return None, url
    if resume is None and not typer.confirm("Your last interview is not over. Continue it?", default=True):
        return None, url
    return last


def _connect(stack: ExitStack, console: Console, url: str | None, key: str | None) -> Client:
    """A client of the server at `url`, or of one that lasts as long as the stack."""
    if url is None:
        with _waiting(console, "starting"):
            return Client(*_start_own(stack))
    try:
        key = key or (find_local_key() if is_near(url) else None)
        if not key or not key.isascii():
            raise CallFailed("unauthorized", "An API key is needed: give --key or set INTERVIEWER_KEY.")
        return Client(url, key, patience=FIRST_PATIENCE)
    except (httpx.InvalidURL, ValueError):
        raise CallFailed("unreachable", f"{url!r} is no address of a server.") from None


def _start_own(stack: ExitStack) -> tuple[str, str]:
    fixed = load_settings().api_keys
    environment = {"INTERVIEWER_RATE_LIMIT": "1000/minute"} | os.environ
    try:
        url = stack.enter_context(start_server(environment))
    except OSError as error:
        raise OSError(f"{error}. A server that runs already can be used with --url") from None
    return url, fixed[0].get_secret_value() if fixed else find_local_key() or ""


def _open_interview(client: Client, given: Mapping[str, object], resume: str | None) -> Interview:
    try:
        interview = client.send(read_interview(resume or _create(client, given)))
    except CallFailed as error:
        if resume is not None and error.code == "not_found":
            forget_chat(resume)  # or it would be offered again and again
        raise
    client.patience = PATIENCE  # there is a server, so it is worth waiting for
    return interview


def _hold(chat: "Chat", transcript: Path | None) -> int:
    chat.introduce()
    try:
        chat.converse()
    except (Left, KeyboardInterrupt) as left:
        chat.say_goodbye()
        return 0 if isinstance(left, Left) else INTERRUPTED
    except CallFailed:
        chat.say_goodbye()
        raise
    interview = chat.client.send(read_interview(chat.interview.interview_id))
    forget_chat(interview.interview_id)
    _show_result(chat.console, interview)
    if transcript is not None:
        transcript.write_text(write_markdown(interview), encoding="utf-8")
        chat.console.print(f"The transcript is in {transcript}.", markup=False)
    return 0


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Refuse a file now rather than after the interview; one that nothing was written to does not stay."""
    path.touch()
    try:
        yield
    finally:
        if path.is_file() and path.stat().st_size == 0:
            path.unlink()


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
    url: str | None = None
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
        where = ["--url", self.url] if self.url else []
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
                    elif isinstance(event, Broken):
                        written = ""
                        show("The connection broke. Trying again ...")
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
        yield lambda written: live.update(Padding(Text(written, style="dim"), (0, 0, 0, GRADE_CELLS)))


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
