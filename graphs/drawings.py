"""The drawings of the graphs in `docs/studio.md`, written by `make drawings`."""

import re
from pathlib import Path
from typing import Any

from langchain_core.runnables import Runnable

from graphs.coaching import feedback_graph, practice_graph
from graphs.interview import graph

PAGE = Path(__file__).parent.parent / "docs" / "studio.md"
GRAPHS: dict[str, Runnable[Any, Any]] = {
    "interview": graph,
    "coaching_feedback": feedback_graph,
    "practice_question": practice_graph,
}


def draw_into(page: str) -> str:
    """The page with the true drawing in every block that opens with `%% <graph>`.

    Raises `KeyError` if a block names a graph that there is not.
    """
    return re.sub(r"(```mermaid\n%% (\w+)\n).*?(```)", _draw, page, flags=re.DOTALL)


def _draw(block: re.Match[str]) -> str:
    drawing = GRAPHS[block[2]].get_graph().draw_mermaid(with_styles=False)
    return block[1] + drawing + block[3]


if __name__ == "__main__":
    PAGE.write_text(draw_into(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
