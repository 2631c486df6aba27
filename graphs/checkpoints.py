"""Where threads are checkpointed: the same database as the records."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

import agent.interview
from graphs.migrate import sqlite_path

# Only our own domain types are ever rebuilt from a checkpoint.
STORED_TYPES = [
    ("agent.interview", name) for name, value in vars(agent.interview).items() if isinstance(value, type)
]


@asynccontextmanager
async def open_checkpoints(database_url: str) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """A checkpointer on the database, for as long as the context lasts."""
    serializer = JsonPlusSerializer(allowed_msgpack_modules=STORED_TYPES)
    async with aiosqlite.connect(sqlite_path(database_url)) as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute(
            "PRAGMA synchronous=NORMAL"
        )  # records are the durable half; threads are rebuilt
        await connection.execute("PRAGMA busy_timeout=10000")
        saver = AsyncSqliteSaver(connection, serde=serializer)
        await saver.setup()
        yield saver
