"""`ctal data`: look at datasets before training on them, and prepare them for it."""

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
from ctal.errors import InputError
from ctal.io.atomic import check_absent, write_text
from ctal.io.signals import stopped_by_signals
from ctal.visualization.panels import save_png


def check(data: DataSettings, split: list[str] | None = None, workers: int | None = None) -> None:
    """Reads every sample, tells what there is, and lists all that cannot be used.

    The exit code is 0 if all samples can be used and 1 if not. Of one sample the first problem is
    told. That two splits share samples is told too, and no problem.

    Args:
        data: the datasets.
        split: the splits to look at, such as train val; by default all.
        workers: processes that read samples; 0: none beside this one. By default one per core.
    """
    found, opened = 0, {}
    for name in data.splits(split):
        try:
            with allowing_incomplete():  # missing files are listed with all else
                opened[name] = data.open(name)
        except (InputError, OSError) as error:
            sys.stdout.write(f"## {name}\n\ncannot be opened: {error}\n\n")
            found += 1
            continue
        survey = Survey(opened[name], data.tasks(name))
        survey.complete(name, workers)
        sys.stdout.write(report.overview(name, survey) + report.class_shares(survey))
        if survey.problems:
            sys.stdout.write(report.problems(survey))
        sys.stdout.write(report.unused(opened[name]))
        sys.stdout.write("\n")
        found += len(survey.problems)
    sys.stdout.write(shared_samples(data, opened))
    sys.stdout.write(f"{found or 'no'} problem{'' if found == 1 else 's'}\n")
    if found:
        raise SystemExit(1)


def stats(
    data: DataSettings,
    split: list[str] | None = None,
    output: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> None:
    """Tells how the values of pictures and labels are distributed, before any resizing.

    Args:
        data: the datasets.
        split: the splits to look at, such as train val; by default all.
        output: a JSON file to write the numbers to as well.
        overwrite: whether the output may be replaced if it already exists.
        workers: processes that read samples; 0: none beside this one. By default one per core.

    Raises:
        InputError: a sample cannot be read (`ctal data check` lists all of these), or the output
            already exists or cannot be written.
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
    """Draws a contact sheet: samples as training sees them before augmentation, and their labels.

    Args:
        data: the datasets.
        output: the PNG file to write.
        split: the splits to show, such as train val; by default all.
        samples: the number of samples of each split.
        seed: draw the samples with this seed; by default they are spread evenly.
        overwrite: whether the output may be replaced if it already exists.

    Raises:
        InputError: a sample cannot be read, or the output already exists or cannot be written.
    """
    if samples < 1 or (seed is not None and seed < 0):
        key, least, got = ("samples", 1, samples) if samples < 1 else ("seed", 0, seed)
        raise InputError(f"{key}: expected a number from {least} on, got {got}")
    check_absent([Path(output)], overwrite)
    splits = data.splits(split)
    tasks = list({task.name: task for name in splits for task in data.tasks(name)}.values())
    rows = {}
    for name in splits:
        dataset = data.open(name)
        prepared = PreparedDataset(dataset, data.tasks(name), data.size(), cache=False)
        for index in chosen(len(dataset), samples, seed):
            rows[f"{name} {dataset.sample_name(index)}"] = prepared[index]
    save_png(contact_sheet(tasks, rows), output)
    sys.stdout.write(f"{output}: {len(rows)} samples\n")


def prepare(
    data: DataSettings,
    output: str,
    split: list[str] | None = None,
    image_size: list[int] | None = None,
    workers: int | None = None,
) -> None:
    """Packs datasets into arrays that training maps into memory, with nothing left to decode.

    Each split becomes a folder OUTPUT/<split>, written whole or not at all, which
    ctal.data.PreparedArrays reads. Its values are those that training would see without it.

    Args:
        data: the datasets.
        output: the folder to write to.
        split: the splits to prepare, such as train val; by default all.
        image_size: height and width; by default data.image_size, or else that of the first
            training picture.
        workers: processes that read samples; 0: none beside this one. By default one per core.

    Raises:
        InputError: a sample cannot be read, or the output already exists or cannot be written.
    """
    if image_size is not None:
        data.resize(image_size)
    folders = {name: Path(output) / name for name in data.splits(split)}
    for folder in folders.values():
        if folder.exists():  # now, and not after the split before it
            raise InputError(f"{folder}: already exists; remove it, or choose another --output")
    tasks = {name: data.tasks(name) for name in folders}  # opens all, for the same reason
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
    sys.stdout.write("In a configuration:\n\n" + "\n".join(lines) + "\n")


COMMANDS: dict[str, Callable[..., object]] = {
    "check": check,
    "show": show,
    "stats": stats,
    "prepare": prepare,
}


def run(args: list[str]) -> None:
    """Runs one of the commands, whose name comes first."""
    call_with_data(COMMANDS[args[0]], args[1:], f"ctal data {args[0]}")


def _unusable(problems: list[Problem], split: str) -> InputError:
    first = problems[0]
    return InputError(
        f"{split}: {first.name}: {first.reason}; `ctal data check` lists all {len(problems)} such "
        "samples"
    )
