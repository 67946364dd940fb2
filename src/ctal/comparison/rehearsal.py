"""What is wrong with a training, found before another one has taken hours."""

from __future__ import annotations

from typing import Any

import yaml

from ctal.errors import InputError
from ctal.experiment import Experiment


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
        return yaml.safe_load(self._parser("fit").dump(self.config["fit"], skip_unset=False))


def rehearsed_settings(args: list[str], source: object) -> dict[str, Any]:
    """All settings of a training.

    Args:
        args: "fit" and its arguments.
        source: the configuration, for the message.

    Raises:
        InputError: it cannot be trained so.
    """
    try:
        return Rehearsal(args).settings()
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
