"""Test scores of a study, kept in a file: collect them from runs, and compare networks in pairs.

    python -m benchmarks.nyuv2_records benchmarks/records/lean.json --over lean_control
    python -m benchmarks.nyuv2_records benchmarks/records/lean.json --collect runs/lean/small

A study of many runs can be spread over machines and days: each adds its finished runs to the file
with --collect, and the tables are printed from the file. A run is a network and a seed. Differences
are paired by seed, with 95 % intervals (Student's t) and p corrected by Holm's procedure.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ctal.comparison import Comparison, Row, measures
from ctal.comparison.runs import Run
from ctal.comparison.significance import Difference, differences
from ctal.evaluation.metric_info import Measure
from ctal.io.atomic import write_text
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals
from ctal.visualization.tables import aligned_table

Scores = dict[str, dict[int, dict[str, float]]]
"""{network: {seed: {"<task>/<metric>": number}}}."""


def main() -> int:
    """Add finished runs to the file, if a folder is given, and print its tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="the file of scores")
    parser.add_argument("--collect", type=Path, help="a folder of NETWORK/seed<k> to add")
    parser.add_argument("--over", help="the network to compare with; the first one by default")
    given = parser.parse_args()
    scores = read(given.file) if given.file.is_file() else {}
    if given.collect:
        scores = merged(scores, collected(given.collect))
        write(given.file, scores)
    if given.over not in {None, *scores}:
        parser.error(f"--over: expected one of {', '.join(scores)}, got {given.over}")
    sys.stdout.write("\n".join([*tables(scores, given.over or next(iter(scores))), ""]))
    return 0


def collected(folder: Path) -> Scores:
    """Return the test scores of all finished runs in a folder of `benchmarks.nyuv2_study`."""
    found: Scores = {}
    for file in sorted(folder.glob("*/seed*/scores_test.json")):
        seed = int(file.parent.name.removeprefix("seed"))
        run = Run(file.parent.parent.name, file.parent, seed, "test")
        found.setdefault(run.name, {})[seed] = run.scores()
    return found


def merged(known: Scores, new: Scores) -> Scores:
    """Return the runs of both; one that is in both must not change.

    Raises:
        SystemExit: a run has other scores than before.
    """
    result = {name: dict(runs) for name, runs in known.items()}
    for name, runs in new.items():
        for seed, scores in runs.items():
            if result.setdefault(name, {}).setdefault(seed, scores) != scores:
                raise SystemExit(f"{name}, seed {seed}: expected the scores of before, got others")
        result[name] = dict(sorted(result[name].items()))
    return result


def read(file: Path) -> Scores:
    """Read a file of scores."""
    content = json.loads(file.read_text())
    return {
        name: {int(seed): scores for seed, scores in runs.items()} for name, runs in content.items()
    }


def write(file: Path, scores: Scores) -> None:
    """Write a file of scores."""
    write_text(file, json.dumps(scores, indent=1) + "\n")


def tables(scores: Scores, base: str) -> list[str]:
    """Return the scores of every network, and its differences from one of them.

    Args:
        scores: the scores; Delta_m is relative to the mean of `base`.
        base: the name of that network.
    """
    tasks = [SemanticSegmentation(13), Depth(), SurfaceNormals()]
    columns = measures(tasks)
    primary = [measure for measure in columns if measure.primary]
    ordered = {base: scores[base]} | scores
    rows = [  # a row without any cost would count as the trivial predictor
        Row(name, "", list(runs.values()), {"known": 1.0}, list(runs))
        for name, runs in ordered.items()
    ]
    found = [Comparison(rows, columns, {}).differences(rows[0])]
    found += [_differences(ordered, base, measure) for measure in primary]
    titles = [f"{measure.task} {measure.title()}" for measure in primary]
    body = [[row.name, *(_mean(row, m) for m in primary)] for row in rows]
    changes = [
        [
            *(row.name, str(len({*row.seeds} & {*rows[0].seeds}))),
            *(_change(by_name.get(row.name)) for by_name in found),
        ]
        for row in rows[1:]
    ]
    return [
        *aligned_table(["network", *titles], body),
        "",
        f"Differences from {base}, paired by seed, with 95 % intervals:",
        "",
        *aligned_table(["network", "seeds", "Δm ↑ %", *titles], changes),
    ]


def _differences(scores: Scores, base: str, measure: Measure) -> dict[str, Difference]:
    factor = 100.0 if measure.share else 1.0
    values = {
        name: {seed: factor * run[measure.key] for seed, run in runs.items()}
        for name, runs in scores.items()
    }
    return differences(values, base)


def _change(difference: Difference | None) -> str:
    if difference is None:
        return "-"
    mark = " *" if difference.is_significant else ""
    return f"{difference.mean:+.3g} ± {difference.half_width:.2g}{mark}"


def _mean(row: Row, measure: Measure) -> str:
    factor, form = (100.0, ".2f") if measure.share else (1.0, ".4g")
    mean, spread = row.mean()[measure.key], row.spread().get(measure.key)
    shown = format(factor * mean, form)
    return shown if spread is None else f"{shown} ± {factor * spread:.2g}"


if __name__ == "__main__":
    sys.exit(main())
