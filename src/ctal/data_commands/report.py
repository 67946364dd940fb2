"""Reports of a survey, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ctal.data import DenseDataset
from ctal.data.labels import far_depth_note
from ctal.data_commands.grouping import grouped
from ctal.data_commands.survey import Survey
from ctal.errors import counted, one_line
from ctal.tasks.depth import is_metric_depth


def overview(title: str, survey: Survey) -> str:
    """Return counts, sizes, and a table with a row for each task."""
    sizes = survey.sizes.most_common()
    shown = ", ".join(f"{height}x{width}" for (height, width), _ in sizes[:3])
    if len(sizes) > 3:
        height, width = zip(*survey.sizes, strict=True)
        shown += f" and {len(sizes) - 3} others, {min(height)}..{max(height)} high, "
        shown += f"{min(width)}..{max(width)} wide"
    kind = type(survey.dataset).__name__
    total = len(survey.dataset)
    count = f"{survey.samples} of {total} samples usable"
    if survey.samples == total:
        count = counted(total, "sample")
    lines = [f"## {title}", "", f"{kind}, {count}"]
    lines[-1] += f", images of {shown} pixels (height x width)" if sizes else ""
    rows = []
    for task in survey.tasks:
        maps = survey.maps[task.name]
        span = maps.tally.span(task) if maps.tally else "none"
        share = _percent(survey.labelled_share(task))
        rows.append([task.name, task.unit, str(maps.samples), share, span])
    head = ["task", "unit", "samples with the map", "labelled pixels in them", "values"]
    return "\n".join([*lines, "", *_table(head, rows)]) + "\n"


def class_shares(survey: Survey) -> str:
    """Return a line for each task of classes with the share of every class, in descending order."""
    lines = []
    for name, found in survey.plain()["tasks"].items():
        classes = sorted(found.get("classes", ()), key=lambda entry: -entry["pixels"])
        if classes:
            shares = [f"{entry['name']} {_percent(entry['pixels'])}" for entry in classes]
            lines.append(f"{name}: {', '.join(shares)}")
    return "".join(f"\n{line}\n" for line in lines)


def details(survey: Survey) -> str:
    """Return the statistics of images and tasks."""
    plain = survey.plain()
    image = plain["picture"]
    lines = [f"image: mean {_listed(image['mean'])}, standard deviation "]
    lines[-1] += f"{_listed(image['std'])} (red, green, blue; 0..1)"
    for name, found in plain["tasks"].items():
        lines += ["", f"### {name}", "", *_task_lines(found)]
    return "\n".join(["", *lines]) + "\n"


def unused(dataset: DenseDataset, *, everything: bool) -> str:
    """Return a list of the images and maps that no sample uses.

    Args:
        dataset: The dataset.
        everything: Whether to list all of them, not only the first of each kind.
    """
    files = [(str(path), reason) for path, reason in dataset.unused_files()]
    return (
        _list(f"note: {counted(len(files), 'file')} not used:", files, everything) if files else ""
    )


def far_depth(survey: Survey) -> str:
    """Return a note if most of a depth map is farther than a camera of rooms or streets sees."""
    lines = []
    for task in survey.tasks:
        tally = survey.maps[task.name].tally if is_metric_depth(task) else None
        numbers = tally.plain(task) if tally else {}
        median = numbers.get("quantiles", {}).get("0.5", 0)
        if note := far_depth_note(task.name, median):
            lines.append(f"\nnote: {note}\n")
    return "".join(lines)


def problems(survey: Survey, *, everything: bool) -> str:
    """Return a list of the samples that cannot be used.

    Args:
        survey: The complete survey.
        everything: Whether to list all of them, not only the first of each kind.
    """
    found = [(problem.name, problem.reason) for problem in survey.problems]
    title = f"{len(found)} of {len(survey.dataset)} samples cannot be used:"
    return _list(title, found, everything)


def _list(title: str, entries: Sequence[tuple[str, str]], everything: bool) -> str:
    lines = [one_line(f"- {name}: {reason}") for name, reason in entries]
    shown = lines if everything else grouped(entries, lines)
    return "\n".join(["", title, "", *shown, ""])


def _task_lines(found: dict[str, Any]) -> list[str]:
    if "classes" in found:
        rows = [
            [str(c["id"]), c["name"], _percent(c["pixels"]), str(c["samples"])]
            for c in found["classes"]
        ]
        return _table(["id", "class", "labelled pixels", "samples with it"], rows)
    if "quantiles" in found:
        numbers = {"min": found["min"], **found["quantiles"], "max": found["max"]}
        numbers["mean"] = found["mean"]
        head = [key if key.isalpha() else f"{100 * float(key):g} %" for key in numbers]
        return _table(["unit", *head], [[found["unit"], *(f"{n:.3g}" for n in numbers.values())]])
    if "towards" in found:
        shares = found["towards"]
        return [
            f"mean {_listed(found['mean'])}, direction {_listed(found['mean_direction'])}",
            "",
            *_table(["largest component", *shares], [["pixels", *map(_percent, shares.values())]]),
        ]
    return ["no labelled pixels"]


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *body, strict=True)]
    rows = [
        [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        for row in [head, *body]
    ]
    rows.insert(1, ["-" * width for width in widths])
    return [f"| {' | '.join(row)} |" for row in rows]


def _listed(numbers: Sequence[float]) -> str:
    return f"({', '.join(f'{number:.3f}' for number in numbers)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 or share == 0 else "< 0.05 %"
