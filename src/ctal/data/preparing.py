"""Write prepared arrays sample by sample, and the folder atomically."""

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
    """Write the folder that `ctal.data.PreparedArrays` reads.

    It is written under a temporary name and renamed at the end. An interruption leaves no files; a
    crash of the machine leaves no folder with the final name.

    Args:
        samples: All samples, resized to `size`; a map may be missing.
        names: The names of the samples.
        tasks: The tasks whose maps are stored.
        folder: The target folder; must not exist.
        size: (H, W).
        source: Origin of the samples, plain values for human readers.

    Raises:
        InputError: The folder exists or cannot be written.
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
        # default=str: the source may contain paths
        write_text(stage / DESCRIPTION, json.dumps(content, indent=1, default=str) + "\n")
        with _writing(folder):
            stage.rename(folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if parent_is_new:
            with suppress(OSError):  # not empty
                folder.parent.rmdir()


def setting(folder: Path, tasks: Sequence[Task]) -> str:
    """Return the setting that replaces the original dataset in a config, as one line of YAML.

    Args:
        folder: The written folder.
        tasks: Its tasks; the modules of custom tasks are listed in `imports`.
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
    """Write the arrays, and return the indices of samples without a map, by task."""
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
                    # not through a memory map, since a full disk would kill the process
                    file.write(_bytes(sample[name] if name in sample else blank[name], dtype))
        with _writing(folder):
            for file, _ in files.values():
                file.flush()
    return missing


def _bytes(value: Tensor, dtype: np.dtype[Any]) -> bytes:
    """Return the stored bytes of an image in 0..1 or of a map."""
    if isinstance(value, Image):
        value = (value * 255).round()  # exact, since the images of training have 256 levels
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
