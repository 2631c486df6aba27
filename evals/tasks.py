"""The evaluations: each is a dataset, what is run on it, how that is judged, and what is measured.

The version of an evaluation is raised when its figures are no longer comparable with earlier ones.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.engine import Engine
from evals import measures, scorers, trials
from evals.candidates import plan_interviews
from evals.datasets import (
    Columns,
    Kind,
    read_answers,
    read_attacks,
    read_interviews,
    read_pairs,
    read_parts,
)
from evals.interviews import hold_interview, replay_interview
from evals.measures import Measure
from evals.statistics import Table
from evals.trials import Asked, Outcome

Read = Callable[[Path, Columns | None], Sequence[Any]]
Run = Callable[[Any, Engine], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A task: `data` names the kind of its dataset, and `asks` what one sample asks of the engine.

    Without `data` the samples are made by `read`. `asks_on` is how many grades more a sample may need, which
    depends on what is said first. `run` is for what takes more than asking each thing once. `repeats` is how
    often each sample is run by default.
    """

    name: str
    version: int
    says: str
    data: Kind | None
    read: Read
    judge: Callable[[Any, Outcome], scorers.Facts]
    measure: Callable[[Table], measures.Values]
    measures: tuple[Measure, ...]
    asks: Callable[[Any], Asked] | None = None
    asks_on: int = 0
    run: Run | None = None
    repeats: int = 1

    async def try_sample(self, row: Any, engine: Engine) -> Outcome:  # noqa: ANN401 - a row of its dataset
        """What comes of one sample. Raises `TypeError` for a task with nothing to run and nothing to ask."""
        if self.run is not None:
            return await self.run(row, engine)
        if self.asks is None:
            raise TypeError(f"the task {self.name} has neither run nor asks")
        return await trials.carry_out(self.asks(row), engine)


AGREEMENT = Evaluation(
    name="agreement",
    version=1,
    says="Does it grade like a person? Needs answers with a human score.",
    data="answers",
    read=read_answers,
    asks=trials.ask_about_answer,
    judge=scorers.judge_answer,
    measure=measures.measure_agreement,
    measures=measures.AGREEMENT,
)
STABILITY = Evaluation(
    name="stability",
    version=1,
    says="Does it grade the same way twice?",
    data="answers",
    read=read_answers,
    asks=trials.ask_about_answer,
    judge=scorers.judge_answer,
    measure=measures.measure_stability,
    measures=measures.STABILITY,
    repeats=3,
)
ATTACKS = Evaluation(
    name="attacks",
    version=1,
    says="Can it be talked into points, or out of them?",
    data="attacks",
    read=read_attacks,
    asks=trials.ask_about_attack,
    judge=scorers.judge_attack,
    measure=measures.measure_attacks,
    measures=measures.ATTACKS,
)
FAIRNESS = Evaluation(
    name="fairness",
    version=1,
    says="Does who speaks change the grade of what is said?",
    data="pairs",
    read=read_pairs,
    asks=trials.ask_about_pair,
    judge=scorers.judge_pair,
    measure=measures.measure_fairness,
    measures=measures.FAIRNESS,
)
EVIDENCE = Evaluation(
    name="evidence",
    version=1,
    says="Does what it quotes stand in the answer, and does it find what is there?",
    data="answers",
    read=read_answers,
    asks=trials.ask_about_answer,
    judge=scorers.judge_evidence,
    measure=measures.measure_evidence,
    measures=measures.EVIDENCE,
)
FOLLOW_UPS = Evaluation(
    name="follow-ups",
    version=1,
    says="Does it ask on when something is missing, about that, and not twice?",
    data="answers",
    read=read_answers,
    asks=trials.ask_about_answer,
    asks_on=1,
    run=trials.follow_up,
    judge=scorers.judge_follow_up,
    measure=measures.measure_follow_ups,
    measures=measures.FOLLOW_UPS,
)
PARTS = Evaluation(
    name="parts",
    version=1,
    says="Does the coach find the parts of a story, and notice which one is gone?",
    data="parts",
    read=read_parts,
    asks=trials.ask_about_parts,
    judge=scorers.judge_parts,
    measure=measures.measure_parts,
    measures=measures.PARTS,
)
INTERVIEWER = Evaluation(
    name="interviewer",
    version=1,
    says="Does it lead whole interviews as it should? With simulated candidates; takes no dataset.",
    data=None,
    read=lambda _path, _columns: plan_interviews(),
    run=hold_interview,
    judge=scorers.judge_interview,
    measure=measures.measure_interviewer,
    measures=measures.INTERVIEWER,
)
REPLAY = Evaluation(
    name="replay",
    version=1,
    says="Do recorded interviews go the same way again, with the same scores?",
    data="interviews",
    read=read_interviews,
    run=replay_interview,
    judge=scorers.judge_replay,
    measure=measures.measure_replay,
    measures=measures.REPLAY,
)

TASKS: Mapping[str, Evaluation] = {
    task.name: task
    for task in (
        AGREEMENT, STABILITY, ATTACKS, FAIRNESS, EVIDENCE, FOLLOW_UPS, PARTS, INTERVIEWER, REPLAY,
    )
}  # fmt: skip
