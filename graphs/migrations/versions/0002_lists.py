"""What lists interviews finds them by an index: those owed a summary, and those over, by their time."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

OWED = "ended_at IS NOT NULL AND summary IS NULL"


def upgrade() -> None:
    """Add the indexes; on a server without keeping anybody from writing."""
    if op.get_bind().dialect.name == "sqlite":
        _add_indexes()
        return
    with op.get_context().autocommit_block():
        _add_indexes(if_not_exists=True, postgresql_concurrently=True)


def _add_indexes(**options: Any) -> None:  # noqa: ANN401 - as Alembic has them
    op.create_index(
        "ix_interviews_owed",
        "interviews",
        ["id"],
        sqlite_where=sa.text(OWED),
        postgresql_where=sa.text(OWED),
        **options,
    )
    op.create_index("ix_interviews_created_at", "interviews", ["created_at", "id"], **options)
