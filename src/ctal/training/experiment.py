"""`ctal fit`, `validate` and `test`: an experiment described by a configuration."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger

from ctal.compat import command_parsers, misconfiguration, set_option_help
from ctal.config.arguments import input_error_in, known_keys
from ctal.config.files import PARSER_MODE
from ctal.config.nulls import check_nulls
from ctal.config.suggestions import LINKED
from ctal.data import DenseDataModule
from ctal.data.labels import check_learnable
from ctal.evaluation.protocol import Protocol
from ctal.io.run_folder import RunFolder
from ctal.training import run_results
from ctal.training.allocation import keep_freed_memory
from ctal.training.callbacks import ConfigFile, ImagePanels, TrainingCost
from ctal.training.checkpointing import RunCheckpoints, WholeCheckpointIO
from ctal.training.diagnoses import explained
from ctal.training.fit_errors import about_trainer, one_line_errors
from ctal.training.initialization import without_sources
from ctal.training.module import MultiTaskModule
from ctal.training.optim import PlateauSteps
from ctal.training.progress import with_progress
from ctal.training.resuming import RunSettings, check_seed
from ctal.training.run_messages import RunMessages
from ctal.training.score_files import ScoreFiles
from ctal.training.source_network import parse_with_source
from ctal.training.trainer_checks import check_intervals, check_trainer, listed
from ctal.training.warnings import quieten_libraries

_CKPT_PATH = (
    "a checkpoint, or 'best' or 'last' of the run's folder; fit: the checkpoint to resume from, "
    "none by default; validate and test: the checkpoint to score, 'best' by default"
)
_SKIPPED = {"model", "dataloaders", "train_dataloaders", "val_dataloaders", "datamodule"}
_SKIPPED |= {"weights_only", "verbose"}


class Experiment(LightningCLI):
    """Command that builds data, network and trainer from a configuration and runs them.

    The folder of a run is `trainer.default_root_dir`. `fit` writes config.yaml (all settings),
    checkpoints/best.ckpt and last.ckpt, TensorBoard events, training.json (time and memory),
    scores_val.json and .csv there; `test` adds scores_test.json and .csv. Checkpoints are loaded as
    plain values and tensors; code in them is never executed.

    Args:
        args: the command and its arguments.

    Attributes:
        checkpoint: the checkpoint that the command starts from, if any.
        checkpoints: the callback that writes the checkpoints of the run.
        cost: the callback that measures time and memory of the training.
    """

    model: MultiTaskModule
    checkpoint: Path | None
    checkpoints: RunCheckpoints
    cost: TrainingCost

    def __init__(self, args: list[str]) -> None:
        quieten_libraries()
        quiet = {"exit_on_error": False, "parser_mode": PARSER_MODE, "allow_abbrev": False}
        super().__init__(
            MultiTaskModule,
            DenseDataModule,
            save_config_callback=ConfigFile,
            save_config_kwargs={"save_to_log_dir": False},
            trainer_defaults={
                "default_root_dir": "runs/latest",
                "max_epochs": 100,
                "num_sanity_val_steps": 0,
                "enable_model_summary": False,  # its table has no multiply-adds; `ctal info` has
                "log_every_n_steps": 10,
                # the data module's sampler distributes samples and can resume within an epoch
                "use_distributed_sampler": False,
            },
            seed_everything_default=0,
            parser_kwargs={"prog": "ctal", **quiet, **{name: quiet for name in self.subcommands()}},
            args=args,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,  # checkpoints of ctal describe their networks
        )

    @property
    def protocol(self) -> Protocol:
        """Return the protocol of `validate`, `test` and of the scores after a training."""
        return self.config_init[self.config.subcommand].scoring

    @property
    def folder(self) -> RunFolder:
        """Return the folder of the run."""
        return RunFolder(self.config[self.config.subcommand].trainer.default_root_dir)

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the commands, each with the arguments of the trainer's method to skip."""
        return dict.fromkeys(("fit", "validate", "test"), _SKIPPED)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Link tasks and image size of the data to the network, and the seed to the data."""
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)
        parser.add_lightning_class_args(ImagePanels, "images")
        parser.add_class_arguments(Protocol, "scoring")
        for name in LINKED:
            target = f"model.network.init_args.{name}"
            parser.link_arguments(f"data.{name}", target, apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the arguments, and find the checkpoint to start from."""
        keys: list[str] = []
        for subparser in command_parsers(self).values():
            set_option_help(subparser, "--ckpt_path", _CKPT_PATH)
            keys += known_keys(subparser)
        self.config = parse_with_source(parser, args, keys)
        config = self.config[self.config.subcommand]
        check_seed(config.seed_everything)
        check_nulls(config.as_dict(), {"data": DenseDataModule, "model": MultiTaskModule})
        self.checkpoint = run_results.find_checkpoint(
            self.folder, config.ckpt_path, fitting=self.config.subcommand == "fit"
        )
        config.ckpt_path = None  # not a setting of the run, so not in config.yaml

    def before_instantiate_classes(self) -> None:
        """Keep the config.yaml of the run, unless training."""
        if self.config.subcommand != "fit":
            self.save_config_callback = None
            self.config[self.config.subcommand].model.compiled = None  # slower than scoring

    def instantiate_classes(self) -> None:
        """Build data, network and trainer."""
        try:
            with without_sources(self.config[self.config.subcommand].model, self.checkpoint):
                super().instantiate_classes()
        except (RuntimeError, TypeError, ValueError) as error:
            cause = input_error_in(error) or explained(error)
            if cause in (None, error):
                raise
            raise cause from None

    def before_fit(self) -> None:
        """Check the settings before training and before processes are started."""
        keep_freed_memory(self.trainer.strategy.root_device)
        self.protocol.check(self.model.tasks)
        validating = self.datamodule.datasets["val"] is not None
        check_trainer(self.trainer, self.model.tasks, validating=validating)
        self.model.weighting.check(self.trainer, self.model.network)
        check_learnable(self.datamodule)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer, which writes all its files to the folder of the run."""
        config = self.config_init[self.config_init.subcommand].trainer
        check_intervals(config)
        config.plugins = [WholeCheckpointIO(), *listed(config.plugins)]
        self.checkpoints, self.cost = RunCheckpoints(), TrainingCost()
        parser = command_parsers(self)[command := self.config.subcommand]
        kept = RunSettings(parser.dump(self.config[command], format="json", skip_unset=False))
        own = [self.checkpoints, kept, ScoreFiles(), self.cost, PlateauSteps()]
        config.callbacks = [*own, *with_progress(config), RunMessages()]
        if command != "fit":
            config.logger = False  # scores of one checkpoint are written to a file, not logged
        elif config.logger in (None, True):
            config.logger = TensorBoardLogger(self.folder.path, name="", version="")
        try:
            return super().instantiate_trainer(**kwargs)
        except (misconfiguration(), TypeError, ValueError) as error:
            raise about_trainer(error) from error

    def fit(self, **kwargs: Any) -> None:
        """Train, then score the best checkpoint on val. Without val, the last is the best."""
        with self._held_folder(), one_line_errors(self.folder):
            self._fit(**kwargs)

    def _held_folder(self) -> AbstractContextManager[None]:
        """Lock the run's folder against other commands, in the first of several processes."""
        if not self.trainer.is_global_zero or getattr(self.trainer, "fast_dev_run", False):
            return nullcontext()
        return run_results.held_folder(self.folder, new=self.checkpoint is None)

    def _fit(self, **kwargs: Any) -> None:
        with self.checkpoints.stopped_by_signals(self.folder):
            self.trainer.fit(weights_only=True, **{**kwargs, "ckpt_path": self.checkpoint})
        if getattr(self.trainer, "fast_dev_run", False):
            return  # a trial run writes no files
        validated = self.datamodule.datasets["val"] is not None
        if self.trainer.is_global_zero:
            self.cost.write(self.trainer, validated=validated)
        run_results.keep_best(self.folder, self.trainer, validated=validated)
        if validated:
            self.checkpoint = self.folder.best
            self.trainer.loggers = []  # do not log the final scores as another step
            self.validate(model=kwargs["model"], datamodule=kwargs["datamodule"])

    def validate(self, **kwargs: Any) -> None:
        """Score a checkpoint on val."""
        self._score("val", self.trainer.validate, kwargs)

    def test(self, **kwargs: Any) -> None:
        """Score a checkpoint on test."""
        self._score("test", self.trainer.test, kwargs)

    def _score(self, split: str, score: Callable[..., object], kwargs: dict[str, Any]) -> None:
        run_results.check_split(self.datamodule.datasets, split)
        kwargs["ckpt_path"] = self.checkpoint
        self.model.score_by(self.protocol, details=True)
        self.datamodule.keep_sizes = self.protocol.resolution == "image"
        fitting = self.config.subcommand == "fit"  # fit has already locked the folder
        with nullcontext() if fitting else self._held_folder():
            score(weights_only=True, verbose=False, **kwargs)
        if self.trainer.is_global_zero:
            run_results.print_scores(self.model, self.checkpoint, classes=not fitting)
