"""The engines that a model setting can name, each made where it is first asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from agent.engine import Engine
from agent.errors import EngineFailed
from agent.fallback import FallbackEngine
from agent.settings import NEEDS_PROVIDER, Settings, load_settings

_offered: dict[str, Engine] = {}


def load_engine(model: str) -> Engine:
    """The engine that a model setting names; one for the process, since it holds connections and data.

    The fallback that the settings name stands behind it. Raises `EngineFailed` if there is no such engine.
    """
    return _offered.get(model) or _load_engine(model)


@contextmanager
def offer_engine(name: str, engine: Engine) -> Iterator[None]:
    """Let `load_engine` give this engine under this name, for as long as the context lasts."""
    _offered[name] = engine
    try:
        yield
    finally:
        del _offered[name]


@cache
def _load_engine(model: str) -> Engine:
    settings = load_settings()
    engine = build_engine(model, settings)
    if settings.fallback_model in ("", model):
        return engine
    second = build_engine(settings.fallback_model, settings)
    return FallbackEngine(engine, second, settings.model_timeout_seconds)


def build_engine(model: str, settings: Settings) -> Engine:
    """A new engine with nothing behind it. Raises `EngineFailed` if there is no such engine.

    Each kind is imported only if it is used, since both are slow to load.
    """
    if model == "offline":
        from agent.offline.engine import OfflineEngine  # noqa: PLC0415

        return OfflineEngine()
    kind, _, name = model.partition(":")
    if kind != "openai" or not name.strip():
        raise EngineFailed(
            f"expected the model to be offline or openai:<name>, got {model!r}", retryable=False
        )
    if not settings.has_provider:
        raise EngineFailed(NEEDS_PROVIDER, retryable=False)
    from agent.openai.engine import OpenAIEngine  # noqa: PLC0415

    return OpenAIEngine(name.strip(), settings)
