"""Three servers behind one balancer, as processes on a PostgreSQL and a Redis that run: `make cluster`.

SIGUSR1 restarts the servers one after the other; SIGTERM and Ctrl-C end everything. Each line on standard
output is a word and its values. What the processes log goes to standard error.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from queue import SimpleQueue
from string import Template
from typing import NoReturn, Self

HERE = Path(__file__).parent
PROGRAM = str(Path(sys.executable).with_name("interviewer"))
SERVE = (PROGRAM, "serve", "--host", "127.0.0.1")
DEFAULTS = {
    "INTERVIEWER_DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1:5432/test",
    "INTERVIEWER_REDIS_URL": "redis://127.0.0.1:6379",
    "INTERVIEWER_TRUSTED_PROXIES": "127.0.0.1",
}
START_SECONDS, STOP_SECONDS = 60, 45
UNDER_WAY_SECONDS = 0.5  # that a request may take from the balancer to a server


class ClusterFailed(Exception):
    """A process did not start or end as it should; the message says which."""


class Member:
    """A server or the balancer: one process that serves on a port of this machine."""

    def __init__(self, name: str, port: int, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name, self.url = name, f"http://127.0.0.1:{port}"
        self._command, self._environment = command, environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it is ready. Raises `ClusterFailed` if it ends instead or takes too long."""
        self.process = subprocess.Popen(  # noqa: S603 - our own program, or the balancer
            self._command,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C is for us, who end the others in order
        )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ClusterFailed(f"{self.name} is not ready; its exit status is {self.process.returncode}")
            time.sleep(0.1)

    def is_ready(self) -> bool:
        """Whether it can serve."""
        try:
            with closing(HTTPConnection(self.url.removeprefix("http://"), timeout=5)) as connection:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False

    def terminate(self) -> None:
        """Tell it to end, if it runs."""
        if self.process is not None:
            self.process.terminate()

    def wait(self) -> int:
        """Its exit status once it has ended; it is killed if that takes longer than `STOP_SECONDS`."""
        if self.process is None:
            return 0
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Cluster:
    """The servers, their balancer and a key, from `with` to its end.

    `settings` come on top of the environment. A port of 0 takes a free one. The balancer is haproxy, or nginx
    if only that is installed. Raises `ClusterFailed`, and then leaves nothing running.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        port: int = 0,
        ports: Sequence[int] = (0, 0, 0),
        balancers: Sequence[str] = ("haproxy", "nginx"),
    ) -> None:
        self._environment = DEFAULTS | os.environ | dict(settings or {})
        self._admin = folder / "admin"
        ports = [given or find_free_port() for given in ports]
        self.servers = [
            Member(f"server-{n}", p, [*SERVE, "--port", str(p)], self._environment)
            for n, p in enumerate(ports, start=1)
        ]
        port = port or find_free_port()
        where = {"LISTEN": f"127.0.0.1:{port}"}
        where |= {f"SERVER_{n}": f"127.0.0.1:{p}" for n, p in enumerate(ports, start=1)}
        self.balancer = Member(
            "balancer", port, choose_balancer(balancers, folder, where), os.environ | where
        )
        self.url, self.key = self.balancer.url, ""

    def __enter__(self) -> Self:
        """Upgrade the database, start all, and find a key."""
        try:
            self._run("db", "upgrade")
            for member in (*self.servers, self.balancer):
                member.start()
            fixed = self._environment.get("INTERVIEWER_API_KEYS", "").split(",")[0].strip()
            self.key = fixed or self._run("keys", "create", "cluster").strip()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> list[int]:
        """End the servers, then the balancer; the servers' exit statuses."""
        for server in self.servers:
            server.terminate()
        statuses = [server.wait() for server in self.servers]
        self.balancer.terminate()
        self.balancer.wait()
        return statuses

    def roll(self) -> None:
        """Restart the servers one after the other.

        Raises `ClusterFailed` at the first that ended badly, once it serves again, or that does not start.
        """
        for server in self.servers:
            place = f"servers/{server.name}"
            self._tell_balancer(f"set server {place} state drain")
            time.sleep(UNDER_WAY_SECONDS)
            server.terminate()
            status = server.wait()
            server.start()
            self._tell_balancer(f"set server {place} health up; set server {place} state ready")
            if status:
                raise ClusterFailed(f"{server.name} had ended with status {status}, expected 0")

    def _tell_balancer(self, command: str) -> None:
        """Say which servers to use, instead of letting it find out; nginx cannot be told."""
        if self._admin.is_socket():
            with socket.socket(socket.AF_UNIX) as admin:
                admin.connect(str(self._admin))
                admin.sendall(f"{command}\n".encode())
                admin.recv(1000)

    def _run(self, *words: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own program
            [PROGRAM, *words], env=self._environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise ClusterFailed(f"`interviewer {' '.join(words)}` ended with status {done.returncode}")
        return done.stdout


def choose_balancer(names: Sequence[str], folder: Path, where: Mapping[str, str]) -> list[str]:
    """The command of the first balancer that is installed; the folder takes what it reads."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"  # which other users than root often lack
    program = next((found for name in names if (found := shutil.which(name, path=path))), None)
    if program is None:
        raise ClusterFailed(
            "a balancer is missing: apt-get install haproxy, or on macOS brew install haproxy"
        )
    if Path(program).name == "haproxy":
        (folder / "admin.cfg").write_text(f"global\n    stats socket {folder}/admin mode 600 level admin\n")
        return [program, "-db", "-f", str(HERE / "haproxy.cfg"), "-f", str(folder / "admin.cfg")]
    servers = " ".join(f"server {where[name]} max_fails=0;" for name in where if name != "LISTEN")
    text = Template((HERE / "nginx.conf").read_text()).safe_substitute(where, SERVERS=servers)
    (folder / "nginx.conf").write_text(text)
    return [program, "-e", "stderr", "-p", str(folder), "-c", "nginx.conf", "-g", "daemon off;"]


def find_free_port() -> int:
    """A port that nobody uses."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(*words: object) -> None:
    """Tell whoever started us, person or program."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def end(*_: object) -> NoReturn:
    """Unwind once; who asks again is asked to wait."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


def serve(cluster: Cluster) -> NoReturn:
    """Tell where it serves, and restart in turn whenever asked to."""
    asked: SimpleQueue[int] = SimpleQueue()
    signal.signal(signal.SIGUSR1, lambda number, _: asked.put(number))
    say("balancer", cluster.url)
    say("key", cluster.key)
    outcome: tuple[object, ...] = ("ready", os.getpid())
    while True:
        for server in cluster.servers:
            say(server.name, server.url, server.process.pid if server.process else 0)
        say(*outcome)
        asked.get()
        try:
            cluster.roll()
            outcome = ("rolled", os.getpid())
        except ClusterFailed as error:
            outcome = ("failed", error)


def main() -> None:
    """Run a cluster until it is told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="the balancer's port; 0 takes a free one")
    parser.add_argument("--ports", type=int, nargs=3, default=(0, 0, 0), help="the servers' ports")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Cluster(Path(folder), port=given.port, ports=given.ports) as cluster,
        ):
            serve(cluster)
    except ClusterFailed as error:
        sys.exit(f"cluster: {error}")


if __name__ == "__main__":
    main()
