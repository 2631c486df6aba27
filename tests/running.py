"""The command line, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

from serving import clean_environment


def run_interviewer(
    folder: Path, *arguments: str, answers: str = "", seconds: float = 60
) -> "subprocess.CompletedProcess[str]":
    """What a command did that ran in a folder, with the answers as its standard input."""
    return subprocess.run(
        [Path(sys.executable).with_name("interviewer"), *arguments],
        cwd=folder,
        env=clean_environment(),
        input=answers,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
