"""Writing prepared arrays: sample after sample, and the folder whole or not at all."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import yaml
from torch import Tensor
from torchvision.tv_tensors import Image

from ctal.data.base import Sample
from ctal.data.prepared import DESCRIPTION, FORMAT, layout
from ctal.errors import InputError
from ctal.io.atomic import write_text
from ctal.tasks import Task
from ctal.tasks.serialization import describe_task


def write_arrays(
    samples: Iterable[Sample],
    names: Sequence[str],
    tasks: Sequence[Task],
    folder: Path,
    *,
    size: tuple[int, int],
    source: Mapping[str, Any],
) -> None:
    """Writes the folder that `ctal.data.PreparedArrays` reads.

    It is filled under another name and renamed at the end: what stops it before leaves nothing,
    or, if the machine itself stops, no folder of this name.

    Args:
        samples: all samples, resized to `size`; a map may be missing.
        names: their names.
        tasks: the tasks whose maps to keep.
        folder: where the arrays shall be; nothing may be there yet.
        size: (H, W).
        source: where the samples come from, plain values for people to read.

    Raises:
        InputError: the folder exists or cannot be written.
    """
    if folder.exists():
        raise InputError(f"{folder}: already exists; remove it, or choose another output")
    stage = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    parent_is_new = not folder.parent.exists()
    try:
        with _writing(folder):
            (stage / "maps").mkdir(parents=True)
        missing = _write_samples(samples, len(names), tasks, size, stage, folder)
        content = {
            **FORMAT,
            "ctal": version("ctal"),
            "size": list(size),
            "tasks": [describe_task(task) for task in tasks],
            "names": list(names),
            "missing": missing,
            "source": dict(source),
        }
        # default: the source may hold paths
        write_text(stage / DESCRIPTION, json.dumps(content, indent=1, default=str) + "\n")
        with _writing(folder):
            stage.rename(folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if parent_is_new:
            with suppress(OSError):  # something is in it
                folder.parent.rmdir()


def setting(folder: Path, tasks: Sequence[Task]) -> str:
    """What a configuration says in place of the original dataset, in one line of YAML.

    Args:
        folder: the written folder.
        tasks: its tasks; the modules of those that are not ctal's own must be imported.
    """
    modules = {type(task).__module__ for task in tasks}
    own = sorted(module for module in modules if module.partition(".")[0] != "ctal")
    arguments = {"folder": str(folder), **({"imports": own} if own else {})}
    content = {"class_path": "ctal.data.PreparedArrays", "init_args": arguments}
    line: str = yaml.safe_dump(
        content, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf
    )
    return line.strip()


def _write_samples(
    samples: Iterable[Sample],
    count: int,
    tasks: Sequence[Task],
    size: tuple[int, int],
    stage: Path,
    folder: Path,
) -> dict[str, list[int]]:
    """Fills the arrays, and returns which samples lack which task's map."""
    missing: dict[str, list[int]] = {task.name: [] for task in tasks}
    blank = {task.name: task.map_type.blank(*size) for task in tasks}
    with ExitStack() as stack:
        files: dict[str, tuple[BinaryIO, np.dtype[Any]]] = {}
        with _writing(folder):
            for name, path, shape, dtype in layout(tasks, size):
                file: BinaryIO = stack.enter_context((stage / path).open("wb"))
                files[name] = (file, dtype)
                head = {"descr": dtype.str, "fortran_order": False, "shape": (count, *shape)}
                np.lib.format.write_array_header_1_0(file, head)
        for index, sample in enumerate(samples):
            for name in missing:
                if name not in sample:
                    missing[name].append(index)
            with _writing(folder):
                for name, (file, dtype) in files.items():
                    # not through a memory map, in which a full disk would kill the process
                    file.write(_bytes(sample[name] if name in sample else blank[name], dtype))
        with _writing(folder):
            for file, _ in files.values():
                file.flush()
    return missing


def _bytes(value: Tensor, dtype: np.dtype[Any]) -> bytes:
    """A picture in 0..1, or a map, as it is stored."""
    if isinstance(value, Image):
        value = (value * 255).round()  # the pictures of training have 256 levels, so this is exact
    return np.ascontiguousarray(value.numpy(), dtype=dtype).tobytes()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{folder}: cannot be written ({reason}); choose another output"
        ) from error
