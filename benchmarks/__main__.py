"""`make bench`: every row of the table in one run, and the results into docs/performance.md.

    python -m benchmarks [--quick] [--dry]

`--quick` measures less of everything and `--dry` leaves the page alone; so does `--quick`.
"""

import os
import platform
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import rows
from benchmarks.rows import FULL, LATENCY, MANY, QUICK, Bench, Effort, Row, side_by_side

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    """Measure, print and write the table."""
    effort = QUICK if "--quick" in sys.argv else FULL
    began, load = time.monotonic(), os.getloadavg()[0]
    with side_by_side(effort) as bench:
        measured = []
        for row in measure_all(bench):
            measured.append(row)
            kept = "holds " if row.holds else "MISSED"
            print(f"{kept}  {row.what}: {row.measured}; {row.target}", flush=True)  # noqa: T201
        share = bench.shares.client / (bench.shares.client + bench.shares.services)
    text = "\n".join(describe(effort, measured, share, load, time.monotonic() - began))
    if effort is FULL and "--dry" not in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.partition(BEGIN)[0], page.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    print(f"\n{text}")  # noqa: T201


def measure_all(bench: Bench) -> Iterator[Row]:
    """The rows, one after the other."""
    yield rows.measure_latency(bench, 1, 1.10)
    yield rows.measure_latency(bench, MANY, 1.35)
    yield rows.measure_own_time(bench)
    yield from rows.measure_throughput(bench)
    yield from rows.measure_reads(bench)
    yield from rows.measure_flatness(bench)
    yield from rows.measure_sockets(bench)
    yield rows.measure_start(bench.effort)
    yield rows.measure_size(bench.effort)


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
