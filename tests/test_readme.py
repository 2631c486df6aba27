"""The README and the operator's page are true: settings, links and commands, which are run."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from running import run_interviewer
from serving import KEY, Server, create_interview, read_interview, submit

from agent.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
StartServer = Callable[..., Server]


def settings_rows() -> list[str]:
    """The table of settings, made from the settings."""
    rows = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = (
            f"INTERVIEWER_{name.upper()}" if alias is None else str(getattr(alias, "choices", [alias])[0])
        )
        default = "unset" if field.default in (None, "", ()) else f"`{field.default}`"
        rows.append(f"| `{variable}` | {default} | {field.description} |")
    return rows


def test_every_setting_is_listed_with_its_default_and_meaning() -> None:
    listed = re.findall(r"^\| `[A-Z_]+` \|.*$", OPERATIONS, flags=re.MULTILINE)
    assert listed == settings_rows()


def test_the_readme_fits_on_two_screens() -> None:
    assert len(README.splitlines()) <= 95


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z]+)", README + OPERATIONS, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_every_command_with_its_options_exists(tmp_path: Path) -> None:
    lines = re.findall(
        r"(?:^\.venv/bin/|`)interviewer ([a-z][^`#\n]+)", README + OPERATIONS, flags=re.MULTILINE
    )
    assert lines
    for line in dict.fromkeys(line.strip() for line in lines):
        done = run_interviewer(tmp_path, *shlex.split(line), "--help")
        assert done.returncode == 0, f"{line}: {done.stderr}"


def test_the_chat_of_the_readme_finds_the_server_that_runs_beside(tmp_path: Path) -> None:
    command = re.search(r"^\.venv/bin/interviewer (chat \S+ \S+)", README, flags=re.MULTILINE)
    assert command is not None
    server = Server(tmp_path).start()
    try:
        given = shlex.split(command[1].replace("http://127.0.0.1:8000", server.url))
        done = run_interviewer(tmp_path, *given, answers="I don't know.\n")
    finally:
        server.kill()
    assert done.returncode == 0, done.stderr
    assert "Overall score" in done.stdout


def test_a_backup_of_a_running_server_brings_its_interviews_back(
    start_server: StartServer, tmp_path: Path
) -> None:
    take, restore = [
        block for block in re.findall(r"```sh\n(.*?)```", OPERATIONS, flags=re.DOTALL) if "backup" in block
    ]
    server = start_server(INTERVIEWER_API_KEYS="")
    key = (tmp_path / "data" / "local-key").read_text().strip()
    with server.client(key) as client:
        interview_id = create_interview(client)
        submit(client, interview_id, "q1", "I don't know.")
        before = read_interview(client, interview_id)
        run_shell(take.replace(".venv", str(ROOT / ".venv")), tmp_path)
        client.post(f"/interviews/{interview_id}/end")
    server.stop()
    for path in (tmp_path / "data").iterdir():
        path.unlink()
    run_shell(restore, tmp_path)
    with server.start().client(key) as client:
        assert read_interview(client, interview_id) == before
        assert submit(client, interview_id, "q2", "I don't know.").status_code == 200


def test_the_curl_example_creates_an_interview(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server()
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "local-key").write_text(KEY)
    example = next(
        block for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL) if "curl -s" in block
    )
    script = example.replace("http://127.0.0.1:8000", server.url)
    assert '"status":"success"' in run_shell(script, tmp_path)


def run_shell(script: str, folder: Path) -> str:
    """What a script prints that runs in a folder; all of it must succeed."""
    done = subprocess.run(["sh", "-ec", script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
