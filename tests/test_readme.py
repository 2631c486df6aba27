"""The README is true: its settings are the program's, its commands exist, its example runs."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from serving import KEY, Server

from agent.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
StartServer = Callable[..., Server]


def settings_rows() -> list[str]:
    """The README's table of settings, made from the settings."""
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
    listed = re.findall(r"^\| `[A-Z_]+` \|.*$", README, flags=re.MULTILINE)
    assert listed == settings_rows()


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", README, flags=re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, flags=re.MULTILINE), target


def test_the_curl_example_creates_an_interview(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server()
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "local-key").write_text(KEY)
    example = next(
        block for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL) if "curl -s" in block
    )
    script = example.replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert '"status":"success"' in done.stdout
