"""Every `ctal` command of the documentation has valid arguments."""

import re
import shlex
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctal.cli import main
from ctal.cli.main import COMMANDS, DATA_COMMANDS
from ctal.cli.source_call import signature_of

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
TRAINING = ("fit", "validate", "test")
SECTIONS = re.compile(
    r"--((model|data|trainer|scoring|images)\.[\w.+]+|config|ckpt_path|help(_all)?)"
)


def commands(text: str) -> list[str]:
    """Return the commands in blocks without a language and in backticks, without comments."""
    parts = re.split(r"^```(.*)\n", text, flags=re.MULTILINE)  # text, language, block, "", text...
    blocks = [
        block for language, block in zip(parts[1::4], parts[2::4], strict=True) if not language
    ]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    lines += " ".join(parts[::4]).replace("\n", " ").split("`")[1::2]
    found = [re.match(r"(?:\S*bin/)?ctal ([a-z].*)", line.strip()) for line in lines]
    return [match[1] for match in found if match and "|" not in match[1] and "..." not in match[1]]


ALL = sorted({command for page in PAGES for command in commands(page.read_text("utf-8"))})


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Record the values of the arguments instead of running a command."""
    values: list[dict[str, object]] = []

    class Module(SimpleNamespace):
        def __getattr__(self, name: str) -> object:
            return lambda **given: values.append(given)

    monkeypatch.setattr("ctal.cli.source_call.import_module", lambda name: Module())
    monkeypatch.setattr(import_module("ctal.cli.main"), "_check_files", lambda values: None)
    return values


def test_commands_are_found() -> None:
    page = "`ctal info a` `ctal data | x`\n```python\nctal no\n```\n\n```\nctal demo  # 1\n```\n"
    assert commands(page) == ["demo  # 1", "info a"]
    assert len(ALL) > 60


@pytest.mark.parametrize("command", ALL)
def test_the_arguments_are_valid(command: str, called: list[dict[str, object]]) -> None:
    name, *args = shlex.split(command, comments=True)
    assert name in COMMANDS
    for path in re.findall(r"(?<=\s)configs/[\w/]+\.yaml", command):
        assert (ROOT / path).is_file()
    if not args or (len(args) == 1 and args[0].startswith("-")):  # a mention
        return
    if name in TRAINING:
        options = [arg.partition("=")[0] for arg in args if arg.startswith("--")]
        assert all(SECTIONS.fullmatch(option) for option in options)
    elif name == "data":
        function, *args = args
        assert function in DATA_COMMANDS
        allowed = [
            f"--{key}" for key in signature(signature_of("ctal.cli.data", function)).parameters
        ]
        options = [arg for arg in args if arg.startswith("--")]
        assert all(option in ("--config", *allowed) for option in options)
    else:
        assert main([name, *args]) == 0
        assert len(called) == 1
