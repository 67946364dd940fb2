"""What each target of the Makefile installs, from the commands that `make --dry-run` prints."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
USERS = "data,demo,export,heif,video"

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def commands(folder, *targets):
    done = subprocess.run(
        ["make", "--dry-run", "-C", folder, *targets], capture_output=True, text=True, check=True
    )
    return done.stdout


def installed(folder, *targets):
    return re.findall(r"-e '\.\[(.*)\]'", commands(folder, *targets))


@pytest.fixture
def clone(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@needs_make
@pytest.mark.parametrize(
    ("targets", "extras"),
    [
        (["install"], [USERS]),
        (["quickstart"], [USERS]),
        (["lint", "test"], ["dev"]),
        (["format"], ["dev"]),
        (["docs"], [USERS, "docs"]),
        (["install", "EXTRAS="], [""]),
    ],
)
def test_a_target_installs_what_it_needs(targets, extras, clone):
    assert installed(clone, *targets) == extras
    assert "-m venv .venv" in commands(clone, *targets)


@needs_make
def test_an_installation_is_reused(clone):
    (clone / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/python", ".installed"):
        (clone / ".venv" / name).touch()
    assert installed(clone, "install", "quickstart") == []
    assert installed(clone, "test") == ["dev"]
    (clone / ".venv" / ".dev-installed").touch()
    assert installed(clone, "lint", "test") == []
    assert "-m venv" not in commands(clone, "test")


def test_the_extra_of_developers_contains_those_of_users():
    (everything,) = (entry for entry in EXTRAS["dev"] if entry.startswith("ctal["))
    assert set(USERS.split(",")) <= set(everything[len("ctal[") : -1].split(","))
    assert set(USERS.split(",")) <= set(EXTRAS)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the git repository")
@pytest.mark.parametrize("path", ["predictions/a.png", "explanations/a.png", "runs/a"])
def test_outputs_of_commands_are_ignored_by_git(path):
    done = subprocess.run(["git", "check-ignore", path], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == path
