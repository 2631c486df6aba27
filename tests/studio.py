"""A real `langgraph dev` process without keys or network, and how Studio speaks to it."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import httpx
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient
from serving import find_free_port

ROOT = Path(__file__).parent.parent
SECONDS_TO_START = 60
OFFLINE = {"model": "offline", "seed": 3, "question_budget": 2}
PYTHON_INTERVIEW = {"job_role": "Python Developer", "skills": ["Python"], "interview_type": "technical"}
State = dict[str, Any]

# Python reads this file when it starts: whatever leaves the machine is noted and refused.
GUARD = """
import sys

def refuse(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host not in ("127.0.0.1", "::1", "localhost", "", None):
        with open({notes!r}, "a") as notes:
            notes.write(f"{{event}} {{arguments}}\\n")
        raise OSError("there is no network")

sys.addaudithook(refuse)
"""


@dataclass
class Studio:
    """The process, in a folder of its own, and the calls that Studio makes."""

    folder: Path
    model_url: str
    port: int = field(default_factory=find_free_port)

    @property
    def url(self) -> str:
        """The address that it serves on."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """No key, a model on this machine, and a proxy that refuses every connection."""
        ours = ("INTERVIEWER_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_", "LANGGRAPH_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours) and "proxy" not in k.lower()}
        closed = f"http://127.0.0.1:{find_free_port()}"
        return kept | {
            "HTTP_PROXY": closed,
            "HTTPS_PROXY": closed,
            "ALL_PROXY": closed,
            "NO_PROXY": "127.0.0.1",
            "OPENAI_BASE_URL": self.model_url,
            "PYTHONPATH": str(self.folder / "guard"),
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        }

    @property
    def refused(self) -> str:
        """The connections out of the machine that something tried to make."""
        notes = self.folder / "refused"
        return notes.read_text() if notes.exists() else ""

    @property
    def log(self) -> str:
        """What the process has written."""
        return (self.folder / "studio.log").read_text()

    @cached_property
    def client(self) -> SyncLangGraphClient:
        """The client that Studio's calls are made with; whoever starts the process closes it."""
        return get_sync_client(url=self.url)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process, and wait until it serves."""
        (self.folder / "guard").mkdir()
        guard = GUARD.format(notes=str(self.folder / "refused"))
        (self.folder / "guard" / "sitecustomize.py").write_text(guard)
        command: list[str | Path] = [Path(sys.executable).with_name("langgraph"), "dev"]
        command += [
            "--no-browser",
            "--no-reload",
            "--config",
            ROOT / "langgraph.json",
            "--port",
            str(self.port),
        ]
        with (self.folder / "studio.log").open("w") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._serves():
            assert process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)
        return process

    def begin(self, **context: object) -> str:
        """A new thread at its first interrupt."""
        thread_id = self.client.threads.create()["thread_id"]
        self.run(thread_id, input=PYTHON_INTERVIEW, context=OFFLINE | context)
        return thread_id

    def say(self, thread_id: str, most: int) -> str:
        """An answer that makes at most so many points of the open question's rubric."""
        points = self.values(thread_id)["question"]["rubric"]["key_points"]
        return ". ".join(point["point"] for point in points[:most]) + "."

    def answer(self, thread_id: str, reply: object) -> State:
        """The state after a reply to the interrupt."""
        return self.run(thread_id, command={"resume": reply})

    def run(self, thread_id: str | None, graph: str = "interview", **how: object) -> State:
        """The state after a run."""
        wait: Any = self.client.runs.wait
        return cast("State", wait(thread_id, graph, **({"context": OFFLINE} | how)))

    def stream(self, thread_id: str, **how: object) -> list[tuple[str, Any]]:
        """The events of a run of the interview, by their kind."""
        stream: Any = self.client.runs.stream
        return [(part.event, part.data) for part in stream(thread_id, "interview", **how)]

    def values(self, thread_id: str) -> State:
        """The thread's latest values."""
        return cast("State", self.client.threads.get_state(thread_id)["values"])

    def history(self, thread_id: str) -> list[State]:
        """The thread's checkpoints, the oldest first."""
        return cast("list[State]", self.client.threads.get_history(thread_id, limit=200))[::-1]

    def edit(self, thread_id: str, checkpoint: State, values: State, as_node: str) -> object:
        """The checkpoint that an edit makes beside what followed the one that is edited."""
        update: Any = self.client.threads.update_state
        return update(thread_id, values, as_node=as_node, checkpoint=checkpoint["checkpoint"])["checkpoint"]

    def fork(self, thread_id: str, checkpoint: State, values: State, as_node: str) -> State:
        """The state after an edit at a checkpoint and a run from there."""
        return self.run(thread_id, checkpoint=self.edit(thread_id, checkpoint, values, as_node))

    def find_assistant(self, graph: str) -> str:
        """The id under which a graph is served."""
        (assistant,) = self.client.assistants.search(graph_id=graph)
        return assistant["assistant_id"]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Our own command line, on the process's database."""
        return subprocess.run(
            [Path(sys.executable).with_name("interviewer"), *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def api(self) -> httpx.Client:
        """A client of our own API, which is served beside, with the local key."""
        httpx.get(f"{self.url}/readyz", timeout=30).raise_for_status()  # opens it, which makes the key
        key = (self.folder / "data" / "local-key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def _serves(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ok").is_success
        except httpx.TransportError:
            return False


def at(history: list[State], *following: str, turns: int = 0) -> State:
    """The first checkpoint before some nodes, with so many turns filed."""
    found = [
        state
        for state in history
        if set(state["next"]) == set(following) and len(state["values"].get("turns", [])) == turns
    ]
    assert found, json.dumps([state["next"] for state in history])
    return found[0]
