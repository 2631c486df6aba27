"""Fits the offline grader: `python -m evals.fit_offline DATA_DIR [--report docs/offline-grader.md]`.

DATA_DIR holds graded short answers as JSON lines, one file a set: `mohler`, `saf` and `os` with grades from
0 to 1, `scientsbank` and `beetle` with labels, and `attacks` with the rules that manipulated answers must
obey. The sample interview answers of `evals/data` are read too. It writes `weights.json` and,
if asked, the report. The same data gives the same files. It needs numpy, scipy and scikit-learn, which the
grader itself does not.
"""

import argparse
import json
import os
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries load, so that sums are taken in one order only

from evals.fit_data import (
    FOLDS,
    ROOT,
    SETS,
    Table,
    fold_of,
    load_samples,
    measure_attacks,
    measure_samples,
    measure_sets,
    read_lines,
)
from evals.fit_models import DOUBTS, WORTHS, fit_doubt, fit_flow, fit_points, fit_quality, fit_usage
from evals.fit_report import write_report

WEIGHTS = ROOT / "agent" / "offline" / "grading" / "weights.json"


def main() -> None:
    """Fit, write the weights, and report what cross-validation finds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    sets = {name: read_lines(options.data / f"{name}.jsonl") for name in SETS}
    samples = load_samples()
    flow = fit_flow(str(row["answer"]) for rows in (*sets.values(), samples) for row in rows)
    answers = [(fold_of(name, answer), answer) for name, own in sets.items() for answer in own]
    usages = [
        fit_usage((answer for other, answer in answers if other != fold), flow) for fold in range(FOLDS)
    ]
    usage = fit_usage((answer for _, answer in answers), flow)
    rows = [*measure_sets(sets, usages), *measure_samples(samples, usage)]
    table = Table(rows)
    weights = {
        "flow": flow,
        "rarity": usage.rarity,
        "unknown": usage.unknown,
        **fit_quality(table, table.everything),
        "doubts": {name: fit_doubt(table, name, table.everything) for name in DOUBTS},
        "worths": WORTHS,
        "points": fit_points(samples, usage, signals=True),
        "plain_points": fit_points(samples, usage, signals=False),
    }
    WEIGHTS.write_text(json.dumps(weights, separators=(",", ":")) + "\n", encoding="utf-8")
    if options.report:
        attacks = read_lines(options.data / "attacks.jsonl")
        folds = {row.question: row.fold for row in rows if row.of == "mohler"}
        everything = Table([*rows, *measure_attacks(attacks, usages, folds)])
        write_report(options.report, everything, attacks, samples, usage)


if __name__ == "__main__":
    main()
