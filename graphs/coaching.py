"""The coaching graphs: feedback on one answer, and a question to practise on."""

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from agent.interview import Coaching, PracticeQuestion
from graphs.nodes import draw_seed, engine_of
from graphs.state import CoachingInput, CoachingState, Context, PracticeInput, PracticeState


async def coach_answer(state: CoachingState, runtime: Runtime[Context]) -> dict[str, Coaching]:
    """Hold the answer against each part of the framework."""
    async with engine_of(runtime) as engine:
        return {"coaching": await engine.coach_answer(state.question, state.answer, state.framework)}


async def practice_question(state: PracticeState, runtime: Runtime[Context]) -> dict[str, PracticeQuestion]:
    """Choose or write a question with guidance."""
    seed = draw_seed(runtime.context or Context())
    async with engine_of(runtime) as engine:
        return {
            "practice": await engine.practice_question(state.job_role, state.skill, state.difficulty, seed)
        }


feedback_builder = StateGraph(CoachingState, context_schema=Context, input_schema=CoachingInput)
feedback_builder.add_node(coach_answer)
feedback_builder.add_edge(START, "coach_answer")
feedback_builder.add_edge("coach_answer", END)

practice_builder = StateGraph(PracticeState, context_schema=Context, input_schema=PracticeInput)
practice_builder.add_node(practice_question)
practice_builder.add_edge(START, "practice_question")
practice_builder.add_edge("practice_question", END)

feedback_graph = feedback_builder.compile(name="coaching_feedback")
practice_graph = practice_builder.compile(name="practice_question")


async def give_feedback(question: str, answer: str, framework: str, context: Context) -> Coaching:
    """Feedback on one answer. Raises `EngineFailed`."""
    state = await feedback_graph.ainvoke(
        CoachingInput(question=question, answer=answer, framework=framework), context=context
    )
    coaching: Coaching = state["coaching"]
    return coaching


async def give_practice(request: PracticeInput, context: Context) -> PracticeQuestion:
    """A question to practise on. Raises `EngineFailed`."""
    practice: PracticeQuestion = (await practice_graph.ainvoke(request, context=context))["practice"]
    return practice
