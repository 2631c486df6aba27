"""The commands of `interviewer eval`."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, TextIO, TypeVar

import typer

from agent.errors import EngineFailed
from agent.settings import SettingsError

T = TypeVar("T")
Exported = Literal["interviews", "answers"]

app = typer.Typer(no_args_is_help=True, help="Grade recorded answers and measure the grader.")


@app.command()
def grade(
    answers: Annotated[Path, typer.Argument(help="JSON lines with id, question, answer and a rubric.")],
    out: Annotated[Path, typer.Option(help="Where the grades go, as JSON lines.")],
    model: Annotated[str, typer.Option(help="offline, or openai:<name>.")] = "offline",
) -> None:
    """Grade recorded answers with exactly the engine that the interview uses.

    A model's replies are kept, so a run that was interrupted goes on where it was when it is started again.
    """
    from agent.engines import build_engine
    from agent.settings import load_settings
    from evals.grade import grade_lines
    from evals.replies import DEFAULT_PLACE, KeptEngine, Replies

    if out.exists() and out.samefile(answers):
        raise SettingsError(f"--out: expected another file than the answers, got {out}")
    settings = load_settings()
    try:
        bare = build_engine(model, settings)
    except EngineFailed as error:
        raise SettingsError(f"--model: {error}") from None
    failed = graded = 0
    with answers.open(encoding="utf-8", errors="replace") as lines, open_whole(out) as results:
        total = sum(1 for line in lines if line.strip())
        lines.seek(0)
        replies = Replies(DEFAULT_PLACE) if bare.name != "offline" else None  # which is as fast as reading
        engine = KeptEngine(bare, settings, replies)
        for result in show_progress(grade_lines(lines, engine), total):
            results.write(json.dumps(result, ensure_ascii=False) + "\n")
            failed += result["score"] is None
            graded += result["score"] is not None
    print(f"{graded} graded, {failed} could not be; see {out}", file=sys.stderr)


@app.command()
def export(
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="From this day on, or this instant.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="To the end of this day.")] = None,
    role: Annotated[str, typer.Option(help="Only interviews whose job role has these words.")] = "",
    anonymise: Annotated[bool, typer.Option(help="Mask names, mails, phone numbers and links.")] = False,
    kind: Annotated[
        Exported, typer.Option("--as", help="One row an interview, or one an answer.")
    ] = "interviews",
    out: Annotated[Path, typer.Option(help="Where the rows go, as JSON lines.")] = Path("/dev/stdout"),
) -> None:
    """Write the service's completed interviews as a dataset, the oldest first."""
    from agent.settings import load_settings
    from evals import export

    chosen = export.Selection(
        export.parse_instant(since) if since else None,
        export.parse_instant(until, ends=True) if until else None,
        role,
    )
    number = 0
    with closing(export.Archive(load_settings().database_url)) as archive, open_whole(out) as file:
        for interview in show_progress(archive.read(chosen), archive.count(chosen)):
            if interview is None:
                continue
            number += 1
            rows = export.answer_rows(interview) if kind == "answers" else [export.interview_row(interview)]
            for row in export.anonymise(rows, number) if anonymise else rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{number} interviews exported", file=sys.stderr)


@app.command("list")
def list_tasks() -> None:
    """Show the evaluations that there are."""
    with _evaluations():
        from evals.datasets import shipped
        from evals.tasks import TASKS

        for task in TASKS.values():
            data = shipped(task.data).name if task.data else "–"
            print(f"{task.name:12} {data:20} {task.says}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="What to evaluate; `interviewer eval list` shows it.")],
    data: Annotated[Path | None, typer.Option(help="A dataset, JSON lines or CSV; unset: ours.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="What the dataset calls the fields: answer=response,question=prompt.")
    ] = None,
    model: Annotated[str, typer.Option(help="offline, or openai:<name>.")] = "offline",
    prompt: Annotated[
        list[str] | None, typer.Option(help="A prompt in another version: evaluate_answer=2. Repeatable.")
    ] = None,
    repeat: Annotated[int | None, typer.Option(min=1, max=100, help="How often each sample is run.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="Results not to be worse than.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the results; unset: in data/evals.")] = None,
    at_once: Annotated[int, typer.Option(min=1, max=200, help="How many samples run side by side.")] = 10,
) -> None:
    """Run an evaluation; a run that was interrupted goes on, since replies are kept.

    Gates: --min-MEASURE and --max-MEASURE, such as --min-qwk 0.6 or --max-attack-rate 0.05. The exit status
    is 1 if one is not kept, or if a figure is worse than that of the baseline by more than noise.
    """
    with _evaluations():
        from evals.commands import run_task
        from evals.compare import read_gates
        from evals.orders import find_task, make_order

        wanted = find_task(task)
        gates = read_gates(context.args, wanted)
        order = make_order(wanted, data, columns, repeat, at_once, out)
        passed = run_task(order, model, prompt or (), gates, baseline)
    raise typer.Exit(0 if passed else 1)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A run's folder, its results.json, or a baseline.")],
    b: Annotated[Path, typer.Argument(help="Another one, of the same task.")],
) -> None:
    """Say which differences between two runs are real and which are noise; 1 if B is worse in anything."""
    with _evaluations():
        from evals.compare import compare_results, describe_comparison
        from evals.results import Results

        comparison = compare_results(Results.load(a), Results.load(b))
        print(describe_comparison(comparison))
    raise typer.Exit(1 if comparison.worse else 0)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="The folder of a run.")]) -> None:
    """Write the report of a run once more: report.html, and report.md with its plots."""
    with _evaluations():
        from evals.report import write_report
        from evals.results import Results

        print(write_report(Results.load(folder), folder))


@app.command()
def view(
    folder: Annotated[Path, typer.Argument(help="The folder of a run, or of several.")] = Path("data/evals"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to show them on.")] = 7575,
) -> None:
    """Show the logs of runs in Inspect's viewer."""
    with _evaluations():
        if not folder.is_dir():
            raise SettingsError(f"expected the folder of a run, got {folder}")
        viewer = [sys.executable, "-m", "inspect_ai", "view", "--log-dir", str(folder), "--port", str(port)]
        done = subprocess.run(viewer, check=False)  # noqa: S603 - our own interpreter
    raise typer.Exit(done.returncode)


@contextmanager
def _evaluations() -> Iterator[None]:
    """What can go wrong with an evaluation, told as the other commands tell it."""
    if find_spec("inspect_ai") is None:
        raise SettingsError(
            "evaluations need the extra `evals` (Inspect): install it with `make install`, "
            "or with `pip install 'ai-interviewer-agent[evals]'`"
        )
    from evals.datasets import DatasetError
    from evals.results import ResultsError

    try:
        yield
    except (DatasetError, ResultsError) as error:
        raise SettingsError(str(error)) from None


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
