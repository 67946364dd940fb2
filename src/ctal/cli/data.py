"""`ctal data`: inspect and prepare datasets before training."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ctal.data.completeness import allowing_incomplete
from ctal.data.pipeline import PreparedDataset
from ctal.data.preparing import setting, write_arrays
from ctal.data_commands import report
from ctal.data_commands.inspection import Problem
from ctal.data_commands.opening import DataSettings, call_with_data
from ctal.data_commands.overlap import shared_samples
from ctal.data_commands.sheet import chosen, contact_sheet
from ctal.data_commands.survey import Survey, walk
from ctal.errors import InputError, counted
from ctal.io.atomic import check_absent, write_text
from ctal.io.signals import stopped_by_signals
from ctal.visualization.panels import save_png


def check(
    data: DataSettings,
    split: list[str] | None = None,
    workers: int | None = None,
    all: bool = False,
) -> None:
    """Read every sample, print an overview, and list the samples that cannot be used.

    If there are many, the first ones of each kind are listed, with the number of the others. The
    exit code is 0 if all samples can be used, otherwise 1. Only the first problem of a sample is
    reported. Samples shared by two splits are reported, but are not a problem.

    Args:
        data: the datasets.
        split: the splits to inspect, such as train val; by default all.
        workers: the number of worker processes; 0: read in the main process. By default one per
            core, at most 8.
        all: list all samples that cannot be used and all unused files, however many.
    """
    found, opened, ending = 0, {}, ""
    for name in data.splits(split):
        try:
            with allowing_incomplete():  # missing files are listed with other problems
                opened[name] = data.open(name)
        except (InputError, OSError) as error:
            sys.stdout.write(f"## {name}\n\ncannot be opened: {error}\n\n")
            found += 1
            continue
        survey = Survey(opened[name], data.tasks(name))
        survey.complete(name, workers)
        sys.stdout.write(report.overview(name, survey) + report.class_shares(survey))
        if note := report.far_depth(survey):
            sys.stdout.write(note)
            ending = "; see the note on depth"
        if survey.problems:
            sys.stdout.write(report.problems(survey, everything=all))
        sys.stdout.write(report.unused(opened[name], everything=all))
        sys.stdout.write("\n")
        found += len(survey.problems)
    sys.stdout.write(shared_samples(data, opened))
    sys.stdout.write(f"{counted(found, 'problem') if found else 'no problems'}{ending}\n")
    if found:
        raise SystemExit(1)


def stats(
    data: DataSettings,
    split: list[str] | None = None,
    output: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> None:
    """Print the distribution of image and label values, before resizing.

    Args:
        data: the datasets.
        split: the splits to inspect, such as train val; by default all.
        output: a JSON file to write the numbers to.
        overwrite: replace an existing output.
        workers: the number of worker processes; 0: read in the main process. By default one per
            core, at most 8.

    Raises:
        InputError: a sample cannot be read (`ctal data check` reports all of them), or the output
            exists or cannot be written.
    """
    if output:
        check_absent([Path(output)], overwrite)
    numbers: dict[str, Any] = {}
    for name in data.splits(split):
        survey = Survey(data.open(name), data.tasks(name))
        survey.complete(name, workers)
        if survey.problems:
            raise _unusable(survey.problems, name)
        sys.stdout.write(report.overview(name, survey) + report.details(survey) + "\n")
        numbers[name] = survey.plain()
    if output:
        write_text(Path(output), json.dumps(numbers, indent=2, allow_nan=False) + "\n")


def show(
    data: DataSettings,
    output: str = "samples.png",
    split: list[str] | None = None,
    samples: int = 4,
    seed: int | None = None,
    overwrite: bool = False,
) -> None:
    """Draw a contact sheet: resized samples before augmentation, with their labels.

    Args:
        data: the datasets.
        output: the PNG file to write.
        split: the splits to show, such as train val; by default all.
        samples: the number of samples of each split.
        seed: the seed to draw the samples with; by default they are evenly spaced.
        overwrite: replace an existing output.

    Raises:
        InputError: a sample cannot be read, or the output exists or cannot be written.
    """
    if samples < 1 or (seed is not None and seed < 0):
        key, least, got = ("samples", 1, samples) if samples < 1 else ("seed", 0, seed)
        raise InputError(f"{key}: expected an integer >= {least}, got {got}")
    check_absent([Path(output)], overwrite)
    splits = data.splits(split)
    tasks = list({task.name: task for name in splits for task in data.tasks(name)}.values())
    rows, total = {}, 0
    for name in splits:
        dataset = data.open(name)
        total += len(dataset)
        prepared = PreparedDataset(dataset, data.tasks(name), data.size(), cache=False)
        for index in chosen(len(dataset), samples, seed):
            rows[f"{name} {dataset.sample_name(index)}"] = prepared[index]
    save_png(contact_sheet(tasks, rows), output)
    sys.stdout.write(f"{output}: {len(rows)} of {counted(total, 'sample')}\n")


def prepare(
    data: DataSettings,
    output: str,
    split: list[str] | None = None,
    image_size: list[int] | None = None,
    workers: int | None = None,
) -> None:
    """Convert datasets to memory-mapped arrays, which training reads without decoding.

    Each split becomes a folder OUTPUT/<split>, written atomically, which ctal.data.PreparedArrays
    reads. Its samples are bit-identical to those of training on the original dataset.

    Args:
        data: the datasets.
        output: the folder to write to.
        split: the splits to prepare, such as train val; by default all.
        image_size: height and width; by default data.image_size, or that of the first training
            image.
        workers: the number of worker processes; 0: read in the main process. By default one per
            core, at most 8.

    Raises:
        InputError: a sample cannot be read, or the output exists or cannot be written.
    """
    if image_size is not None:
        data.resize(image_size)
    folders = {name: Path(output) / name for name in data.splits(split)}
    for folder in folders.values():
        if folder.exists():  # before any split is prepared
            raise InputError(f"{folder}: already exists; remove it, or choose another --output")
    tasks = {name: data.tasks(name) for name in folders}  # opens all, to report errors early
    lines = ["data:"]
    for name, folder in folders.items():
        dataset = data.open(name)
        samples = PreparedDataset(dataset, tasks[name], data.size(), cache=False)
        with stopped_by_signals():
            write_arrays(
                walk(samples, name, workers),
                [dataset.sample_name(index) for index in range(len(dataset))],
                tasks[name],
                folder,
                size=data.size(),
                source=data.source(name),
            )
        lines.append(f"  {name}: {setting(folder, tasks[name])}")
    sys.stdout.write("Config:\n\n" + "\n".join(lines) + "\n")


COMMANDS: dict[str, Callable[..., object]] = {
    "check": check,
    "show": show,
    "stats": stats,
    "prepare": prepare,
}


def run(args: list[str]) -> None:
    """Run the command named by the first argument."""
    call_with_data(COMMANDS[args[0]], args[1:], f"ctal data {args[0]}")


def _unusable(problems: list[Problem], split: str) -> InputError:
    first = problems[0]
    return InputError(
        f"{split}: {first.name}: {first.reason}; `ctal data check` reports all {len(problems)} of "
        "them"
    )
