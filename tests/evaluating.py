"""Small datasets of the evaluations, and the command that runs them as a user does."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serving import clean_environment

from agent.engines import build_engine
from agent.settings import Settings
from evals.replies import KeptEngine, Replies

POINTS = ["An index speeds up reads", "An index slows down writes"]
GOOD = "An index speeds up reads, since no table is scanned. An index slows down writes too."
HALF = "An index speeds up reads."
BAD = "It is a list of names at the end of a book."


def make_answers(count: int = 12) -> list[dict[str, Any]]:
    """Answers to a few questions, with what they deserve."""
    texts = ((GOOD, 0.95), (HALF, 0.5), (BAD, 0.05))
    return [
        {
            "id": f"a{number}",
            "question_id": f"q{number // 3}",
            "question": f"Why does one use an index in the table number {number // 3}?",
            "answer": text,
            "key_points": POINTS,
            "human_score": score,
        }
        for number in range(count)
        for text, score in (texts[number % 3],)
    ]


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """The rows as a file of JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def evaluate(folder: Path, *arguments: str | Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """What `interviewer eval` did in a folder."""
    return subprocess.run(
        command(*arguments), cwd=folder, env=clean_environment() | settings,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def command(*arguments: str | Path) -> list[str]:
    """The command as a list."""
    return [str(Path(sys.executable).with_name("interviewer")), "eval", *map(str, arguments)]


def offline_engine(replies: Path | None = None) -> KeptEngine:
    """The offline engine, whose replies are kept if a place is given."""
    settings = Settings()
    return KeptEngine(build_engine("offline", settings), settings, Replies(replies) if replies else None)


def read_results(folder: Path) -> dict[str, Any]:
    """The results of a run."""
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found
