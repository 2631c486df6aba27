"""The layout says the truth about the architecture."""

import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from graphs.migrate import HEAD, upgrade_database
from graphs.tables import metadata

ROOT = Path(__file__).parent.parent


def test_imports_go_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_migrations_make_exactly_the_tables_of_the_program(tmp_path: Path) -> None:
    path = tmp_path / "interviewer.db"
    upgrade_database(f"sqlite+aiosqlite:///{path}")
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        theirs = ("checkpoints", "writes")  # LangGraph's
        ours = {"include_name": lambda name, kind, _: kind != "table" or name not in theirs}
        context = MigrationContext.configure(connection, opts=ours)
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_locks_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        pinned = [line for line in text.splitlines() if "==" in line.split(";")[0]]
        assert len(pinned) > 50
        assert text.count("--hash=sha256:") >= len(pinned)


def test_what_runs_is_a_part_of_what_develops() -> None:
    runs, develops = (
        {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert runs <= develops
