"""The guides are true: what they tell to paste runs, on a server as `make serve` starts it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import Server

DOCS = Path(__file__).parent.parent / "docs"
NEXT = "-- next --"
SAY_NEXT = {"sh": f"echo; echo '{NEXT}'", "python": f"print({NEXT!r})", "js": f"console.log({NEXT!r});"}
FILES = {"sh": "guide.sh", "python": "guide.py", "js": "guide.mjs"}
StartServer = Callable[..., Server]


def read_blocks(document: str, language: str) -> list[str]:
    """The snippets of a language, in their order."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (DOCS / document).read_text(), flags=re.DOTALL | re.MULTILINE
    )


def find_runner(language: str) -> list[str]:
    """The command that runs a file of the language; skips the test where there is none."""
    if language == "python":
        return [sys.executable]
    if language == "sh":
        return ["sh", "-eu"]
    if shutil.which("node") is None:
        if os.environ.get("CI"):
            pytest.fail("needs node")
        pytest.skip("needs Node.js; on Debian and Ubuntu: apt-get install nodejs")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major = int(version.strip("v\n").split(".")[0])
    if major < 20:
        pytest.skip(f"needs Node.js 20 for its WebSocket, and this is {version.strip()}")
    return ["node"] if major >= 22 else ["node", "--experimental-websocket", "--no-warnings"]


def run_blocks(server: Server, language: str, blocks: list[str]) -> list[str]:
    """What each snippet printed; together they are one program, in the folder where the server's key is."""
    program = f"\n{SAY_NEXT[language]}\n".join(blocks)
    program = program.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    program = program.replace(".venv/bin/interviewer", str(Path(sys.executable).with_name("interviewer")))
    (server.folder / FILES[language]).write_text(program)
    done = subprocess.run(
        [*find_runner(language), FILES[language]],
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stderr == ""
    return [part.strip() for part in done.stdout.split(NEXT)]


@pytest.mark.parametrize("language", ["sh", "python", "js"])
def test_every_snippet_of_the_api_guide_runs(start_server: StartServer, language: str) -> None:
    blocks = read_blocks("api.md", language)
    titles = re.findall(r"^## (.*)$", (DOCS / "api.md").read_text(), flags=re.MULTILINE)
    assert len(blocks) == len(titles) == 9
    server = start_server(INTERVIEWER_API_KEYS="", INTERVIEWER_RATE_LIMIT="")
    printed = run_blocks(server, language, blocks)
    assert printed[0] == ""
    told = dict(zip(titles, printed, strict=True))
    for title, expected in {
        "Create an interview": "q1",
        "Answer": "q2",
        "Repeat safely": "one interview",
        "Errors, and when to try again": "invalid_request",
        "Follow it live": r"\d",
        "End it": "q2",
        "Coaching": "result",
        "Practice": ".",
    }.items():
        assert re.search(expected, told[title]), (title, told[title])


def test_the_quick_start_runs(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_API_KEYS="", INTERVIEWER_RATE_LIMIT="")
    *makes, calls = read_blocks("quickstart.md", "sh")
    makefile = (DOCS.parent / "Makefile").read_text()
    for make in makes:
        assert f"\n{make.removeprefix('make ').strip()}: " in makefile
    (printed,) = run_blocks(server, "sh", [calls])
    assert printed.count('"status":"success"') == 3
    assert '"overall_score"' in printed


@pytest.mark.parametrize("document", ["api.md", "quickstart.md"])
def test_every_link_leads_somewhere(document: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (DOCS / document).read_text())
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
