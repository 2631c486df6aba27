"""What an engine said, kept, so that nothing is asked and paid twice.

A reply is kept under everything that decides it: the code of the engine, the prompts in use, the settings
that reach the model, what was asked, and which repeat it is. It is written before it counts, so a run that
was cut off anywhere goes on where it stood. A failure is never kept.
"""

import hashlib
import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter
from pydantic_core import to_json

import agent
from agent.engine import AnswerBrief, Engine, FeedbackWriter, QuestionBrief
from agent.interview import (
    Coaching,
    Difficulty,
    Evaluation,
    InterviewConfig,
    PracticeQuestion,
    QuestionDraft,
    SummaryText,
    Turn,
)
from agent.settings import Settings
from prompts import load_prompt, versions_in_use

T = TypeVar("T")

_QUESTION = TypeAdapter(QuestionDraft)
_EVALUATION = TypeAdapter(Evaluation)
_SUMMARY = TypeAdapter(SummaryText)
_COACHING = TypeAdapter(Coaching)
_PRACTICE = TypeAdapter(PracticeQuestion)

DEFAULT_PLACE = Path("data") / "evals" / "replies.db"


@dataclass
class Tally:
    """What a run asked for; `cost_usd` is a lower bound where replies came whose cost is not known."""

    asked: int = 0
    kept: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0

    def note(self, evaluation: object, *, is_paid: bool) -> None:
        """Count a new reply with what it cost."""
        self.asked += 1
        made = evaluation.provenance if isinstance(evaluation, Evaluation) else None
        self.input_tokens += (made and made.input_tokens) or 0
        self.output_tokens += (made and made.output_tokens) or 0
        self.cost_usd += (made and made.cost_usd) or 0.0
        self.unpriced += is_paid and (made is None or made.cost_usd is None)


class Replies:
    """A file of replies; several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with closing(self._open()) as file, file:
            file.execute("PRAGMA journal_mode=WAL")
            file.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)")
        self._file = self._open()

    def find(self, key: str) -> str | None:
        """The reply that is kept under a key."""
        row = self._file.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    def keep(self, key: str, reply: str) -> None:
        """Keep a reply; it stays, whatever happens to the process when this has returned."""
        with self._file:
            self._file.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, reply))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _open(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, timeout=30)
        file.execute("PRAGMA synchronous=NORMAL")  # a power loss may cost the latest replies, a kill none
        return file


@dataclass
class KeptEngine:
    """An engine whose replies are kept; the same engine to everybody who asks it."""

    engine: Engine
    settings: Settings
    replies: Replies | None
    tally: Tally = field(default_factory=Tally)
    repeat: int = 1

    @property
    def name(self) -> str:
        """The name of the engine that is asked."""
        return self.engine.name

    @property
    def drafts_ahead(self) -> bool:
        """As the engine that is asked."""
        return self.engine.drafts_ahead

    def for_repeat(self, repeat: int) -> "KeptEngine":
        """The same engine for another repeat, which is asked anew."""
        return KeptEngine(self.engine, self.settings, self.replies, self.tally, repeat)

    async def close(self) -> None:
        """Close the engine, and the file of its replies."""
        await self.engine.close()
        if self.replies is not None:
            self.replies.close()

    async def generate_question(self, brief: QuestionBrief) -> QuestionDraft:
        """The next main question."""
        return await self._ask(
            _QUESTION, lambda: self.engine.generate_question(brief), "generate_question", brief
        )

    async def evaluate_answer(self, brief: AnswerBrief, write: FeedbackWriter | None = None) -> Evaluation:
        """The grade of an answer; feedback is not told in pieces."""
        del write
        return await self._ask(
            _EVALUATION, lambda: self.engine.evaluate_answer(brief), "evaluate_answer", brief
        )

    async def summarise_interview(self, config: InterviewConfig, turns: tuple[Turn, ...]) -> SummaryText:
        """The words of a summary."""
        asked = (config, turns)
        return await self._ask(
            _SUMMARY, lambda: self.engine.summarise_interview(*asked), "summarise_interview", asked
        )

    async def coach_answer(self, question: str, answer: str, framework: str) -> Coaching:
        """Feedback by a framework."""
        asked = (question, answer, framework)
        return await self._ask(_COACHING, lambda: self.engine.coach_answer(*asked), "coach_answer", asked)

    async def practice_question(
        self, job_role: str, skill: str, difficulty: Difficulty, seed: int
    ) -> PracticeQuestion:
        """A question to practise on."""
        asked = (job_role, skill, difficulty, seed)
        return await self._ask(
            _PRACTICE, lambda: self.engine.practice_question(*asked), "practice_question", asked
        )

    def is_kept(self, method: str, asked: object) -> bool:
        """Whether asking this would cost nothing."""
        return self.replies is not None and self.replies.find(self._key(method, asked)) is not None

    async def _ask(
        self, adapter: TypeAdapter[T], work: Callable[[], Awaitable[T]], method: str, asked: object
    ) -> T:
        key = self._key(method, asked)
        kept = self.replies.find(key) if self.replies is not None else None
        if kept is not None:
            self.tally.kept += 1
            return adapter.validate_json(kept)
        reply = await work()
        self.tally.note(reply, is_paid=self.name != "offline")
        if self.replies is not None:
            self.replies.keep(key, adapter.dump_json(reply).decode())
        return reply

    def _key(self, method: str, asked: object) -> str:
        decides = [self._identity(), method, to_json(asked).decode(), self.repeat]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()

    def _identity(self) -> list[object]:
        """What decides a reply besides what is asked."""
        if self.name == "offline":
            return ["offline", hash_code("offline")]
        address = self.settings.openai_base_url or ""
        prompts = hash_prompts()
        return [self.name, hash_code("openai"), prompts, address, self.settings.reasoning_effort]


def hash_prompts() -> str:
    """A short hash of the text of each prompt in use."""
    texts = [
        (name, prompt.system, prompt.user)
        for name, number in sorted(versions_in_use().items())
        if (prompt := load_prompt(name, number))
    ]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:12]


@cache
def hash_code(engine: str) -> str:
    """A short hash of the files that an engine's judgement is made of."""
    root = Path(agent.__file__).parent
    paths = [path for path in (root / engine).rglob("*") if path.suffix in (".py", ".toml", ".json")]
    whole = hashlib.sha256()
    for path in sorted([*paths, root / "evidence.py", root / "interview.py"]):
        whole.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return whole.hexdigest()[:12]
