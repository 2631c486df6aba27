"""The commands of `interviewer eval`."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import typer

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
    from evals.grade import grade_lines

    failed = graded = 0
    with answers.open(encoding="utf-8") as lines, out.open("w", encoding="utf-8") as results:
        total = sum(1 for line in lines if line.strip())
        lines.seek(0)
        for result in show_progress(grade_lines(lines, model), total):
            results.write(json.dumps(result, ensure_ascii=False) + "\n")
            failed += result["score"] is None
            graded += result["score"] is not None
    print(f"{graded} graded, {failed} could not be; see {out}", file=sys.stderr)


def show_progress(results: Iterable[T], total: int) -> Iterator[T]:
    """The results, with a bar on the terminal while they are made."""
    with typer.progressbar(results, length=total, file=sys.stderr) as bar:
        yield from bar
