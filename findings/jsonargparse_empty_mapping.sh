#!/usr/bin/env bash
# jsonargparse accepts an unknown key of a configuration file if its value is an empty mapping
#
# An unknown key in a YAML file is an error, at the top level and in the group of a class. If its
# value is {} (a section whose lines are all commented out, written "depth: {}"), or nested mappings
# that end in {}, it is accepted and dropped: a misspelt section passes without a word. An empty
# list is refused.
# What to do: compare the keys of the file with those of the parser before parsing.
#
# Seen with jsonargparse 4.53.0, Python 3.11:
#   jsonargparse 4.53.0
#   model: {width: 4, depth: 7}         refused
#   model: {width: 4, depth: []}        refused
#   model: {width: 4, depth: {a: 1}}    refused
#   model: {width: 4, depth: {}}        dropped
#   model: {width: 4, depth: {a: {}}}   dropped
#   {model: {width: 4}, modle: {}}      dropped
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


class Model:
    def __init__(self, width: int = 3) -> None:
        self.width = width


print("jsonargparse", version("jsonargparse"))
parser = ArgumentParser(exit_on_error=False)
parser.add_argument("--config", action="config")
parser.add_class_arguments(Model, "model")
expected = {
    "model: {width: 4, depth: 7}": "refused",
    "model: {width: 4, depth: []}": "refused",
    "model: {width: 4, depth: {a: 1}}": "refused",
    "model: {width: 4, depth: {}}": "dropped",
    "model: {width: 4, depth: {a: {}}}": "dropped",
    "{model: {width: 4}, modle: {}}": "dropped",
}
outcomes = {}
for text in expected:
    Path("settings.yaml").write_text(text)
    try:
        found = parser.parse_args(["--config", "settings.yaml"]).as_dict()
        clean = found.keys() == {"config", "model"} and found["model"] == {"width": 4}
        outcomes[text] = "dropped" if clean else "kept"
    except Exception:
        outcomes[text] = "refused"
    print(f"{text:<35} {outcomes[text]}")
sys.exit(outcomes != expected)
PYTHON
