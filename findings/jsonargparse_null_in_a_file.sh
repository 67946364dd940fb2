#!/usr/bin/env bash
# jsonargparse accepts null in a file for an argument of any type; on the command line it refuses it
#
# An argument "width: int = 3" refuses a text and, on the command line, null. In a configuration
# file null passes the check of types, and the class is constructed with None: in arguments of a
# group and in those of a class chosen by class_path. The default is not used either. The mistake
# appears later, as an error of arithmetic inside the class.
# What to do: after parsing, compare arguments that are None with the types of the constructor.
#
# Seen with jsonargparse 4.53.0, Python 3.11:
#   jsonargparse 4.53.0
#   file: {model: {width: x}}           refused
#   file: {model: {width: null}}        Model(width=None)
#   file: {layer: {class_path: __main__.Layer, init_args: {width: null}}}  Layer(width=None)
#   argument: --model.width=null        refused
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jsonargparse==4.53.0 pyyaml==6.0.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

from jsonargparse import ArgumentParser


class Part:
    def __init__(self, width: int = 3) -> None:
        self.width = width


class Model(Part):
    pass


class Layer(Part):
    pass


print("jsonargparse", version("jsonargparse"))
parser = ArgumentParser(exit_on_error=False)
parser.add_argument("--config", action="config")
parser.add_class_arguments(Model, "model")
parser.add_subclass_arguments(Layer, "layer", required=False)


def outcome(args: list[str]) -> str:
    try:
        made = parser.instantiate(parser.parse_args(args))
    except Exception:
        return "refused"
    part = made.layer or made.model
    return f"{type(part).__name__}(width={part.width})"


expected = {
    "{model: {width: x}}": "refused",
    "{model: {width: null}}": "Model(width=None)",
    "{layer: {class_path: __main__.Layer, init_args: {width: null}}}": "Layer(width=None)",
    "--model.width=null": "refused",
}
outcomes = {}
for text in expected:
    Path("settings.yaml").write_text(text)
    is_argument = text.startswith("--")
    outcomes[text] = outcome([text] if is_argument else ["--config", "settings.yaml"])
    print(f"{'argument' if is_argument else 'file'}: {text:<26} {outcomes[text]}")
sys.exit(outcomes != expected)
PYTHON
