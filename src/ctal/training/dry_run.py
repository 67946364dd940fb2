"""Dry-run of a configuration: errors are reported before other trainings take hours."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import yaml

from ctal.compat import command_parsers
from ctal.errors import InputError
from ctal.training.experiment import Experiment


class Rehearsal(Experiment):
    """Builds all that `ctal fit` would build from the same arguments, and trains nothing.

    It leaves no file behind. What only the training itself meets (a broken picture, too little
    memory) it cannot find.
    """

    def before_fit(self) -> None:
        """Does not try to write into the run's folder."""

    def fit(self, **kwargs: Any) -> None:
        """Trains nothing."""

    def settings(self) -> dict[str, Any]:
        """All settings, defaults included, as `ctal fit` writes them to config.yaml."""
        return yaml.safe_load(
            command_parsers(self)["fit"].dump(self.config["fit"], skip_unset=False)
        )


def rehearsed_settings(args: list[str], source: object) -> dict[str, Any]:
    """All settings of a training.

    Args:
        args: "fit" and its arguments.
        source: the configuration, for the message.

    Raises:
        InputError: it cannot be trained so.
    """
    return _rehearsed(args, source).settings()


def rehearsed_experiment(config: str, image_size: Sequence[int] | None = None) -> Experiment:
    """Data and network of a configuration, as a training would start with them.

    Args:
        config: the configuration file.
        image_size: (H, W) in place of that of its data.

    Raises:
        InputError: it cannot be trained so.
    """
    args = ["fit", "--config", config]
    if image_size is not None:
        args.append(f"--data.image_size={list(image_size)}")
    # a run that the configuration's own folder holds already is not to be resumed here
    with tempfile.TemporaryDirectory() as folder:
        return _rehearsed([*args, "--trainer.default_root_dir", folder], config)


def _rehearsed(args: list[str], source: object) -> Rehearsal:
    try:
        return Rehearsal(args)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
