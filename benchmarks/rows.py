"""Each row of the table: what is measured, how, and what it must come to."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import uvloop

from benchmarks import processes, stored
from benchmarks.load import Connection, Load, OurTalk, PlainTalk, Talk, hold_talks, measure
from benchmarks.processes import Provider, Service, cpu_of, started
from benchmarks.sockets import answer_now_and_then, begin_talks, close_sockets, open_sockets

T = TypeVar("T")

LATENCY = 0.3  # seconds that the provider takes where it takes any
MANY = 50  # interviews at a time
IMPORTS = "import fastapi, langgraph.graph"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    rounds: int
    turns: int
    sockets: int
    finished: int
    talks: int


FULL = Effort(rounds=5, turns=8, sockets=1000, finished=200, talks=12)
QUICK = Effort(rounds=2, turns=4, sockets=200, finished=30, talks=3)


@dataclass(frozen=True, slots=True)
class Row:
    """A measured row of the table."""

    what: str
    target: str
    measured: str
    holds: bool


@dataclass
class Shares:
    """Processor time of the load client and of the services it loaded, in seconds."""

    client: float = 0.0
    services: float = 0.0


@dataclass
class Bench:
    """The services side by side, and the provider that they share."""

    effort: Effort
    provider: Provider
    ours: Service
    plain: Service
    offline: Service
    shares: Shares = field(default_factory=Shares)

    def load(self, service: Service, at_once: int, turns: int) -> tuple[Load, float]:
        """Talks with a service, and the seconds of processor time it took for each answer."""
        make_talk: Callable[[], Talk] = PlainTalk if service is self.plain else OurTalk
        used = service.cpu
        load = run(hold_talks(service.url, make_talk, at_once, turns))
        used = service.cpu - used
        self.shares.client += load.client_cpu
        self.shares.services += used
        return load, used / len(load.latencies)


@contextmanager
def side_by_side(effort: Effort) -> Iterator[Bench]:
    """The bench, with each service warmed up."""
    with (
        TemporaryDirectory() as folder,
        processes.provider() as provider,
        processes.ours(_folder(folder, "model"), provider.url) as ours,
        processes.plain(_folder(folder, "plain"), provider.url) as plain,
        processes.ours(_folder(folder, "offline")) as offline,
    ):
        bench = Bench(effort, provider, ours, plain, offline)
        for service in (ours, plain, offline):
            bench.load(service, 5, 5)
        yield bench


def measure_latency(bench: Bench, at_once: int, most: float) -> Row:
    """How long a turn takes beside a provider that takes 300 ms."""
    bench.provider.wait(LATENCY)
    turns = bench.effort.turns if at_once == 1 else max(3, bench.effort.turns // 2)
    times = _alternate(bench, lambda service: median(bench.load(service, at_once, turns)[0].latencies))
    bench.provider.wait(0)
    ours, plain = times[bench.ours] / LATENCY, times[bench.plain] / LATENCY
    return Row(
        f"a turn with a 300 ms provider, {at_once} at a time",
        f"≤ {most:.2f} × 300 ms",
        f"{ours:.2f} × (plain: {plain:.2f} ×)",
        ours <= most,
    )


def measure_own_time(bench: Bench) -> Row:
    """Our time in a turn: the provider answers at once, one interview at a time."""
    cpu: dict[str, list[float]] = {bench.ours.url: [], bench.plain.url: []}

    def once(service: Service) -> float:
        load, used = bench.load(service, 1, 5 * bench.effort.turns)
        cpu[service.url].append(used)
        return median(load.latencies)

    times = _alternate(bench, once)
    ratio = times[bench.ours] / times[bench.plain]
    processor = median(cpu[bench.ours.url]) / median(cpu[bench.plain.url])
    return Row(
        "our time in a turn, provider at 0 ms, one at a time",
        "≤ 0.60 × plain",
        f"{ratio:.2f} × ({_ms(times[bench.ours])} against {_ms(times[bench.plain])}; "
        f"processor time {processor:.2f} ×)",
        ratio <= 0.6,
    )


def measure_throughput(bench: Bench) -> list[Row]:
    """Answers per second with many interviews at a time, of each service."""
    services = (bench.ours, bench.plain, bench.offline)
    used: dict[str, list[float]] = {service.url: [] for service in services}

    def once(service: Service) -> float:
        load, cpu = bench.load(service, MANY, bench.effort.turns)
        used[service.url].append(cpu)
        return load.per_second

    rates = _alternate(bench, once, services)
    plain = rates[bench.plain]
    cpu = {service: median(used[service.url]) for service in services}
    return [
        Row(
            f"answers per second, {engine}, {MANY} at a time, one process",
            f"≥ {least} × plain",
            f"{rates[service] / plain:.1f} × ({rates[service]:.0f} against {plain:.0f}; "
            f"processor time per answer {_ms(cpu[service])} against {_ms(cpu[bench.plain])})",
            rates[service] >= least * plain,
        )
        for engine, service, least in (
            ("provider at 0 ms", bench.ours, 2),
            ("offline engine", bench.offline, 4),
        )
    ]


def measure_reads(bench: Bench) -> list[Row]:
    """`GET /interviews/{id}`: how many a second, and how long they take while turns run."""
    return run(_measure_reads(bench))


async def _measure_reads(bench: Bench) -> list[Row]:
    url = bench.ours.url
    talks = [OurTalk() for _ in range(MANY)]
    connections = [await Connection.open(url) for _ in range(MANY)]
    for talk, connection in zip(talks, connections, strict=True):
        await talk.begin(connection)
        await talk.answer(connection)
    reads, turns, pairs = Load(), Load(), list(zip(talks, connections, strict=True))
    for _ in range(bench.effort.rounds):
        await measure(turns, *(_answer(talk, each, turns, 4) for talk, each in pairs))
        await measure(reads, *(_read(talk, each, reads, 40) for talk, each in pairs))
    bench.provider.wait(LATENCY)
    reader = await Connection.open(url)
    alone, beside = Load(), Load()
    watched = talks[0]
    await _read(watched, reader, alone, 100 * bench.effort.rounds, pause=0.01)
    busy = [asyncio.create_task(_answer(talk, each, turns, 500)) for talk, each in pairs[1:21]]
    await _read(watched, reader, beside, 100 * bench.effort.rounds, pause=0.01)
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    bench.provider.wait(0)
    before, during = _p99(alone.latencies), _p99(beside.latencies)
    return [
        Row(
            "reads a second against turns a second",
            "≥ 10 ×",
            f"{reads.per_second / turns.per_second:.1f} × "
            f"({reads.per_second:.0f} against {turns.per_second:.0f})",
            reads.per_second >= 10 * turns.per_second,
        ),
        Row(
            "99th percentile of reads while 20 interviews take turns (300 ms provider)",
            "≤ 10 ms above reads alone",
            f"{_ms(during)} ({_ms(before)} alone)",
            during <= before + 0.01,
        ),
    ]


async def _answer(talk: OurTalk, connection: Connection, load: Load, times: int) -> None:
    for _ in range(times):
        began = time.perf_counter()
        if not await talk.answer(connection):
            return
        load.latencies.append(time.perf_counter() - began)


async def _read(talk: OurTalk, connection: Connection, load: Load, times: int, pause: float = 0) -> None:
    for _ in range(times):
        began = time.perf_counter()
        await talk.read(connection)
        load.latencies.append(time.perf_counter() - began)
        if pause:
            await asyncio.sleep(pause)


def measure_flatness(bench: Bench) -> list[Row]:
    """Turn 40 against turn 4: bytes stored, and time."""
    early, late = range(3, 6), range(39, 42)
    seconds: dict[int, list[float]] = {}
    written: dict[int, list[int]] = {}
    run(_hold_long_talks(bench, seconds, written))
    times = [median(value for turn in turns for value in seconds[turn]) for turns in (early, late)]
    sizes = [median(value for turn in turns for value in written[turn]) for turns in (early, late)]
    return [
        Row(f"{what}, turn 40 against turn 4", "≤ 1.15 ×", f"{b / a:.2f} × ({told})", b / a <= 1.15)
        for what, (a, b), told in (
            ("bytes stored", sizes, f"{sizes[1]:.0f} against {sizes[0]:.0f}"),
            ("time", times, f"{_ms(times[1])} against {_ms(times[0])}"),
        )
    ]


async def _hold_long_talks(
    bench: Bench, seconds: dict[int, list[float]], written: dict[int, list[int]]
) -> None:
    connection = await Connection.open(bench.ours.url)
    for _ in range(bench.effort.talks):
        talk = OurTalk()
        await talk.begin(connection)
        before = 0
        for turn in range(1, 43):
            began = time.perf_counter()
            await talk.answer(connection)
            seconds.setdefault(turn, []).append(time.perf_counter() - began)
            if turn in (2, 3, 4, 5, 38, 39, 40, 41):
                await asyncio.sleep(0.05)  # its checkpoint is not waited for
                size = await asyncio.to_thread(stored.bytes_of_interview, bench.ours.database, talk.id)
                written.setdefault(turn, []).append(size - before)
                before = size
    connection.close()


def measure_sockets(bench: Bench) -> list[Row]:
    """Memory of open interviews and sockets, and how fast many sockets are served."""
    with (
        TemporaryDirectory() as folder,
        processes.provider() as provider,
        processes.ours(Path(folder), provider.url) as service,
    ):
        return run(_measure_sockets(bench, service, provider))


async def _measure_sockets(bench: Bench, service: Service, provider: Provider) -> list[Row]:
    count = bench.effort.sockets
    warm = await open_sockets(service.url, await begin_talks(service.url, 100))
    await answer_now_and_then(warm, 2, 2, 0)
    await close_sockets(warm)
    memory = [service.memory]
    talks = await begin_talks(service.url, count)
    memory.append(service.memory)
    sockets = await open_sockets(service.url, talks)
    memory.append(service.memory)
    provider.wait(LATENCY)
    load = await answer_now_and_then(sockets, 20, 3 if count >= 1000 else 1, LATENCY)
    bench.shares.client += load.client_cpu
    await close_sockets(sockets)
    interviews, idle = (memory[1] - memory[0]) * 1000 / count, (memory[2] - memory[1]) / count
    slowest = _p99(load.latencies)
    return [
        Row(
            "memory for 1,000 open interviews",
            "≤ 8 MB",
            f"{interviews / 2**20:.1f} MB",
            interviews <= 8 * 2**20,
        ),
        Row("memory for an open idle socket", "≤ 50 KB", f"{idle / 1024:.0f} KB", idle <= 50 * 1024),
        Row(
            f"{count} sockets in {count} interviews, 300 ms provider, an answer each 20 s: "
            "99th percentile of our own time",
            "≤ 100 ms",
            f"{_ms(slowest)} (median {_ms(median(load.latencies))})",
            slowest <= 0.1,
        ),
    ]


def measure_start(effort: Effort) -> Row:
    """From the command to `/readyz`, against Python importing FastAPI and LangGraph."""
    starts, imports = [], []
    cpu: list[tuple[float, float]] = []
    with TemporaryDirectory() as folder:
        for _ in range(effort.rounds + 1):
            began = time.perf_counter()
            with processes.ours(Path(folder)) as service:
                starts.append(time.perf_counter() - began)
                used = service.cpu
            began = time.perf_counter()
            with started([sys.executable, "-c", f"{IMPORTS}; print(); input()"], {}) as process:
                assert process.stdout is not None  # noqa: S101 - it was opened with one
                process.stdout.readline()
                imports.append(time.perf_counter() - began)
                cpu.append((used, cpu_of(process.pid)))
    ours, alone = median(starts[1:]), median(imports[1:])  # the first start makes the database
    processor = median(one for one, _ in cpu[1:]) / median(other for _, other in cpu[1:])
    return Row(
        "start to ready, offline engine, against importing FastAPI and LangGraph",
        "≤ 1.20 ×",
        f"{ours / alone:.2f} × ({ours:.2f} s against {alone:.2f} s; processor time {processor:.2f} ×)",
        ours <= 1.2 * alone,
    )


def measure_size(effort: Effort) -> Row:
    """What finished interviews of 20 answers take on disk, beyond what a smaller number of them takes."""
    with (
        TemporaryDirectory() as folder,
        processes.provider() as provider,
        processes.ours(Path(folder), provider.url) as service,
    ):
        run(_finish_talks(service, 20))
        sizes = [stored.vacuumed_size(service.database, Path(folder, "copy"))]
        said = [stored.bytes_said(service.database)]
        run(_finish_talks(service, effort.finished))
        sizes.append(stored.vacuumed_size(service.database, Path(folder, "copy")))
        said.append(stored.bytes_said(service.database))
    size, content = sizes[1] - sizes[0], said[1] - said[0]
    return Row(
        f"stored size of finished 20-answer interviews (marginal over {effort.finished}, vacuumed)",
        "≤ 3 × what was said",
        f"{size / content:.2f} × ({size / effort.finished / 1024:.0f} KB each)",
        size <= 3 * content,
    )


async def _finish_talks(service: Service, count: int) -> None:
    connections = [await Connection.open(service.url) for _ in range(10)]

    async def finish(connection: Connection, talks: int) -> None:
        for _ in range(talks):
            talk = OurTalk(minutes=100)  # 20 main questions
            await talk.begin(connection)
            while await talk.answer(connection):
                pass
            await connection.send("POST", f"/api/v1/interviews/{talk.id}/end", {})

    await asyncio.gather(*(finish(each, count // 10) for each in connections))
    for each in connections:
        each.close()


def _alternate(
    bench: Bench, once: Callable[[Service], float], services: tuple[Service, ...] = ()
) -> "dict[Service, float]":
    """The median of what a measurement of each service comes to, taken in turns."""
    chosen = services or (bench.ours, bench.plain)
    values = [[once(service) for service in chosen] for _ in range(bench.effort.rounds)]
    return {service: median(row[at] for row in values) for at, service in enumerate(chosen)}


def run(work: Coroutine[Any, Any, T]) -> T:
    """What a piece of the load client's work comes to."""
    return uvloop.run(work)


def _folder(parent: str, name: str) -> Path:
    path = Path(parent, name)
    path.mkdir()
    return path


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
