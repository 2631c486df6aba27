"""LangGraph Studio: a real `langgraph dev` process, driven as Studio drives it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from provider import Provider, serving
from serving import find_free_port
from studio import OFFLINE, PYTHON_INTERVIEW, ROOT, State, Studio, at

from graphs.drawings import GRAPHS, PAGE, draw_into

DECLINE = "I don't know."


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The one process of this module."""
    with serving(Provider()) as provider:
        served = Studio(tmp_path_factory.mktemp("studio"), provider.url)
        process = served.start()
        yield served
        served.client.close()
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def finished(studio: Studio) -> str:
    """A thread that went from its form to its summary."""
    thread_id = studio.begin()
    for reply in (studio.say(thread_id, 2), {"answer": DECLINE}, DECLINE):
        state = studio.answer(thread_id, reply)
    assert state["summary"]["answered"] == 3
    return thread_id


def test_the_three_graphs_are_served(studio: Studio) -> None:
    assert {found["graph_id"] for found in studio.client.assistants.search()} == set(GRAPHS)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_graph_that_studio_draws_is_the_graph_that_runs(studio: Studio, name: str) -> None:
    drawn: Any = studio.client.assistants.get_graph(studio.find_assistant(name))
    edges = {(edge["source"], edge["target"], edge.get("conditional", False)) for edge in drawn["edges"]}
    true = GRAPHS[name].get_graph().edges
    assert edges == {(edge.source, edge.target, edge.conditional) for edge in true}


@pytest.mark.parametrize("name", GRAPHS)
def test_every_field_of_a_form_has_a_default_and_most_are_explained(studio: Studio, name: str) -> None:
    form: Any = studio.client.assistants.get_schemas(studio.find_assistant(name))
    assert "required" not in form["input_schema"]
    explained = {k for k, v in form["input_schema"]["properties"].items() if "description" in v}
    assert explained >= form["input_schema"]["properties"].keys() - {"question"}
    assert set(form["context_schema"]["properties"]) == {"model", "seed", "question_budget", "stream"}
    assert all("description" in about for about in form["context_schema"]["properties"].values())


def test_an_empty_form_leads_to_an_interrupt_that_explains_itself(studio: Studio) -> None:
    thread_id = studio.client.threads.create()["thread_id"]
    studio.run(thread_id, input={}, context={})
    thread = studio.client.threads.get(thread_id)
    (waiting,) = next(iter(thread["interrupts"].values()))
    assert thread["status"] == "interrupted"
    assert set(waiting["value"]) == {"kind", "question_id", "question", "competency", "expects"}
    assert waiting["value"]["question_id"] == "q1"


def test_the_history_shows_rubric_evidence_draft_and_the_reason_of_every_route(
    studio: Studio, finished: str
) -> None:
    history = studio.history(finished)
    steps = [" + ".join(sorted(state["next"])) for state in history]
    turn = ["await_answer", "draft_question + evaluate_answer", "choose_next"]
    assert steps == [
        *("__start__", "generate_question", *turn, "ask_follow_up", *turn),
        *("generate_question", *turn, "summarise_interview", ""),
    ]
    graded = at(history, "choose_next")["values"]
    assert graded["question"]["rubric"]["key_points"]
    assert graded["evaluation"]["evidence"][0]["quote"] in graded["answer"]
    assert "draft" in graded
    routes = [state["values"]["route"]["reason"] for state in history if "route" in state["values"]]
    assert "leaves out" in routes[0]
    assert routes[-1] == "the candidate declined, and all 2 questions were asked"


def test_an_edited_answer_is_graded_anew_and_the_old_history_stays(studio: Studio, finished: str) -> None:
    before = studio.history(finished)
    answered, graded = at(before, "evaluate_answer", "draft_question"), at(before, "choose_next")
    points = answered["values"]["question"]["rubric"]["key_points"]
    better = ". ".join(point["point"] for point in points) + "."
    (turn,) = studio.fork(finished, answered, {"answer": better}, "await_answer")["turns"]
    assert turn["answer"] == better
    assert turn["evaluation"]["score"] > graded["values"]["evaluation"]["score"]
    kept = {state["checkpoint"]["checkpoint_id"] for state in studio.history(finished)}
    assert kept > {state["checkpoint"]["checkpoint_id"] for state in before}


