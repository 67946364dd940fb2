"""Configuration files among the arguments of a command."""

from pathlib import Path

import pytest

from ctal.config.files import config_files
from ctal.errors import InputError


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        Path(name).write_text("model: {}\n")


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        ([], []),
        (["fit"], []),
        (["fit", "--config"], []),
        # the last one wins, so their order counts
        (["fit", "--config=a.yaml", "-c", "b.yaml", "--config", "c.yaml"], "abc"),
        (["fit", "-c=c.yaml", "--x", "a.yaml", "--config", "b.yaml"], "cb"),
        # a mapping in place of a file, longer than a name can be
        (["fit", "--config={model: {network: " + 300 * "x" + "}}", "-c", "a.yaml"], "a"),
    ],
)
def test_files_are_found_in_their_order(arguments, files):
    assert config_files(arguments) == [Path(f"{name}.yaml") for name in files]


@pytest.mark.parametrize("arguments", [["-c", "d.yaml"], ["--config=d.yaml"]])
def test_a_file_that_is_not_found(arguments):
    with pytest.raises(InputError, match=r"^config: d\.yaml not found$"):
        config_files(arguments)
