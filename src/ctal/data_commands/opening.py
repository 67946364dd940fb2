"""Open the datasets of arguments and configs one by one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jsonargparse import SUPPRESS, ArgumentParser

from ctal.config.arguments import function_parser, input_error_in, known_keys, parse
from ctal.data import DenseDataModule, DenseDataset
from ctal.data.base import check_length, chosen_tasks
from ctal.errors import InputError
from ctal.tasks import Task

# The other sections of a config of `ctal fit`.
_OTHER_SECTIONS = ("seed_everything", "trainer", "model", "images", "ckpt_path")


class DataSettings:
    """The section `data` of a config.

    Args:
        values: The settings, plain values.

    Raises:
        InputError: `image_size` is not a valid size.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self._opened: dict[str, DenseDataset] = {}
        self._size: tuple[int, int] | None = None
        if values["image_size"]:
            self.resize(values["image_size"])

    def resize(self, size: Sequence[int]) -> None:
        """Set the (H, W) to which samples are resized.

        Raises:
            InputError: `size` is not a valid size.
        """
        if len(size) != 2 or min(size) < 1:
            raise InputError(f"image_size: expected height and width >= 1, got {list(size)}")
        self._size = (size[0], size[1])

    def splits(self, wanted: Sequence[str] | None) -> list[str]:
        """Return the requested splits, or all splits of the config.

        Raises:
            InputError: The config lacks a requested split.
        """
        given = [split for split in ("train", "val", "test") if self._values[split]]
        for split in wanted or ():
            if split not in given:
                raise InputError(f"split: expected one of {', '.join(given)}, got {split!r}")
        return list(dict.fromkeys(wanted or given))

    def source(self, split: str) -> dict[str, Any]:
        """Return the settings of one dataset."""
        return dict(self._values[split])

    def open(self, split: str) -> DenseDataset:
        """Return the dataset of a split; it is opened on the first call.

        Raises:
            InputError: The dataset cannot be opened, or has no samples.
        """
        if split not in self._opened:
            parser = ArgumentParser(exit_on_error=False)
            # not add_subclass_arguments, which hides the error of the class among other choices
            parser.add_argument("--dataset", type=DenseDataset)
            try:
                parsed = parser.parse_object({"dataset": self._values[split]})
                dataset = parser.instantiate(parsed).dataset
            except ValueError as error:
                raise (input_error_in(error) or error) from None
            check_length(dataset, split)
            self._opened[split] = dataset
        return self._opened[split]

    def tasks(self, split: str) -> list[Task]:
        """Return the tasks of a split that the settings select; by default all of its dataset.

        Raises:
            InputError: The dataset lacks a selected task, or cannot be opened.
        """
        carried, wanted = self.open(split).tasks, self._values["tasks"] or None
        if wanted and split != "train" and self._values["train"]:
            # splits other than train may lack tasks; an unknown name is an error of train
            wanted = [name for name in wanted if name in {task.name for task in carried}] or wanted
        return chosen_tasks(carried, wanted, split)

    def size(self) -> tuple[int, int]:
        """Return the (H, W) of training: as set, or that of the first training image.

        Raises:
            InputError: The dataset cannot be opened, or its first sample cannot be read.
        """
        if self._size is None:
            height, width = self.open("train")[0]["image"].shape[-2:]
            self._size = (height, width)
        return self._size


def call_with_data(function: Callable[..., object], args: list[str], prog: str) -> None:
    """Call a function whose first parameter is a `DataSettings`, with command line arguments.

    The datasets are specified as for `ctal fit`: with `--config FILE`, whose other sections are
    ignored, or with `--data.train CLASS --data.train.ARGUMENT VALUE`.

    Raises:
        InputError: The arguments are invalid.
    """
    first, *others = inspect.signature(function).parameters
    parser = function_parser(function, prog, skip={first})
    add_data_arguments(parser)
    known = [key for key in known_keys(parser) if key not in _OTHER_SECTIONS]
    given = parse(parser, args, known).as_dict()
    function(DataSettings(given["data"]), **{name: given[name] for name in others})


def add_data_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `ctal fit` to a parser; those outside the section `data` are ignored."""
    parser.add_argument("--config", action="config", help="config file, as for `ctal fit`")
    parser.add_class_arguments(DenseDataModule, "data")
    for section in _OTHER_SECTIONS:
        parser.add_argument(f"--{section}", type=_ignore, help=SUPPRESS)


def _ignore(value: Any) -> None:
    """Ignore the value of another section."""