def test_a_replay_without_an_edit_comes_to_the_same_grade(studio: Studio, finished: str) -> None:
    history = studio.history(finished)
    replayed = studio.run(finished, checkpoint=at(history, "evaluate_answer", "draft_question")["checkpoint"])
    assert replayed["turns"][0] == at(history, "ask_follow_up", turns=1)["values"]["turns"][0]


def test_an_edit_of_one_nested_field_leaves_the_others_and_is_acted_on(studio: Studio, finished: str) -> None:
    graded = at(studio.history(finished), "choose_next")
    edit = {"evaluation": {"score": 9, "follow_up": None}}
    state = studio.fork(finished, graded, edit, "evaluate_answer")
    assert state["turns"][0]["evaluation"] == graded["values"]["evaluation"] | edit["evaluation"]
    assert state["route"]["step"] == "generate_question"
    assert state["question"]["id"] == "q2"


def test_an_edited_turn_takes_the_place_of_the_turn(studio: Studio, finished: str) -> None:
    asked = at(studio.history(finished), "await_answer", turns=1)
    edit = {"turns": [{"question": {"id": "q1"}, "evaluation": {"score": 7}}]}
    studio.edit(finished, asked, edit, "ask_follow_up")
    (turn,) = studio.values(finished)["turns"]
    assert turn["evaluation"] == asked["values"]["turns"][0]["evaluation"] | {"score": 7}


def test_an_edit_that_cannot_be_is_refused_and_the_thread_stays_readable(
    studio: Studio, finished: str
) -> None:
    asked = at(studio.history(finished), "await_answer")
    before = studio.values(finished)
    with pytest.raises(Exception, match="beginner"):
        studio.edit(finished, asked, {"question": {"difficulty": "impossible"}}, "generate_question")
    assert studio.values(finished) == before


def test_a_run_streams_in_every_mode(studio: Studio) -> None:
    thread_id = studio.begin()
    parts = studio.stream(
        thread_id,
        command={"resume": studio.say(thread_id, 2)},
        context=OFFLINE | {"stream": True},
        stream_mode=["updates", "values", "messages", "custom"],
    )
    nodes = [name for event, data in parts if event == "updates" for name in data]
    assert set(nodes[1:3]) == {"evaluate_answer", "draft_question"}
    assert [nodes[0], *nodes[3:]] == ["await_answer", "choose_next", "ask_follow_up", "__interrupt__"]
    (feedback,) = [data for event, data in parts if event == "custom"]
    last = [data for event, data in parts if event == "values"][-1]
    assert feedback == {"question_id": "q1", "text": last["turns"][0]["evaluation"]["feedback"]}
    assert "error" not in {event for event, _ in parts}


def test_a_model_named_in_the_form_is_used_and_streams_its_messages(studio: Studio) -> None:
    thread_id = studio.client.threads.create()["thread_id"]
    context = {"model": "openai:test", "question_budget": 1}
    parts = studio.stream(thread_id, input={}, context=context, stream_mode=["messages", "values"])
    assert parts[-1][1]["question"]["source"] == "openai:test"
    said = [data[-1]["content"] for event, data in parts if event == "messages/partial"]
    assert parts[-1][1]["question"]["text"] in said[-1]


def test_coaching_and_practice_run_in_studio(studio: Studio) -> None:
    answer = {"answer": "Our site was down. I rolled the release back and it was up in five minutes."}
    coaching = studio.run(None, "coaching_feedback", input=answer | {"framework": "CAR"})
    assert [part["part"] for part in coaching["coaching"]["parts"]] == ["challenge", "action", "result"]
    practice = studio.run(None, "practice_question", input={})
    assert practice["practice"]["key_points"]


