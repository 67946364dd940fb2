"""`ctal fit`, `validate` and `test`: one experiment, described by one configuration."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger

from ctal.compat import command_parsers, misconfiguration, set_option_help
from ctal.config.arguments import input_error_in, parse
from ctal.config.files import PARSER_MODE
from ctal.data import DenseDataModule
from ctal.data.labels import check_learnable
from ctal.errors import InputError
from ctal.evaluation.metric_info import measures
from ctal.io.atomic import write_whole
from ctal.io.run_folder import RunFolder
from ctal.training.callbacks import ConfigFile, PicturePanels, ScoreFile, TrainingCost
from ctal.training.checkpointing import RunCheckpoints, WholeCheckpointIO
from ctal.training.diagnoses import explained
from ctal.training.module import MultiTaskModule
from ctal.training.optim import PlateauSteps
from ctal.training.warnings import quieten_libraries

_CKPT_PATH = (
    "a checkpoint, or 'best' or 'last', that of the run's folder; fit: the one to resume from, by "
    "default none; validate and test: the one to score, by default 'best'"
)
_SKIPPED = {"model", "dataloaders", "train_dataloaders", "val_dataloaders", "datamodule"}


class Experiment(LightningCLI):
    """Builds data, network and trainer from a configuration and runs one command on them.

    The folder of a run is `trainer.default_root_dir`. `fit` leaves there config.yaml (all settings,
    to be used again), checkpoints/best.ckpt and last.ckpt, TensorBoard's events,
    training.json (what it took) and scores_val.json; `test` adds scores_test.json. Checkpoints are
    loaded as plain values and tensors: no code of theirs is run.

    Args:
        args: the command and its arguments.

    Attributes:
        checkpoint: the checkpoint that the command starts from, if any.
        checkpoints: what writes the run's own.
        cost: what keeps what the training took.
    """

    model: MultiTaskModule
    checkpoint: Path | None
    checkpoints: RunCheckpoints
    cost: TrainingCost

    def __init__(self, args: list[str]) -> None:
        quieten_libraries()
        quiet = {"exit_on_error": False, "parser_mode": PARSER_MODE}
        super().__init__(
            MultiTaskModule,
            DenseDataModule,
            save_config_callback=ConfigFile,
            save_config_kwargs={"save_to_log_dir": False},
            trainer_defaults={
                "default_root_dir": "runs/latest",
                "max_epochs": 100,
                "num_sanity_val_steps": 0,
                "log_every_n_steps": 10,
                # the sampler of the data module knows of the processes, and resumes within an epoch
                "use_distributed_sampler": False,
            },
            seed_everything_default=0,
            parser_kwargs={"prog": "ctal", **quiet, **{name: quiet for name in self.subcommands()}},
            args=args,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,  # a checkpoint says in its own way what it holds
        )

    @property
    def folder(self) -> RunFolder:
        """The folder of the run."""
        return RunFolder(self.config[self.config.subcommand].trainer.default_root_dir)

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The commands, each with those arguments of the trainer's method that are not offered."""
        return {
            name: _SKIPPED | {"weights_only", "verbose"} for name in ("fit", "validate", "test")
        }

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Gives the network what the data already knows, and the data the seed of the run."""
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)
        parser.add_lightning_class_args(PicturePanels, "pictures")
        for name in ("tasks", "image_size"):
            target = f"model.network.init_args.{name}"
            parser.link_arguments(f"data.{name}", target, apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parses, and finds the checkpoint that is meant."""
        parsers = command_parsers(self).values()
        defaults = [subparser.get_defaults() for subparser in parsers]
        for subparser in parsers:
            set_option_help(subparser, "--ckpt_path", _CKPT_PATH)
        self.config = parse(parser, args, [key for keys in defaults for key, _ in keys.items()])
        config = self.config[self.config.subcommand]
        if not 0 <= config.seed_everything < 1 << 32:
            raise InputError(
                "seed_everything: expected a whole number in 0..4294967295, got "
                f"{config.seed_everything}"
            )
        self.checkpoint = self._find_checkpoint(config.ckpt_path)
        # config.yaml describes the run, not the place from which it was resumed today
        config.ckpt_path = None

    def before_instantiate_classes(self) -> None:
        """Leaves the config.yaml of the run as it is, unless training."""
        if self.config.subcommand != "fit":
            self.save_config_callback = None
            # compiling takes longer than scoring
            self.config[self.config.subcommand].model.compiled = None

    def instantiate_classes(self) -> None:
        """Builds data, network and trainer."""
        try:
            super().instantiate_classes()
        except ValueError as error:
            cause = input_error_in(error) or explained(error)
            if cause in (None, error):
                raise
            raise cause from None

    def before_fit(self) -> None:
        """Tells what would not work before the training, and before it has several processes."""
        self.model.weighting.check(self.trainer, self.model.network)
        check_learnable(self.datamodule)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer, which keeps all that it writes in the folder of the run."""
        config = self.config_init[self.config_init.subcommand].trainer
        for key in ("accumulate_grad_batches", "check_val_every_n_epoch"):
            if config[key] is not None and config[key] < 1:
                raise InputError(f"trainer.{key}: expected an integer >= 1, got {config[key]}")
        config.plugins = [WholeCheckpointIO(), *_listed(config.plugins)]
        self.checkpoints, self.cost = RunCheckpoints(), TrainingCost()
        config.callbacks = [
            *(self.checkpoints, ScoreFile(), self.cost, PlateauSteps()),
            *_listed(config.callbacks),
        ]
        if self.config.subcommand != "fit":
            config.logger = False  # the scores of one checkpoint go into a file, not into curves
        elif config.logger in (None, True):
            config.logger = TensorBoardLogger(self.folder.path, name="", version="")
        try:
            return super().instantiate_trainer(**kwargs)
        except (misconfiguration(), TypeError, ValueError) as error:
            raise _about_trainer(error) from error

    def fit(self, **kwargs: Any) -> None:
        """Trains, then scores the best checkpoint on val. Without val, the last is the best."""
        with self._held_folder():
            try:
                self._fit(**kwargs)
            except (AttributeError, ImportError, RuntimeError, ValueError) as error:
                known = None if isinstance(error, InputError) else explained(error)
                if known is None:
                    raise
                raise known from error

    @contextmanager
    def _held_folder(self) -> Iterator[None]:
        """Keep other commands out of the run's folder; the first of several processes does."""
        if not self.trainer.is_global_zero or getattr(self.trainer, "fast_dev_run", False):
            yield
            return
        with self.folder.locked():
            if self.checkpoint is None:
                self._check_free()  # a run may have started since the arguments were parsed
            yield

    def _fit(self, **kwargs: Any) -> None:
        kwargs["ckpt_path"] = self.checkpoint
        try:
            with self.checkpoints.stopped_by_signals(self.folder):
                self.trainer.fit(weights_only=True, **kwargs)
        except (misconfiguration(), ValueError) as error:
            if isinstance(error, ValueError) and "val_check_interval" not in str(error):
                raise
            raise _about_trainer(error) from error
        except OSError as error:  # TensorBoard does not say which file it could not write
            if error.errno is None:
                raise
            place = error.filename or str(self.folder.path)
            raise OSError(error.errno, error.strerror, place) from error
        if getattr(self.trainer, "fast_dev_run", False):  # a trial leaves no trace
            return
        best, last = self.folder.best, self.folder.last
        validated = self.datamodule.datasets["val"] is not None
        if self.trainer.is_global_zero:
            self.cost.write(self.trainer, validated=validated)
            if not validated and last.is_file():  # nothing to choose by: it is the training's end
                write_whole(best, lambda file: file.write(last.read_bytes()))
        if validated and not best.is_file():
            raise InputError(
                f"{self.folder.path}: val/score was never finite, so there is no best "
                "checkpoint: the training diverged (then a lower learning rate of model.optimizer "
                "helps), or val has no labels"
            )
        if validated:
            self.checkpoint = best
            self.trainer.loggers = []  # its curves are complete
            self.validate(model=kwargs["model"], datamodule=kwargs["datamodule"])

    def before_validate(self) -> None:
        """Looks whether there is anything to score."""
        self._check_split("val")

    def before_test(self) -> None:
        """Looks whether there is anything to score."""
        self._check_split("test")

    def validate(self, **kwargs: Any) -> None:
        """Scores a checkpoint on val."""
        kwargs["ckpt_path"] = self.checkpoint
        self.trainer.validate(weights_only=True, verbose=False, **kwargs)
        self._print_scores()

    def test(self, **kwargs: Any) -> None:
        """Scores a checkpoint on test."""
        kwargs["ckpt_path"] = self.checkpoint
        self.trainer.test(weights_only=True, verbose=False, **kwargs)
        self._print_scores()

    def _find_checkpoint(self, given: str | Path | None) -> Path | None:
        """What `--ckpt_path` means: a file, "best" or "last", or nothing."""
        fitting = self.config.subcommand == "fit"
        if given is None and fitting:
            self._check_free()
            return None
        name = given or "best"
        path = self.folder.checkpoint(str(name)) if name in ("best", "last") else Path(name)
        if not path.is_file():
            raise InputError(f"ckpt_path: expected a checkpoint, best or last; there is no {path}")
        return path

    def _check_free(self) -> None:
        if self.folder.last.is_file():
            raise InputError(
                f"{self.folder.path}: holds a run already; resume it with --ckpt_path last, or "
                "choose another folder with --trainer.default_root_dir"
            )

    def _check_split(self, split: str) -> None:
        if self.datamodule.datasets[split] is None:
            raise InputError(f"data.{split}: expected a data set to score on, got none")

    def _print_scores(self) -> None:
        """The scores for a person, shares in percent."""
        if not self.trainer.is_global_zero:
            return
        lines = [f"{self.checkpoint}, {self.model.samples} pictures"]
        for measure in measures(self.model.tasks):
            score = self.model.scores[measure.key] * (100 if measure.share else 1)
            lines.append(f"{measure.task:<12} {measure.title():<24} {score:10.4g}")
        sys.stdout.write("\n".join(lines) + "\n")


def _about_trainer(error: Exception) -> InputError:
    return InputError(f"trainer: {' '.join(str(error).split())}")


def _listed(value: Any) -> list[Any]:
    """One thing or several or none, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
