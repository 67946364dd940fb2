"""The command line: `ctal COMMAND ...`. User errors are reported in one line, with code 2."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from ctal.cli.reporting import print_line, report
from ctal.cli.threads import leave_busy_cores, set_thread_defaults
from ctal.errors import InputError, shorten_warnings

# A command is imported when it runs: importing torch takes seconds, which `ctal --help` need not.


class Command(NamedTuple):
    """A command: a one-line summary, and the function that runs it with all arguments."""

    summary: str
    run: Callable[[list[str]], object]


def main(args: list[str] | None = None) -> int:
    """Run one command.

    Args:
        args: The arguments without the program's name; by default those of the process.

    Returns:
        The exit code: 0; 1 if `ctal data check` found a problem; 2 after a user error; 128 + n if
        signal n stopped the run.
    """
    args = sys.argv[1:] if args is None else args
    _open_missing_streams()
    set_thread_defaults()
    shorten_warnings()
    try:
        _run(args)
        sys.stdout.flush()
        return 0
    except BrokenPipeError:  # `ctal ... | head -1`: the reader closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes stdout again at exit
        return 0
    except KeyboardInterrupt:
        return print_line("\nstopped by Ctrl-C", code=130)
    except SystemExit as end:  # raised by argparse after --help and by Lightning after Ctrl-C
        if isinstance(end.__context__, KeyboardInterrupt):
            return print_line("\nstopped by Ctrl-C", code=130)
        return print_line(end.code, code=1) if isinstance(end.code, str) else end.code or 0
    except Exception as error:
        return report(error)


def _open_missing_streams() -> None:
    """Replace closed standard streams, such as those of a daemon, by the null device.

    A file opened later would otherwise get the number of the closed stream, and libraries would
    write their messages into it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - open until the end
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _run(args: list[str]) -> None:
    if args[:1] == ["--version"]:
        sys.stdout.write(f"ctal {version('ctal')}\n")
        return
    # A class_path finds a module in the current directory if none of that name is installed. The
    # path is absolute: while a parser reads a file, the current directory is that of the file, and
    # child processes get the same path.
    with suppress(FileNotFoundError):  # a current directory that was removed
        here = os.getcwd()
        sys.path += [here] if here not in sys.path else []
    _check_configs(args)
    _dispatch(args, COMMANDS, "ctal", "Dense scene prediction for several tasks.")


def _check_configs(args: list[str]) -> None:
    """Read the configuration files among the arguments, before anything large is imported."""
    if {"--config", "-c"} & set(args) or any(arg.endswith((".yaml", ".yml")) for arg in args):
        from ctal.config.files import config_files, read_config
        from ctal.config.foreign import warn_of_foreign

        given = list(config_files(args))
        compared = [Path(arg) for arg in args if arg.endswith((".yaml", ".yml"))]
        for file in {*given, *filter(Path.is_file, compared)}:
            read_config(file)
        if args[:1] == ["fit"]:
            warn_of_foreign(given)


def _dispatch(args: list[str], commands: dict[str, Command], prog: str, summary: str) -> None:
    """Run the command that the first argument names, or list all."""
    name = args[0] if args else "--help"
    if name in ("-h", "--help"):
        sys.stdout.write(_usage(commands, prog, summary))
    elif name in commands:
        commands[name].run(args)
    else:
        near = difflib.get_close_matches(name, commands, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"`{prog} --help` lists them"
        raise InputError(f"unknown command {name!r}; {hint}")


def _usage(commands: dict[str, Command], prog: str, summary: str) -> str:
    lines = [f"usage: {prog} COMMAND [ARGUMENTS]", "", summary, ""]
    lines += [f"  {name:<12}{command.summary}" for name, command in commands.items()]
    lines += [
        "",
        f"`{prog} COMMAND --help` lists its arguments; `ctal --version` prints the version.",
    ]
    return "\n".join(lines) + "\n"


def _experiment(args: list[str]) -> None:
    from ctal.cli.fit_help import HELP_ALL, short_help

    if {"-h", "--help"} & set(args):
        sys.stdout.write(short_help(args))
        return
    from ctal.training.experiment import Experiment

    Experiment(["--help" if arg == HELP_ALL else arg for arg in args])


def _function(
    module: str, name: str, prepare: Callable[[], None] = lambda: None
) -> Callable[[list[str]], None]:
    """Return a command that calls a function of a module of `ctal.cli`.

    `prepare` is called before anything large is imported.
    """

    def check(values: dict[str, Any]) -> None:
        _check_files(values)
        prepare()

    def run(args: list[str]) -> None:
        from ctal.cli.source_call import call_command

        call_command(f"ctal.cli.{module}", name, args[1:], f"ctal {args[0]}", check)

    return run


def _check_files(values: dict[str, Any]) -> None:
    """Report inputs and checkpoints that do not exist, before anything large is imported."""
    missing = [entry for entry in values.get("inputs") or [] if not Path(entry).exists()]
    if missing:  # unless they are patterns or cameras
        from ctal.io.sources import find_sources

        find_sources(missing)
    from ctal.io.bundled import check_checkpoint

    for key in ("checkpoint", "network", "single_task"):
        if values.get(key):
            check_checkpoint(values[key])


def _data(args: list[str]) -> None:
    _dispatch(args[1:], DATA_COMMANDS, "ctal data", "Inspect and prepare datasets.")


def _data_command(args: list[str]) -> None:
    if {"-h", "--help"} & set(args):
        from ctal.cli.fit_help import data_help

        sys.stdout.write(data_help(args))
        return
    from ctal.cli.data import run

    run(args)


COMMANDS = {
    "quickstart": Command(
        "train, score and use small networks on the embedded rooms",
        _function("quickstart", "quickstart"),
    ),
    "fit": Command("train a network, or resume its training", _experiment),
    "validate": Command("score a checkpoint on the validation split", _experiment),
    "test": Command("score a checkpoint on the test split", _experiment),
    "predict": Command(
        "predict maps for your own images",
        _function("predict", "predict_files", leave_busy_cores),
    ),
    "explain": Command(
        "show the affinities between tasks at a pixel",
        _function("explain", "explain_files", leave_busy_cores),
    ),
    "demo": Command("show predictions and affinities in the browser", _function("demo", "demo")),
    "compare": Command(
        "train or load several networks and compare them",
        _function("compare", "compare"),
    ),
    "export": Command(
        "export to ONNX or torch.export, verified against PyTorch",
        _function("export", "export_file"),
    ),
    "info": Command(
        "print the tasks of a network and the cost of each part",
        _function("info", "print_cost_card"),
    ),
    "data": Command("check, show, measure or prepare datasets", _data),
}

DATA_COMMANDS = {
    "check": Command("read every sample and list those that cannot be used", _data_command),
    "show": Command("draw samples with their labels", _data_command),
    "stats": Command("print the distribution of image and label values", _data_command),
    "prepare": Command("pack datasets into memory-mapped arrays for fast training", _data_command),
}
