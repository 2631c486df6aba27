"""Why a request about an interview is refused; each error carries what a client may see."""

from agent.interview import Question


class Refused(Exception):
    """A request that cannot be carried out as it was made; `details` are for the client."""

    def __init__(self, fact: str, **details: object) -> None:
        super().__init__(fact)
        self.details: dict[str, object] = details


class InterviewUnknown(Refused):
    """There is no such interview."""

    def __init__(self, interview_id: str) -> None:
        super().__init__("There is no interview with this id.", interview_id=interview_id)


class InterviewForeign(Refused):
    """The interview belongs to another key."""

    def __init__(self) -> None:
        super().__init__("This interview belongs to another API key.")


class AnswerConflict(Refused):
    """The answer does not fit where the interview stands."""

    def __init__(self, fact: str, current: Question | None) -> None:
        super().__init__(fact, current_question_id=current.id if current else None)


class StoreRefused(Exception):
    """The database cannot be used as it is; the message says why and what to do."""


class StoreFailed(Exception):
    """The database did not do its work, and nothing was lost; `retryable` tells if trying again can help."""

    def __init__(self, fact: str, *, retryable: bool = True) -> None:
        super().__init__(fact)
        self.retryable = retryable


class RecordMoved(StoreFailed):
    """Another server has gone on with the interview, so this step was not recorded."""

    def __init__(self) -> None:
        super().__init__("Another server has gone on with this interview. Send the same again.")


class RedisAway(Exception):
    """Redis does not answer, so each server goes by what it knows itself."""
