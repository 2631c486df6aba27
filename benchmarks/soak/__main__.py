"""Run the soak, print its figures, and exit with 1 if any promise was broken.

python -m benchmarks.soak --minutes 10 --seed 7
"""

import argparse
import asyncio
import sys
from random import Random, SystemRandom

from benchmarks.soak.run import Soak


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=0.25, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6), help="repeats a run")
    parser.add_argument("--clients", type=int, default=12, help="interviews at once (default: %(default)s)")
    options = parser.parse_args()
    print(
        f"seed {options.seed}, {options.minutes:g} minutes, {options.clients} interviews at once", flush=True
    )
    tally = asyncio.run(
        Soak(Random(options.seed), options.clients).run(60 * options.minutes)  # noqa: S311 - no secret
    )
    for name, figure in tally.figures.items():
        print(f"{name:<48}{figure:>12,}")
    for violation in tally.violations[:50]:
        print(f"VIOLATION: {violation}")
    print(f"{'violations':<48}{len(tally.violations):>12,}")
    return 1 if tally.violations else 0


sys.exit(main())
