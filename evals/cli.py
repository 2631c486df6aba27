"""The commands of `interviewer eval`."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO, TypeVar

import typer

from agent.errors import EngineFailed
from agent.settings import SettingsError

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Grade recorded answers and measure the grader.")


@app.callback()
def group() -> None:
    """Keep `grade` a command of its own while it is the only one."""


@app.command()
def grade(
    answers: Annotated[Path, typer.Argument(help="JSON lines with id, question, answer and a rubric.")],
    out: Annotated[Path, typer.Option(help="Where the grades go, as JSON lines.")],
    model: Annotated[str, typer.Option(help="offline, or openai:<name>.")] = "offline",
) -> None:
    """Grade recorded answers with exactly the engine that the interview uses."""
    from agent.engines import load_engine
    from evals.grade import grade_lines

    if out.exists() and out.samefile(answers):
        raise SettingsError(f"--out: expected another file than the answers, got {out}")
    try:
        engine = load_engine(model)
    except EngineFailed as error:
        raise SettingsError(f"--model: {error}") from None
    failed = graded = 0
    with answers.open(encoding="utf-8", errors="replace") as lines, open_whole(out) as results:
        total = sum(1 for line in lines if line.strip())
        lines.seek(0)
        for result in show_progress(grade_lines(lines, engine), total):
            results.write(json.dumps(result, ensure_ascii=False) + "\n")
            failed += result["score"] is None
            graded += result["score"] is not None
    print(f"{graded} graded, {failed} could not be; see {out}", file=sys.stderr)


@contextmanager
def open_whole(path: Path) -> Iterator[TextIO]:
    """A text file that takes its place once everything is in it; what is no file is written to at once.

    Half of a surrogate pair, which UTF-8 cannot hold, is written as JSON escapes it. Raises `OSError` if
    there is no place for the file.
    """
    special = path.exists() and not path.is_file()  # such as /dev/stdout
    place = path if special else path.resolve().with_name(f"{path.name}.part")
    with place.open("w", encoding="utf-8", errors="backslashreplace") as file:
        yield file
    if not special:
        place.replace(path.resolve())


def show_progress(results: Iterable[T], total: int) -> Iterator[T]:
    """The results, with a bar on the terminal while they are made."""
    with typer.progressbar(results, length=total, file=sys.stderr) as bar:
        yield from bar
