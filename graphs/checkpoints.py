"""Where threads are checkpointed: the same database as the records, and beside it the latest ones at hand.

Records replace a thread that was lost, so nobody waits for a checkpoint to be on disk.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, cast
from zlib import crc32

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlalchemy.engine import Connection

import agent.interview
from graphs.errors import StoreFailed
from graphs.store import Store

# Only our own domain types are ever rebuilt from a checkpoint.
STORED_TYPES = [
    ("agent.interview", name) for name, value in vars(agent.interview).items() if isinstance(value, type)
]
MOST_AT_HAND = 256  # threads, of some 6 kB each

Writes = dict[tuple[str, int], tuple[str, str, Any]]

log = structlog.get_logger()


class CheckedSerializer(JsonPlusSerializer):
    """Keeps a checksum beside each value, so that damage is found and nothing is asked or graded by it.

    A value without one, which an older version stored, is read as it is.
    """

    def dumps_typed(self, obj: object) -> tuple[str, bytes]:
        """The value's kind with its checksum, and the value."""
        kind, stored = super().dumps_typed(obj)
        return f"{kind}:{crc32(stored):08x}", stored

    def loads_typed(self, data: tuple[str, bytes]) -> object:
        """The value again. Raises `ValueError` if it is not what was stored."""
        (kind, _, checksum), stored = data[0].partition(":"), data[1]
        if checksum and checksum != f"{crc32(stored):08x}":
            raise ValueError("a stored checkpoint is damaged")
        return super().loads_typed((kind, stored))


class Checkpoints(BaseCheckpointSaver[str]):
    """LangGraph's own savers, on the store's connections and within its transactions."""

    def __init__(self, store: Store) -> None:
        super().__init__(serde=CheckedSerializer(allowed_msgpack_modules=STORED_TYPES))
        self._store = store
        self._at_hand: dict[str, CheckpointTuple] = {}
        self._writes: dict[str, dict[str, Writes]] = {}  # by thread and checkpoint, for those at hand
        self._handed_over: dict[str, CheckpointTuple] = {}
        self._unwritten: defaultdict[str, set[asyncio.Task[None]]] = defaultdict(set)

    def hand_over(self, thread_id: str, values: Mapping[str, object]) -> bool:
        """Let the thread's next run begin from what the last one left here, with these values of the channels
        that are stored as additions, so that nothing has to be read. False if it is not at hand."""
        latest = self._at_hand.get(thread_id)
        if latest is None:
            return False
        written = self._writes[thread_id].get(latest.checkpoint["id"], {})
        whole: Checkpoint = {
            **latest.checkpoint,
            "channel_values": {**latest.checkpoint["channel_values"], **values},
        }
        self._handed_over[thread_id] = latest._replace(
            checkpoint=whole, pending_writes=list(written.values())
        )
        return True

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The thread's latest checkpoint, or the one that the configuration names."""
        handed_over = self._handed_over.pop(_thread_of(config), None)
        if handed_over is not None:
            return handed_over
        await self._settle(_thread_of(config))
        return await self._store.read(lambda connection: self._on(connection).get_tuple(config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the base class names it so
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """The checkpoints of a thread, the latest first."""
        await self._store.settle()
        for found in await self._store.read(
            lambda connection: list(
                self._on(connection).list(config, filter=filter, before=before, limit=limit)
            )
        ):
            yield found

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What the channels that are stored as additions are rebuilt from."""
        await self._settle(_thread_of(config))
        return await self._store.read(
            lambda connection: self._on(connection).get_delta_channel_history(
                config=config, channels=channels
            )
        )

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, which is then the thread's latest."""
        thread_id, kept = _thread_of(config), metadata.copy()
        place = {**config["configurable"], "checkpoint_id": checkpoint["id"]}
        stored: RunnableConfig = {
            "configurable": {
                name: place.get(name, "") for name in ("thread_id", "checkpoint_ns", "checkpoint_id")
            }
        }
        parent = config if config["configurable"].get("checkpoint_id") else None
        early = self._writes.get(thread_id, {}).get(checkpoint["id"], {})
        self._writes[thread_id] = {checkpoint["id"]: early}
        self._at_hand.pop(thread_id, None)
        self._at_hand[thread_id] = CheckpointTuple(stored, checkpoint, kept, parent)
        if len(self._at_hand) > MOST_AT_HAND:
            self._forget(next(iter(self._at_hand)))
        self._write(thread_id, lambda saver: saver.put(config, checkpoint, kept, new_versions))
        return stored

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a node wrote."""
        thread_id = _thread_of(config)
        known = self._writes.setdefault(thread_id, {}).setdefault(config["configurable"]["checkpoint_id"], {})
        for place, (channel, value) in enumerate(writes):
            known[task_id, WRITES_IDX_MAP.get(channel, place)] = (task_id, channel, value)
        self._write(thread_id, lambda saver: saver.put_writes(config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove all that is stored of a thread."""
        self._forget(thread_id)
        await self._store.write(lambda connection: self._on(connection).delete_thread(thread_id))

    def _write(self, thread_id: str, work: Callable[[BaseCheckpointSaver[str]], object]) -> None:
        """Have it written without waiting for it; a thread that could not be is not continued from memory."""

        def note_failure(error: StoreFailed) -> None:
            self._forget(thread_id)
            log.warning("checkpoint_not_written", interview_id=thread_id, fact=str(error))

        writing = self._store.write_later(lambda connection: work(self._on(connection)), note_failure)
        self._unwritten[thread_id].add(writing)
        writing.add_done_callback(lambda _: self._note_written(thread_id, writing))

    def _note_written(self, thread_id: str, writing: asyncio.Task[None]) -> None:
        self._unwritten[thread_id].discard(writing)
        if not self._unwritten[thread_id]:
            del self._unwritten[thread_id]

    async def _settle(self, thread_id: str) -> None:
        """Wait until what was to be written of a thread is written, or has failed."""
        unwritten = self._unwritten.get(thread_id)
        if unwritten:
            await asyncio.wait(tuple(unwritten))

    def _forget(self, thread_id: str) -> None:
        for memory in (self._at_hand, self._writes, self._handed_over):
            memory.pop(thread_id, None)

    def get_next_version(self, current: str | None, channel: None) -> str:
        """Count as LangGraph's savers do, so that threads which they stored go on here."""
        return SqliteSaver.get_next_version(cast("SqliteSaver", self), current, channel)

    def _on(self, connection: Connection) -> BaseCheckpointSaver[str]:
        """LangGraph's saver, which finds its tables there and leaves the commit to the store."""
        return self._store.save_on(connection, self.serde)


def _thread_of(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])
