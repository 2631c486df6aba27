"""Where the processor time of a turn goes: shares by part, from what py-spy saw of a running service.

    py-spy record --gil --full-filenames -f raw -r 200 -o turns.txt -p PID
    python -m benchmarks.shares turns.txt

Each sample counts for the part whose code called last, so the standard library counts for its caller.
"""

import sys
from collections import Counter
from pathlib import Path

PARTS = {
    "/agent/openai/": "prompts, replies read and checked, evidence (agent/openai)",
    "/agent/evidence": "prompts, replies read and checked, evidence (agent/openai)",
    "/agent/offline/": "offline grading and choice (agent/offline)",
    "/agent/": "rules (agent)",
    "/graphs/": "order and records (graphs)",
    "/api/": "REST, keys, limits, log (api)",
    "/langgraph/": "LangGraph",
    "/langchain_core/": "langchain-core",
    "/langsmith/": "langchain-core",
    "/langchain_openai/": "langchain-openai",
    "/openai/_vendor/": "HTTP to the provider (httpx2, aiohttp)",
    "/openai/": "OpenAI SDK",
    "/httpx2/": "HTTP to the provider (httpx2, aiohttp)",
    "/aiohttp/": "HTTP to the provider (httpx2, aiohttp)",
    "/yarl/": "HTTP to the provider (httpx2, aiohttp)",
    "/multidict/": "HTTP to the provider (httpx2, aiohttp)",
    "/sqlalchemy/": "SQLAlchemy and SQLite",
    "/fastapi/": "FastAPI, Starlette, uvicorn",
    "/starlette/": "FastAPI, Starlette, uvicorn",
    "/uvicorn/": "FastAPI, Starlette, uvicorn",
    "/limits/": "REST, keys, limits, log (api)",
    "/structlog/": "REST, keys, limits, log (api)",
}
REST = "event loop and interpreter"


def part_of(stack: str) -> str:
    """The part that a stack's deepest known frame belongs to."""
    for frame in reversed(stack.split(";")):
        for place, part in PARTS.items():
            if place in frame and not ("/api/server" in frame or "/api/cli" in frame):
                return part
    return REST


def main() -> None:
    """Print the shares, the largest first."""
    shares: Counter[str] = Counter()
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        shares[part_of(stack)] += int(count)
    for part, samples in shares.most_common():
        print(f"| {part} | {samples / shares.total():.0%} |")  # noqa: T201 - a command prints


if __name__ == "__main__":
    main()
