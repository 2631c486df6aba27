"""A real server process, and how the tests speak to it."""

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

KEY, OTHER_KEY = "test-key-0123456789", "other-key-0123456789"
INTERVIEW = {
    "job_role": "Python Developer",
    "skills": ["Python"],
    "interview_type": "technical",
    "duration": 15,
}


@dataclass
class Server:
    """A server process on a free port; it can be stopped, killed and started again on the same data."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[str] | None = None
    welcome: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address that it serves on."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        """The address of its sockets."""
        return f"ws://127.0.0.1:{self.port}/api/v1/ws/interviews"

    def start(self) -> Self:
        """Start, and wait until it says where it serves."""
        self.port = self.port or find_free_port()
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("interviewer"), "serve", "--port", str(self.port)],
                cwd=self.folder,
                env=clean_environment() | self.settings,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert "serving" in first, self.log
        self.welcome = [first]
        return self

    def stop(self) -> int:
        """Tell it to stop, and wait; the exit status."""
        return self._end("terminate")

    def kill(self) -> int:
        """Kill it as a crash does."""
        return self._end("kill")

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "server.log").read_text()

    def client(self, key: str = KEY) -> httpx.Client:
        """A client of version 1 with a key."""
        return httpx.Client(
            base_url=self.url + "/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30
        )

    def _end(self, how: str) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            getattr(self.process, how)()
        status = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return status


def find_free_port() -> int:
    """A port that nobody uses."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of the program or of providers."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("INTERVIEWER_", "OPENAI_"))}


def create_interview(client: httpx.Client, **config: object) -> str:
    """A new interview's id."""
    response = client.post("/interviews", json=INTERVIEW | config)
    assert response.status_code == 201, response.text
    return str(response.json()["data"]["interview_id"])


def read_interview(client: httpx.Client, interview_id: str) -> dict[str, Any]:
    """An interview's data."""
    response = client.get(f"/interviews/{interview_id}")
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def submit(client: httpx.Client, interview_id: str, question_id: str, answer: str) -> httpx.Response:
    """The response to an answer."""
    return client.post(
        f"/interviews/{interview_id}/answers", json={"question_id": question_id, "answer": answer}
    )


def frame(kind: str, **data: object) -> str:
    """A socket message."""
    return json.dumps({"type": kind, "data": data})
