"""The processes that are measured, and what the operating system says about them (Linux)."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

KEY = "bench-key-0123456789"
TICKS = os.sysconf("SC_CLK_TCK")
LONGEST_START = 60  # seconds


@dataclass(frozen=True, slots=True)
class Service:
    """A running service; `database` is the file that it keeps everything in."""

    url: str
    process: "subprocess.Popen[str]"
    database: Path

    @property
    def cpu(self) -> float:
        """Seconds of processor time that the process has used."""
        return cpu_of(self.process.pid)

    @property
    def memory(self) -> int:
        """Bytes of memory that the process has to itself."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


class Provider:
    """The scripted provider in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.url = self._read()

    def wait(self, seconds: float) -> None:
        """Let every reply from now on take so many seconds."""
        assert self._process.stdin is not None  # noqa: S101 - it was opened with one
        print(seconds, file=self._process.stdin, flush=True)
        self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it was opened with one
        return self._process.stdout.readline().strip()


def cpu_of(process_id: int) -> float:
    """Seconds of processor time that a process has used, of the system's time too."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that answers at once until it is told otherwise."""
    with started([sys.executable, "-m", "benchmarks.provider", "0"], {}) as process:
        yield Provider(process)


@contextmanager
def ours(folder: Path, model_url: str | None = None, **settings: str) -> Iterator[Service]:
    """Our service as it is installed, with a language model at `model_url` or the offline engine."""
    port = find_free_port()
    database = folder / "ours.db"
    wanted = {
        "INTERVIEWER_DATABASE_URL": f"sqlite+aiosqlite:///{database}",
        "INTERVIEWER_API_KEYS": KEY,
        "INTERVIEWER_RATE_LIMIT": "100000000/minute",  # counted all the same
        "INTERVIEWER_WS_CONNECTIONS": "100000",
        "INTERVIEWER_MODEL": "openai:bench" if model_url else "offline",
        "INTERVIEWER_SEED": "1",
    } | settings
    if model_url:
        wanted |= {"OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": model_url}
    command = [str(Path(sys.executable).with_name("interviewer")), "serve", "--port", str(port)]
    with started(command, wanted) as process:
        yield Service(wait_until_ready(port, "/readyz"), process, database)


@contextmanager
def plain(folder: Path, model_url: str) -> Iterator[Service]:
    """The plain service."""
    port = find_free_port()
    database = folder / "plain.db"
    wanted = {
        "PLAIN_DATABASE": str(database),
        "PLAIN_PORT": str(port),
        "OPENAI_API_KEY": "sk-bench",
        "OPENAI_BASE_URL": model_url,
    }
    with started([sys.executable, "-m", "benchmarks.plain_service"], wanted) as process:
        yield Service(wait_until_ready(port, "/healthz"), process, database)


@contextmanager
def started(command: list[str], settings: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A process with these settings and none of the caller's, for as long as the context lasts."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("INTERVIEWER_", "OPENAI_"))}
    with ExitStack() as stack:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            env=inherited | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        yield process


def wait_until_ready(port: int, path: str) -> str:
    """The address of a service on the port, once it answers."""
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + LONGEST_START
    while time.monotonic() < until:
        try:
            with urlopen(url + path) as response:  # noqa: S310 - the loopback
                if response.status == 200:
                    return url
        except (URLError, ConnectionError):
            time.sleep(0.005)
    raise TimeoutError(f"no service answered on {url} within {LONGEST_START} seconds")


def find_free_port() -> int:
    """A port that nobody uses."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
