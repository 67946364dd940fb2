"""Recursive, nested or expanding files give a one-line error, before torch is imported."""

import subprocess
import sys
import time

import pytest
import yaml

from ctal.config.bounds import MAX_ALIASED, BoundsError, check_bounds

TENFOLD = "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "list in itself": ("data: &a [1, *a]", "anchor 'a' contains itself"),
    "mapping in itself": ("model: &m {network: {init_args: *m}}", "anchor 'm' contains itself"),
    "merged into itself": ("model: &m {<<: *m}", "anchor 'm' contains itself"),
    "lists in lists": ("model: " + "[" * 100_000, "nesting"),
    "mappings in mappings": ("{a: " * 100_000, "nesting"),
    "blocks in blocks": ("\n".join(" " * i + "a:" for i in range(2000)), "levels of nesting"),
    "list of lists of ...": ("- " * 100_000, "levels of nesting"),
    "a thousand million laughs": (f"a: &a [{'ha, ' * 10}]\n{TENFOLD}", "10,000 values"),
    "long list, often": (f"a: &a [{'1, ' * 5000}]\nb: [*a, *a, *a]", "10,000 values"),
    "5000 digits": (f"seed_everything: {'1' * 5000}", "digits"),
    "no such day": ("model: 2026-99-99", "month"),
}


@pytest.mark.parametrize("key", ["model", "data", "trainer"])
def test_ordinary_aliases_are_accepted(key: str) -> None:
    check_bounds(f"optimizer: &o {{lr: 0.1}}\n{key}: {{a: *o, b: *o, c: [*o, *o]}}")
    check_bounds(f"a: &a 1\nb: [{'*a, ' * MAX_ALIASED}]")
    with pytest.raises(BoundsError):
        check_bounds(f"a: &a 1\nb: [{'*a, ' * (MAX_ALIASED + 1)}]")


def test_explicit_values_are_not_limited() -> None:
    check_bounds(f"names: [{'x, ' * 50_000}]")


def test_text_that_is_not_yaml() -> None:
    with pytest.raises(yaml.YAMLError):
        check_bounds("data: [")


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_malicious_file_gives_a_one_line_error(kind: str, tmp_path, monkeypatch, capsys) -> None:
    from ctal.cli import main

    monkeypatch.chdir(tmp_path)
    content, reason = HOSTILE[kind]
    (tmp_path / "hostile.yaml").write_text(content)
    for command in (["fit", "--config", "hostile.yaml"], ["compare", "hostile.yaml"]):
        started = time.monotonic()
        assert main(command) == 2
        assert time.monotonic() - started < 5
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: hostile.yaml: not a configuration in YAML (")
        assert reason in line
    assert [file.name for file in tmp_path.iterdir()] == ["hostile.yaml"]


def test_a_malicious_section_of_the_command_line(capsys) -> None:
    from ctal.cli import main

    assert main(["fit", "--model.network", "&a [*a]"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def test_a_file_that_includes_itself(tmp_path, monkeypatch, capsys) -> None:
    from ctal.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.yaml").write_text("config: loop.yaml")
    assert main(["fit", "--config", "loop.yaml"]) == 2
    (tmp_path / "section.yaml").write_text("data: section.yaml")
    assert main(["fit", "--config", "section.yaml"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "not found"), ("a: [", "not a configuration"), ("3", "mapping")]
)
def test_an_unusable_file_is_reported_before_torch_is_imported(content, reason, tmp_path) -> None:
    if content is not None:
        (tmp_path / "c.yaml").write_text(content)
    code = (
        "import sys; from ctal.cli.main import main; code = main(['fit', '--config', 'c.yaml']); "
        "sys.exit(50 if 'torch' in sys.modules else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert reason in done.stderr
