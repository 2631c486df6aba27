"""What a call cost, where the price of the model is known."""

import re
import tomllib
from functools import cache
from pathlib import Path

# A provider serves `gpt-5-mini` as `gpt-5-mini-2025-08-07`.
_DATE = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")


def price_call(model: str, input_tokens: int, cached_tokens: int, output_tokens: int) -> float | None:
    """The cost in US dollars, if the model has a known price; `input_tokens` include the cached ones."""
    prices = _load_prices().get(_DATE.sub("", model))
    if prices is None:
        return None
    fresh, cached, output = prices
    total = (input_tokens - cached_tokens) * fresh + cached_tokens * cached + output_tokens * output
    return round(total / 1_000_000, 8)


@cache
def _load_prices() -> dict[str, tuple[float, float, float]]:
    text = Path(__file__).with_name("prices.toml").read_text(encoding="utf-8")
    return {name: (row[0], row[1], row[2]) for name, row in tomllib.loads(text)["usd_per_million"].items()}
