"""The branches of the interview graph: they read the decision that a node has written."""

from agent.interview import Step
from graphs.state import InterviewState


async def follow_route(state: InterviewState) -> Step:  # a plain function would run in a thread
    """Go where `choose_next` decided."""
    if state.route is None:
        raise ValueError("choose_next writes the route before this branch is taken")
    return state.route.step
