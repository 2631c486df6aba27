"""The interview graph: wiring only. `graph` is what Studio loads; the service compiles the same builder."""

from langgraph.graph import END, START, StateGraph

from graphs.nodes import (
    ask_follow_up,
    await_answer,
    choose_next,
    draft_question,
    evaluate_answer,
    generate_question,
    summarise_interview,
)
from graphs.routes import follow_route
from graphs.state import Context, InterviewInput, InterviewState

builder = StateGraph(InterviewState, context_schema=Context, input_schema=InterviewInput)

builder.add_node(generate_question)
builder.add_node(await_answer)
builder.add_node(evaluate_answer)
builder.add_node(draft_question)
builder.add_node(choose_next)
builder.add_node(ask_follow_up)
builder.add_node(summarise_interview)

builder.add_edge(START, "generate_question")
builder.add_edge("generate_question", "await_answer")
builder.add_edge("ask_follow_up", "await_answer")
builder.add_edge("await_answer", "evaluate_answer")
builder.add_edge("await_answer", "draft_question")
# Both end in the same superstep, so choose_next runs once; a joined edge would strand a fork from either.
builder.add_edge("evaluate_answer", "choose_next")
builder.add_edge("draft_question", "choose_next")
builder.add_conditional_edges("choose_next", follow_route)
builder.add_edge("summarise_interview", END)

graph = builder.compile(name="interview")
