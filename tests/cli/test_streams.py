"""Commands with standard streams that are closed, as for daemons, or close early."""

import subprocess
import sys

import pytest

COMMAND = f"'{sys.executable}' -m ctal"


def run(shell, folder):
    return subprocess.run(
        ["bash", "-c", shell], cwd=folder, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed, folder):
    done = run(f"{COMMAND} predict pictures/a.jpg --output out {closed}", folder)
    assert done.returncode == 0
    assert sorted(file.name for file in (folder / "out").iterdir()) == ["a.npz", "a.png"]


def test_an_error_without_a_stream_sets_the_exit_code(folder):
    assert run(f"{COMMAND} predict none.jpg 2>&-", folder).returncode == 2


def test_a_reader_that_closes_early(folder):
    done = run(f"{COMMAND} fit --help | head -1; echo ${{PIPESTATUS[0]}}", folder)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


@pytest.mark.parametrize("flags", ["-OO", "-O"])
def test_help_without_docstrings_in_memory(flags, folder):
    done = run(f"'{sys.executable}' {flags} -m ctal predict --help", folder)
    assert done.returncode == 0
    assert "--keep_aspect_ratio" in done.stdout
    assert "replace existing outputs" in done.stdout


def test_a_deprecated_option_still_works(folder):
    done = run(f"{COMMAND} predict pictures/a.jpg --output out --own_shape && ls out", folder)
    assert done.stdout.split()[-2:] == ["a.npz", "a.png"]  # after the report of predict
