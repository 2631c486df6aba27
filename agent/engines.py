"""The engines that a model setting can name, each made where it is first asked for."""

from functools import cache

from agent.engine import Engine
from agent.errors import EngineFailed
from agent.fallback import FallbackEngine
from agent.settings import NEEDS_PROVIDER, Settings, load_settings


@cache
def load_engine(model: str) -> Engine:
    """The engine that a model setting names; one for the process, since it holds connections and data.

    The fallback that the settings name stands behind it. Raises `EngineFailed` if there is no such engine.
    """
    settings = load_settings()
    engine = _build_engine(model, settings)
    if settings.fallback_model in ("", model):
        return engine
    second = _build_engine(settings.fallback_model, settings)
    return FallbackEngine(engine, second, settings.model_timeout_seconds)


def _build_engine(model: str, settings: Settings) -> Engine:
    """A new engine; each kind is imported only if it is used, since both are slow to load."""
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
