"""The soak itself, for a few seconds; `make soak` lets it run for ten minutes."""

import subprocess
import sys
from pathlib import Path

from serving import clean_environment

ROOT = Path(__file__).parent.parent


def test_a_short_soak_finds_no_promise_broken() -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.1", "--seed", "7"]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = {line[:48].strip(): line[48:].strip() for line in done.stdout.splitlines()}
    assert figures["violations"] == "0"
    assert int(figures["kill -9"]) + int(figures.get("SIGTERM", "0")) > 0
    assert int(figures["turns"]) > 0
