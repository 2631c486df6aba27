"""`make bench`: every row of the table in one run, and the results into docs/performance.md."""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import rows
from benchmarks.rows import FULL, LATENCY, MANY, QUICK, Bench, Effort, Row, side_by_side

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    """Measure, print and write the table."""
    given = _read_arguments()
    effort = QUICK if given.quick else FULL
    began, load = time.monotonic(), os.getloadavg()[0]
    with side_by_side(effort) as bench:
        measured = []
        for row in measure(bench, given.only):
            measured.append(row)
            kept = "holds " if row.holds else "MISSED"
            print(f"{kept}  {row.what}: {row.measured}; {row.target}", flush=True)  # noqa: T201
        share = bench.shares.client / (bench.shares.client + bench.shares.services)
    text = "\n".join(describe(effort, measured, share, load, time.monotonic() - began))
    if effort is FULL and not (given.dry or given.only):
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.partition(BEGIN)[0], page.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    print(f"\n{text}")  # noqa: T201


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="measure less of everything; leaves the page alone"
    )
    parser.add_argument("--dry", action="store_true", help="leave the page alone")
    parser.add_argument("--only", choices=MEASURES, nargs="+", default=[], help="these rows; as above")
    return parser.parse_args()


MEASURES: dict[str, Callable[[Bench], list[Row]]] = {
    "latency": lambda bench: [rows.measure_latency(bench, 1, 1.10), rows.measure_latency(bench, MANY, 1.35)],
    "own": lambda bench: [rows.measure_own_time(bench)],
    "throughput": rows.measure_throughput,
    "reads": rows.measure_reads,
    "flatness": rows.measure_flatness,
    "sockets": rows.measure_sockets,
    "start": lambda bench: [rows.measure_start(bench.effort)],
    "size": lambda bench: [rows.measure_size(bench.effort)],
}


def measure(bench: Bench, only: Sequence[str]) -> Iterator[Row]:
    """The rows, one after the other: all, or those that are named."""
    for name, take in MEASURES.items():
        if not only or name in only:
            yield from take(bench)


def describe(effort: Effort, measured: list[Row], share: float, load: float, seconds: float) -> Iterator[str]:
    """The table and how it was got, as Markdown."""
    yield "| what | target | measured | |"
    yield "|---|---|---|---|"
    for row in measured:
        yield f"| {row.what} | {row.target} | {row.measured} | {'holds' if row.holds else '**missed**'} |"
    yield ""
    yield (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} in {seconds / 60:.0f} minutes, {effort.rounds} "
        f"alternating rounds, with Python {platform.python_version()} on {os.cpu_count()} cores. "
        f"The load of the machine was {load:.1f} at the start and {os.getloadavg()[0]:.1f} at the end; above "
        f"1 at the start, others were using it. The load client used {share:.0%} of the processor time that "
        f"it and the services it loaded used together; the provider took {LATENCY * 1000:.0f} ms or 0 ms."
    )


if __name__ == "__main__":
    main()
