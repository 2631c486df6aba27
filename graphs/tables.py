"""The tables of the records; what changes here needs a migration beside it."""

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("created_at", String(32), nullable=False),
    Column("last_used_at", String(32)),
    Column("revoked_at", String(32)),
)
interviews = Table(
    "interviews",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(32), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("config", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("started_at", String(32)),
    Column("expires_at", String(32), nullable=False, index=True),
    Column("ended_at", String(32)),
    Column("end_reason", String(200)),
    Column("summary", Text),
)
is_owed = interviews.c.ended_at.is_not(None) & interviews.c.summary.is_(None)
Index("ix_interviews_owed", interviews.c.id, sqlite_where=is_owed, postgresql_where=is_owed)
Index("ix_interviews_created_at", interviews.c.created_at, interviews.c.id)
turns = Table(
    "turns",
    metadata,
    Column("interview_id", String(32), ForeignKey("interviews.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("question", Text, nullable=False),
    Column("asked_at", String(32), nullable=False),
    Column("answer", Text),
    Column("answered_at", String(32)),
)
evaluations = Table(
    "evaluations",
    metadata,
    Column("interview_id", String(32), ForeignKey("interviews.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("evaluation", Text, nullable=False),
    Column("evaluated_at", String(32), nullable=False),
)
responses = Table(
    "responses",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("idempotency_key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("subject", String(32), nullable=False),
    Column("status", Integer),
    Column("body", Text),
    Column("created_at", String(32), nullable=False, index=True),
)
