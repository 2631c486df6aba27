"""Every setting, read from `INTERVIEWER_*` environment variables."""

import re
from functools import cache
from ipaddress import ip_network
from typing import Annotated, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIN_KEY_LENGTH = 16
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")
REDIS = re.compile(r"(rediss?://[^/]|unix://)")
NEEDS_PROVIDER = "a model of OpenAI's needs OPENAI_API_KEY (or OPENAI_BASE_URL, for another endpoint)"


class SettingsError(Exception):
    """A setting is wrong; the message names it and says what is expected."""


class Settings(BaseSettings):
    """The settings with their defaults; docs/operations.md lists them for operators."""

    model_config = SettingsConfigDict(
        env_prefix="INTERVIEWER_", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    database_url: str = Field(
        "sqlite+aiosqlite:///data/interviewer.db",
        description="Where records and checkpoints live: a file, or `postgresql+psycopg://…` for many.",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="`redis://…`: what many servers count and tell each other; unset: each for itself.",
    )
    model: str = Field(
        "",
        description="`offline`, or `openai:<name>`; unset: openai if `OPENAI_API_KEY` is set, else offline.",
    )
    seed: int | None = Field(
        None, ge=0, lt=2**31, description="Fixes the choice of questions; unset: drawn per interview."
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Fixed API keys, comma separated; unset: keys live in the database."
    )
    rate_limit: str = Field("60/minute", description="Requests per key, in a sliding window.")
    auth_failure_limit: str = Field("60/minute", description="Failed authentications per client address.")
    ws_connections: int = Field(10, ge=1, description="Open sockets per key.")
    max_body_bytes: int = Field(
        262_144, ge=1024, description="Largest request body and socket message, in bytes."
    )
    request_seconds: int = Field(
        15,
        ge=1,
        le=3600,
        description="Longest wait for a request's headers, also on a connection that is kept open.",
    )
    ping_seconds: int = Field(
        20,
        ge=1,
        le=3600,
        description="Seconds between pings to a socket; who answers or reads nothing for as long is cut off.",
    )
    idempotency_hours: int = Field(
        24, ge=1, description="How long a response is kept under its Idempotency-Key."
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses of proxies whose `X-Forwarded-For` is believed, comma separated; unset: none.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Origins whose web pages may call, comma separated; `*`: any; unset: this server's own.",
    )
    log_level: str = Field("info", description="debug, info, warning or error.")
    openai_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("OPENAI_API_KEY"), description="Key of the model's provider."
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("OPENAI_BASE_URL"),
        description="Address of an OpenAI-compatible endpoint; unset: OpenAI's own.",
    )
    fallback_model: str = Field(
        "", description="Takes over where the model fails: `offline` or `openai:<name>`; unset: nothing does."
    )
    model_timeout_seconds: float = Field(
        40.0, gt=0, le=600, description="Longest time that one request waits for the model, retries included."
    )
    reasoning_effort: str = Field(
        "", description="How long a reasoning model thinks, in its own words; unset: the model's default."
    )

    @field_validator("api_keys", "cors_origins", mode="before")
    @classmethod
    def split_list(cls, value: object) -> object:
        """Split the comma-separated list."""
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("api_keys")
    @classmethod
    def check_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        """Refuse keys that are short or not printable, without showing them."""
        for place, key in enumerate(keys, start=1):
            text = key.get_secret_value()
            if len(text) < MIN_KEY_LENGTH or not text.isascii() or not text.isprintable():
                raise ValueError(f"key {place} must be {MIN_KEY_LENGTH} or more printable ASCII characters")
        return keys

    @field_validator("redis_url")
    @classmethod
    def check_redis(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse what is no address of Redis, without showing it, since it may hold a password."""
        if url is not None and not REDIS.match(url.get_secret_value()):
            raise ValueError("expected redis://<host>:<port>/<number>, rediss:// or unix://")
        return url

    @field_validator("rate_limit", "auth_failure_limit")
    @classmethod
    def check_limit(cls, value: str) -> str:
        """Refuse what is no rate, such as `60 per fortnight`."""
        from limits import parse  # noqa: PLC0415 - needed by the server alone, and slow to import

        try:
            parse(value)
        except ValueError:
            raise ValueError(f"expected a rate such as 60/minute, got {value!r}") from None
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def check_proxies(cls, value: str) -> str:
        """Refuse host names and the like, which the server would never find among addresses."""
        proxies = [proxy.strip() for proxy in value.split(",") if proxy.strip()]
        try:
            networks = [ip_network(proxy) for proxy in proxies]
        except ValueError as error:
            raise ValueError(
                f"expected IP addresses or networks such as 10.0.0.0/8, comma separated; {error}"
            ) from None
        # A server that listens on `::` sees an IPv4 address as part of IPv6.
        mapped = [f"::ffff:{n.network_address}/{96 + n.prefixlen}" for n in networks if n.version == 4]
        return ",".join([*proxies, *mapped])

    @field_validator("cors_origins")
    @classmethod
    def check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what no browser would send as an origin, which would never match."""
        for origin in origins:
            if not ORIGIN.fullmatch(origin) and origins != ("*",):
                raise ValueError(
                    "expected origins as browsers send them, such as https://app.example.com, without a path "
                    f"and in small letters, comma separated; or * alone; got {origin!r}"
                )
        return origins

    @field_validator("log_level")
    @classmethod
    def check_log_level(cls, value: str) -> str:
        """Refuse unknown levels."""
        if value.lower() not in {"debug", "info", "warning", "error"}:
            raise ValueError(f"expected debug, info, warning or error, got {value!r}")
        return value.lower()

    @field_validator("model", "fallback_model")
    @classmethod
    def check_model(cls, value: str) -> str:
        """Refuse what names no engine."""
        kind, _, name = value.partition(":")
        if value not in ("", "offline") and (kind != "openai" or not name.strip()):
            raise ValueError(f"expected offline or openai:<name>, got {value!r}")
        return value

    @model_validator(mode="after")
    def choose_model(self) -> Self:
        """Fill in the model where none is named, and refuse one that nobody could be asked for."""
        if not self.model:
            self.model = "openai:gpt-5-mini" if self.openai_api_key else "offline"
        for name, model in (("MODEL", self.model), ("FALLBACK_MODEL", self.fallback_model)):
            if model.startswith("openai:") and not self.has_provider:
                raise ValueError(f"INTERVIEWER_{name}: {NEEDS_PROVIDER}")
        return self

    @property
    def has_provider(self) -> bool:
        """Whether there is anybody to ask for a model."""
        return bool(self.openai_api_key or self.openai_base_url)


@cache
def load_settings() -> Settings:
    """The settings of this process.

    Raises `SettingsError` with one sentence that names each wrong variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_describe(problem) for problem in error.errors())) from None


def _describe(problem: object) -> str:
    assert isinstance(problem, dict)  # noqa: S101 - pydantic's error details are dictionaries
    place, message = problem["loc"], str(problem["msg"]).removeprefix("Value error, ")
    if not place:
        return message  # about several settings at once, so it names what it is about
    name = str(place[0]).upper()
    name = name if name.startswith("OPENAI") else f"INTERVIEWER_{name}"
    return f"{name}: {message}"
