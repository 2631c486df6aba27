"""API keys: made, hashed, recognised. A key itself is stored nowhere but in the local key file."""

import asyncio
import hashlib
import hmac
import os
import secrets
import time
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from starlette.requests import HTTPConnection

from agent.settings import Settings
from api.errors import unauthenticated
from api.limits import RateLimit
from graphs.errors import StoreFailed
from graphs.records import Records

if TYPE_CHECKING:
    from graphs.redis_server import RedisServer

USE_MARKED_EVERY_SECONDS = 60
LOCAL_KEY_FILE = "local-key"
BITS_OF_A_SITE = 64  # of an IPv6 address: the rest is for each site to give out

log = structlog.get_logger()


def hash_key(key: str) -> str:
    """The SHA-256 of a key; keys are long and random, so a slow hash would protect nothing more."""
    return hashlib.sha256(key.encode()).hexdigest()


def name_key(key_hash: str) -> str:
    """The id that a key's interviews belong to: the head of its hash, the same wherever the key is kept."""
    return key_hash[:16]


def make_key() -> str:
    """A new random key."""
    return "iv_" + secrets.token_urlsafe(24)


async def create_key(records: Records, name: str) -> str:
    """Make a key, record its hash and return the key, which cannot be shown again."""
    key = make_key()
    await record_key(records, name, key)
    return key


async def record_key(records: Records, name: str, key: str) -> None:
    """Record the hash of a key; doing it twice changes nothing."""
    key_hash = hash_key(key)
    await records.add_key(name_key(key_hash), name, key_hash)


async def ensure_local_key(records: Records, path: Path) -> tuple[str, bool]:
    """The local key of an embedded database, and whether it is new.

    It is read from its file, which is made on the first start; a key that was revoked is replaced.
    """
    key = await asyncio.to_thread(_read_kept, path)
    known = await records.find_key(name_key(hash_key(key))) if key else None
    is_new = not key or (known is not None and known.revoked_at is not None)
    if is_new:
        key = make_key()
        await asyncio.to_thread(_keep, path, key)
    await record_key(records, "local", key)
    return key, is_new


class Authenticator:
    """Tells whose request it is, and slows down those who guess."""

    def __init__(self, records: Records, settings: Settings, redis: "RedisServer | None" = None) -> None:
        self._records = records
        self._fixed = [hash_key(key.get_secret_value()) for key in settings.api_keys]
        self._failures = RateLimit(settings.auth_failure_limit, "authentication", redis)
        self._marked: dict[str, float] = {}

    async def identify(self, connection: HTTPConnection) -> str:
        """The id of the key that a request or socket carries. Raises the 401 or 429 error."""
        key = _read_key(connection)
        owner = await self._find_owner(key) if key else None
        if owner is None:
            await self._failures.count(name_caller(connection.client.host if connection.client else ""))
            raise unauthenticated(_explain(key))
        return owner

    async def find_revoked(self, owners: set[str]) -> set[str]:
        """Those of the owners whose key is valid no more."""
        if not owners:
            return set()
        return {key.id for key in await self._records.list_keys() if key.revoked_at and key.id in owners}

    async def _find_owner(self, key: str) -> str | None:
        key_hash = hash_key(key)
        if self._fixed:
            return name_key(key_hash) if _is_among(self._fixed, key_hash) else None
        # The id is no secret, so how long it takes to find one may show; the hash is compared at once.
        found = await self._records.find_key(name_key(key_hash))
        if found is None or not _is_among([found.key_hash], key_hash) or found.revoked_at is not None:
            return None
        await self._mark_used(found.id)
        return found.id

    async def _mark_used(self, key_id: str) -> None:
        now = time.monotonic()
        if now - self._marked.get(key_id, -USE_MARKED_EVERY_SECONDS) >= USE_MARKED_EVERY_SECONDS:
            self._marked[key_id] = now
            try:
                await self._records.mark_key_used(key_id)
            except StoreFailed as error:  # a full disk, say, which keeps nobody from reading
                log.warning("key_use_not_recorded", key_id=key_id, fact=str(error))


def name_caller(address: str) -> str:
    """Whose failures count together: an IPv4 address, or all of an IPv6 site, which has no end of addresses.

    What a proxy gives in place of an address, such as `unknown`, is one caller.
    """
    try:
        caller = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(caller, IPv6Address):
        return str(caller)
    if caller.ipv4_mapped:
        return str(caller.ipv4_mapped)
    return f"{int(caller) >> (128 - BITS_OF_A_SITE):x}"


def _is_among(hashes: list[str], key_hash: str) -> bool:
    """Compare with every one, in a time that does not tell which fits, or how far."""
    return sum(hmac.compare_digest(kept, key_hash) for kept in hashes) > 0


def _read_kept(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _keep(path: Path, key: str) -> None:
    """Write the key for the owner's eyes alone; the file is there whole or not at all."""
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")
    partial.replace(path)


def _read_key(connection: HTTPConnection) -> str | None:
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    return connection.query_params.get("token") if connection.scope["type"] == "websocket" else None


def _explain(key: str | None) -> str:
    if key is None:
        return "An API key is required: send it as 'Authorization: Bearer <api_key>'."
    return "This API key is not valid."