def test_the_api_is_served_beside_and_its_interviews_can_be_debugged(studio: Studio) -> None:
    with studio.api() as api:
        interview_id = create(api)
        unfinished = recreate(studio, interview_id)
        assert unfinished["tasks"][0]["interrupts"][0]["value"]["question_id"] == "q2"
        data = api.post(f"/api/v1/interviews/{interview_id}/end").json()["data"]
        recorded = api.get(f"/api/v1/interviews/{interview_id}").json()["data"]
    over = recreate(studio, interview_id)
    assert over["values"]["summary"]["overall_score"] == data["summary"]["overall_score"]
    thread_id = over["checkpoint"]["thread_id"]
    answered = at(studio.history(thread_id), "evaluate_answer", "draft_question")
    fork = studio.fork(thread_id, answered, {"answer": "Let me think."}, "await_answer")
    assert fork["turns"][0]["answer"] == "Let me think."
    with studio.api() as api:
        assert api.get(f"/api/v1/interviews/{interview_id}").json()["data"] == recorded


def create(api: httpx.Client) -> str:
    """An interview by our own API whose first question is answered."""
    data = api.post("/api/v1/interviews", json=PYTHON_INTERVIEW | {"duration": 10}).json()["data"]
    interview_id = str(data["interview_id"])
    answer = {"question_id": "q1", "answer": DECLINE}
    api.post(f"/api/v1/interviews/{interview_id}/answers", json=answer).raise_for_status()
    return interview_id


def recreate(studio: Studio, interview_id: str) -> State:
    """The thread that `interviewer debug` makes of an interview."""
    done = studio.command("debug", interview_id, "--url", studio.url)
    assert done.returncode == 0, done.stderr
    found = re.search(r"thread (\S+)", done.stdout)
    assert found is not None
    return cast("State", studio.client.threads.get_state(found[1]))


def test_debug_says_in_a_sentence_what_is_not_there(studio: Studio) -> None:
    assert "There is no interview" in studio.command("debug", "nothing", "--url", studio.url).stderr


def test_nothing_of_ours_turns_tracing_on() -> None:
    sources = [
        path
        for part in ("agent", "api", "evals", "graphs", "prompts")
        for path in (ROOT / part).rglob("*.py")
    ]
    assert [path for path in sources if re.search("LANGSMITH|LANGCHAIN_", path.read_text())] == []


def test_make_studio_says_so_when_its_port_is_taken(studio: Studio) -> None:
    bin_folder = Path(sys.executable).parent
    command = ["make", "-o", ".venv/complete", f"BIN={bin_folder}", "studio", f"STUDIO_PORT={studio.port}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode != 0
    assert f"Port {studio.port} is taken" in done.stdout


def test_debug_without_a_server_names_the_command_that_starts_one(studio: Studio) -> None:
    with studio.api() as api:
        interview_id = create(api)
    done = studio.command("debug", interview_id, "--url", f"http://127.0.0.1:{find_free_port()}")
    assert done.returncode == 1
    assert "make studio" in done.stderr


def test_the_script_in_the_docs_runs(studio: Studio) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert found is not None
    script = found[1].replace("http://127.0.0.1:2024", studio.url)
    done = subprocess.run(
        [sys.executable, "-c", script], env=studio.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip()


def test_the_drawings_in_the_docs_are_the_graphs() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert draw_into(page) == page, "run `make drawings`"
    assert all(f"%% {name}\n" in page for name in GRAPHS)


def test_all_of_this_needed_no_network_and_blocked_nothing(studio: Studio, finished: str) -> None:
    assert studio.values(finished)
    assert studio.refused == ""
    assert "BlockingError" not in studio.log
    assert studio.client.http.get("/info")["flags"]["langsmith"] is False
    outside = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    subprocess.run([sys.executable, "-c", outside], env=studio.environment, capture_output=True, check=False)
    assert "192.0.2.1" in studio.refused  # what would have noted and refused it was on guard
