"""What can go wrong in judging; each error states the fact in words a client may read."""


class EngineFailed(Exception):
    """An engine could not do its work. `retryable` tells truthfully whether trying again can help."""

    def __init__(self, fact: str, *, retryable: bool = True) -> None:
        super().__init__(fact)
        self.retryable = retryable
