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
    """Dry-run of `ctal fit`: build everything from the same arguments, without training.

    It writes no files. It cannot detect errors that only occur during training (a damaged
    image, too little memory).
    """

    def before_fit(self) -> None:
        """Skip the check that the run's folder is writable."""

    def fit(self, **kwargs: Any) -> None:
        """Skip the training."""

    def settings(self) -> dict[str, Any]:
        """Return all settings, including defaults, as `ctal fit` writes them to config.yaml."""
        return yaml.safe_load(
            command_parsers(self)["fit"].dump(self.config["fit"], skip_unset=False)
        )


def rehearsed_settings(args: list[str], source: object) -> dict[str, Any]:
    """Return all settings of a training.

    Args:
        args: "fit" and its arguments.
        source: the configuration, for the error message.

    Raises:
        InputError: the configuration cannot be trained.
    """
    return _rehearsed(args, source).settings()


def rehearsed_experiment(config: str, image_size: Sequence[int] | None = None) -> Experiment:
    """Build the data and network of a configuration as a training would.

    Args:
        config: the configuration file.
        image_size: (H, W) to use instead of that of its data.

    Raises:
        InputError: the configuration cannot be trained.
    """
    args = ["fit", "--config", config]
    if image_size is not None:
        args.append(f"--data.image_size={list(image_size)}")
    # a temporary folder, since the configuration's own may already have a run
    with tempfile.TemporaryDirectory() as folder:
        return _rehearsed([*args, "--trainer.default_root_dir", folder], config)


def _rehearsed(args: list[str], source: object) -> Rehearsal:
    try:
        return Rehearsal(args)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
