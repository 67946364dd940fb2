"""Candidates of a comparison: configurations to train and folders of finished runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctal.comparison.runs import Run, Training
from ctal.comparison.settings import data_settings, scoring_protocol
from ctal.config.files import read_config
from ctal.errors import InputError
from ctal.io.run_folder import RunFolder

_SAME_DATA = ("train", "val", "test", "tasks", "image_size")
_SEEDS = 1 << 32


@dataclass(frozen=True)
class Candidate:
    """A configuration with one run per seed; it becomes a row of the table.

    Attributes:
        name: the name of the row.
        source: the config file or the folder of its runs, for messages.
        runs: its runs, of different seeds.
    """

    name: str
    source: Path
    runs: Sequence[Run]

    def settings(self) -> Mapping[str, Any]:
        """Return the settings shared by its runs, without training."""
        return next((run for run in self.runs if not run.trained), self.runs[0]).settings()


@dataclass(frozen=True)
class Plan:
    """Settings for training all configurations.

    Attributes:
        output: the folder in which each run gets its own folder.
        seeds: the seeds to train each configuration with.
        overrides: additional settings of `ctal fit`, as KEY=VALUE.
        split: the split to evaluate on.
        machine: settings specific to this machine, as KEY=VALUE; changing them does not start a
            new run.
    """

    output: Path
    seeds: Sequence[int]
    overrides: Sequence[str]
    split: str
    machine: Sequence[str] = ()

    def trainings(self, config: Path) -> list[Run]:
        """Return the runs of a configuration."""
        return [
            Training(
                name=f"{config.stem}/seed{seed}",
                folder=self.output / config.stem / f"seed{seed}",
                seed=seed,
                split=self.split,
                config=config,
                overrides=self.overrides,
                machine=self.machine,
            )
            for seed in dict.fromkeys(self.seeds)
        ]


def candidates(sources: Sequence[str], reference: str | None, plan: Plan) -> list[Candidate]:
    """Return the candidates named by the arguments of `ctal compare`, the reference first.

    Args:
        sources: config files, run folders, or folders that contain one run folder per seed.
        reference: the name of the reference: the stem of its file or the name of its folder.
        plan: settings for training the configurations.

    Raises:
        InputError: A candidate is invalid, two have the same name, or the reference is not among
            them.
    """
    if plan.split not in ("test", "val"):
        raise InputError(f"split: expected test or val, got {plan.split!r}")
    for seed in plan.seeds:
        if not 0 <= seed < _SEEDS:
            raise InputError(f"seeds: expected integers in 0..{_SEEDS - 1}, got {seed}")
    if list(plan.seeds) != [0] and all(Path(source).is_dir() for source in sources):
        raise InputError(
            "seeds: expected none, since folders of finished runs are not trained; give their "
            "configuration files, or folders that contain a run for each seed"
        )
    paths = {_name(Path(source)): Path(source) for source in sources}
    if len(paths) < len(sources):
        given = ", ".join(map(str, sources))
        raise InputError(
            f"configs: expected different names, got {given}; rows are named after files and "
            "folders: rename one"
        )
    reference = reference or next(iter(paths))
    if reference not in paths:
        raise InputError(f"reference: expected one of {', '.join(paths)}, got {reference!r}")
    found = [_candidate(name, paths[name], plan) for name in {reference: None} | paths]
    for run in (run for candidate in found for run in candidate.runs):
        run.check()
    return found


def check_same_data(settings: Mapping[Path, Mapping[str, Any]], split: str) -> None:
    """Check that all candidates use the same data, so that their scores are comparable.

    Args:
        settings: all settings of each candidate, by its source, those of the reference first.
        split: the split to evaluate on.

    Raises:
        InputError: The data or protocols differ, or the split to evaluate on is missing.
    """
    data = {source: data_settings(content) for source, content in settings.items()}
    (reference, own), *others = data.items()
    for source, other in others:
        for key in _SAME_DATA:
            if other[key] != own[key]:
                raise InputError(
                    f"{source}: data.{key} differs from {reference}; "
                    "only networks on the same data can be compared"
                )
    protocols = {source: scoring_protocol(content) for source, content in settings.items()}
    for source, protocol in protocols.items():
        if protocol != protocols[reference]:
            raise InputError(
                f"{source}: its scoring ({protocol.title()}) is not that of {reference} "
                f"({protocols[reference].title()}); use the same options of `scoring` for all"
            )
    if not own[split]:
        raise InputError(
            f"{reference}: data.{split} is missing; add it, or score on the other split with "
            f"--split {'val' if split == 'test' else 'test'}"
        )


def _name(source: Path) -> str:
    return source.resolve().name if source.is_dir() else source.stem


def _candidate(name: str, source: Path, plan: Plan) -> Candidate:
    if not source.exists() and source.suffix not in (".yaml", ".yml"):
        raise InputError(f"{source}: not found; expected a configuration file or folder of a run")
    if not source.is_dir():
        read_config(source)  # reports an unreadable file
        return Candidate(name, source, plan.trainings(source))
    folders = [source]
    if not RunFolder(source).config.is_file():
        folders = sorted(file.parent for file in source.glob("*/config.yaml"))
    if not folders:
        raise InputError(
            f"{source}: expected a run folder (with config.yaml and checkpoints) or a folder that "
            "contains one run folder per seed"
        )
    runs = [_finished(folder, plan.split) for folder in folders]
    _check_one_configuration(source, runs)
    return Candidate(name, source, sorted(runs, key=lambda run: run.seed))


def _finished(folder: Path, split: str) -> Run:
    seed = read_config(RunFolder(folder).config).get("seed_everything")
    if not isinstance(seed, int):
        raise InputError(f"{RunFolder(folder).config}: expected a seed_everything, got {seed!r}")
    return Run(str(folder), folder, seed, split)


def _check_one_configuration(source: Path, runs: Sequence[Run]) -> None:
    """Check that runs differ only in the seed."""
    first, *others = runs
    for run in others:
        for key in ("model", "data"):
            if run.settings().get(key) != first.settings().get(key):
                raise InputError(
                    f"{source}: expected runs of one configuration, but {first.folder.name} and "
                    f"{run.folder.name} differ in {key}"
                )
    if len({run.seed for run in runs}) < len(runs):
        seeds = ", ".join(str(run.seed) for run in runs)
        raise InputError(f"{source}: expected runs with different seeds, got the seeds {seeds}")
