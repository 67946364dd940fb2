"""The short help of `ctal fit`, `validate` and `test`; `--help_all` prints every argument."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from ctal.cli.source_help import Argument, arguments_of
from ctal.config.files import config_files, read_config

HELP_ALL = "--help_all"

_SUMMARY = {
    "fit": "Train a network as a configuration describes, or resume its training.",
    "validate": "Score a checkpoint on the validation split.",
    "test": "Score a checkpoint on the test split.",
}
_SECTIONS = {
    "model": "ctal.training.module.MultiTaskModule",
    "data": "ctal.data.module.DenseDataModule",
    "scoring": "ctal.evaluation.protocol.Protocol",
}
_LINKED = {"data.seed"}  # set by another argument

# The arguments of Lightning's Trainer that people set, of 40; a test compares the names.
TRAINER = {
    "default_root_dir": "Folder of the run (default: runs/latest).",
    "max_epochs": "Epochs to train (default: 100).",
    "accelerator": "cpu, gpu, mps or auto (default: auto).",
    "devices": "Number of devices, or auto (default: auto).",
    "strategy": "ddp for several devices (default: auto).",
    "precision": "32-true, bf16-mixed or 16-mixed (default: 32-true).",
    "accumulate_grad_batches": "Batches per step of the optimizer (default: 1).",
    "gradient_clip_val": "Maximum norm of the gradient (default: no limit).",
    "check_val_every_n_epoch": "Epochs between validations (default: 1).",
    "callbacks": "Callbacks of Lightning, such as EarlyStopping.",
    "logger": "Loggers of Lightning (default: TensorBoard in the folder of the run).",
    "enable_progress_bar": "Print a progress bar (default: true).",
    "fast_dev_run": "Run one batch of each split as a trial.",
}


def short_help(args: list[str]) -> str:
    """Return the short help of a command with the classes that its configuration names.

    Args:
        args: the command and its arguments.

    Raises:
        InputError: a configuration file is not found or cannot be read.
    """
    command, *rest = args
    lines = [f"usage: ctal {command} [--config FILE] [--KEY VALUE ...]", "", _SUMMARY[command], ""]
    lines += [
        *_entry("--config FILE", "YAML file with the arguments below; may be given repeatedly."),
        *_entry("--ckpt_path FILE", "Checkpoint to start from: a path, best or last."),
        *_entry("--seed_everything N", "Seed of all random numbers (default: 0)."),
    ]
    for section, class_path in _SECTIONS.items():
        lines += ["", f"{section}:", *_section(section, class_path)]
    lines += ["", "trainer (of Lightning, the usual ones):"]
    lines += [line for name, text in TRAINER.items() for line in _entry(f"--trainer.{name}", text)]
    for file in config_files(rest):
        for key, chosen in _classes(read_config(file)):
            lines += _chosen(key, chosen)
    return "\n".join([*lines, "", *_more(command)]) + "\n"


def data_help(args: list[str]) -> str:
    """Return the help of a command of `ctal data`, with the arguments of the datasets.

    Args:
        args: the command, such as "check", and its arguments.
    """
    from ctal.cli.source_call import signature_of
    from ctal.config.arguments import function_parser

    parser = function_parser(
        signature_of("ctal.cli.data", args[0]), f"ctal data {args[0]}", ["data"]
    )
    lines = [
        *_entry("--config FILE", "YAML file with the section data; others are ignored."),
        *_section("data", _SECTIONS["data"]),
    ]
    return parser.format_help() + "\n".join(["\ndatasets:", *lines]) + "\n"


def _section(prefix: str, class_path: str) -> list[str]:
    return _entries(prefix, arguments_of(class_path) or [])


def _entries(prefix: str, arguments: Sequence[Argument]) -> list[str]:
    keys = {f"{prefix}.{argument.name}": argument for argument in arguments}
    return [
        line
        for key, argument in keys.items()
        if key not in _LINKED
        for line in _entry(f"--{key}", _text(argument))
    ]


def _text(argument: Argument) -> str:
    """Return the first sentence of an argument's text, with its default."""
    first = argument.meaning.split(". ")[0].rstrip(".")
    default = "required" if argument.default is None else f"default: {argument.default}"
    short = default if len(default) < 40 else "has a default"
    return f"{first} ({short})." if first else f"({short})"


def _classes(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Find the classes that a configuration names, with their keys."""
    if isinstance(value, Mapping):
        if isinstance(value.get("class_path"), str):
            yield key, value["class_path"]
        for name, part in value.items():
            yield from _classes(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for part in value:
            yield from _classes(part, key)


def _chosen(key: str, class_path: str) -> list[str]:
    found = arguments_of(class_path)
    if found is None:  # of another package
        return []
    return ["", f"{key}: {class_path}", *_entries(f"{key}.init_args", found)]


def _entry(flag: str, text: str) -> list[str]:
    width = min(100, shutil.get_terminal_size().columns)
    lines = textwrap.wrap(text, max(30, width - 34)) or [""]
    if len(flag) > 30:
        return [f"  {flag}", *(f"{'':34}{line}" for line in lines)]
    return [f"  {flag:<32}{lines[0]}", *(f"{'':34}{line}" for line in lines[1:])]


def _more(command: str) -> list[str]:
    return [
        f"ctal {command} {HELP_ALL}",
        "    lists every argument, also those of all networks and of Lightning's Trainer",
        f"ctal {command} --config FILE --help",
        "    lists the arguments of the classes that the file names, too",
        f"ctal {command} --config FILE --print_config",
        "    prints the complete configuration, also the network taken from model.init_from",
    ]
