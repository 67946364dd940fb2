"""Stages of `ctal quickstart`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.resources import files
from pathlib import Path

from torch import Tensor

from ctal.cli import compare
from ctal.cli.quickstart_report import maps_figure, summary
from ctal.comparison.candidates import Candidate, Plan, candidates
from ctal.comparison.runs import Run
from ctal.errors import InputError, Interrupted
from ctal.inference.loading import load
from ctal.io.lock import locked
from ctal.io.run_folder import RunFolder
from ctal.training.experiment import Experiment
from ctal.visualization.panels import save_png

REFERENCE, CTAL = "single_task", "multi_scale_ctal"
"""Names of the configurations and of the rows of the table."""

_SHOWN = (0, 17, 38, 59)  # samples of the test split, from different rooms


def run_stages(output: str, overrides: Sequence[str]) -> None:
    """Run all stages, each of which is skipped if an earlier run has completed it.

    Args:
        output: the folder to write to.
        overrides: further settings for both trainings.

    Raises:
        InputError: the overrides are invalid, the folder contains other runs, or a training failed.
        Interrupted: a signal stopped a training.
    """
    configs = files("ctal") / "configs" / "quickstart"
    sources = [str(configs / f"{name}.yaml") for name in (REFERENCE, CTAL)]
    plan = Plan(Path(output), [0], list(overrides), "test")
    single, ctal = found = candidates(sources, REFERENCE, plan)
    data, warnings = compare.check(found, plan.split)
    test = data.prepared(plan.split)
    samples = [test[index % len(test)] for index in _SHOWN]
    _train(ctal, plan, "[1/3] training multi_scale_ctal, one network for three tasks")
    model = load(ctal.runs[0].folder)
    _save(maps_figure(model, samples), plan.output / "multi_scale_ctal.png")
    _train(single, plan, "[2/3] training single_task, a network per task")
    _report("[3/3] comparing both on the test split")
    comparison = compare.report(found, plan, data, warnings)
    sys.stdout.write(summary(comparison, plan.output))


def _train(candidate: Candidate, plan: Plan, title: str) -> None:
    """Complete a run in this process, which saves the import of torch in another one."""
    run = candidate.runs[0]
    complete = run.next_command() is None
    _report(f"{title}: complete" if complete else title)
    if not complete:
        _report(f"      maps after each epoch: {RunFolder(run.folder).val_panel}")
    with locked(plan.output):
        run.check()
        run.prepare()
        try:
            _complete(run)
        except Interrupted as stop:
            raise Interrupted("stopped; rerun the command to resume", stop.number) from stop


def _complete(run: Run) -> None:
    """Train and score, with the scores in log.txt, since the table has the important ones."""
    done: list[str] | None = None
    while args := run.next_command():
        if args == done:
            raise InputError(f"{run.folder}: the training wrote no scores; remove it, and rerun")
        with (run.folder / "log.txt").open("a", encoding="utf-8") as log, redirect_stdout(log):
            Experiment(args)
        done = args


def _save(figure: Tensor, path: Path) -> None:
    save_png(figure, path)
    _report(f"      wrote {path}")


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
