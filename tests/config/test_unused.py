"""Parts of a config that a parser would ignore are rejected."""

from pathlib import Path

import pytest

from ctal.cli import main
from ctal.config.unused import check_unused
from ctal.errors import InputError

CONFIG = """
model: {network: {class_path: ctal.networks.SharedEncoderNet, init_args: {encoder: test_resnet}}}
data:
  train: {class_path: ctal.data.Rooms, init_args: {split: train}}
  batch_size: 2
trainer: {max_epochs: 1, limit_train_batches: 1, accelerator: cpu}
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("whole.yaml").write_text(CONFIG)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("modle: {}", "modle: unknown key; did you mean 'model'?"),
        ("trianer: {logger: {}}", "trianer: unknown key; did you mean 'trainer'?"),
        ("data: {trian: {}}", "data.trian: unknown key; did you mean 'train'?"),
        ("trainer: {plugin: {}}", "trainer.plugin: unknown key; did you mean 'plugins'?"),
        ("quite_other: {}", "quite_other: unknown key"),
        ("trainer: []", "trainer: expected a mapping, got []"),
        ("model: [network]", "model: expected a mapping, got ['network']"),
        ("trainer: 3", "trainer: expected a mapping, got 3"),
        ("data: no.yaml", "data: expected a mapping, got 'no.yaml'"),
        ("trainer:", "trainer: expected a mapping, got None"),
        (
            "data: {val: {class_path: ctal.data.Rooms, init_args: {split: val, fracton: {}}}}",
            "data.val.init_args.fracton: unknown key",
        ),
        (
            "model: {optimizer: {class_path: torch.optim.Adam, init_args: {beta: {}}}}",
            "model.optimizer.init_args.beta: unknown key; did you mean 'betas'?",
        ),
        ("data: section.yaml", "data.vall: unknown key; did you mean 'val'?"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "check"])
def test_an_ignored_part_is_rejected(content, line, command, capsys) -> None:
    Path("section.yaml").write_text("vall: {}")
    Path("wrong.yaml").write_text(content)
    configs = ["--config", "whole.yaml", "--config=wrong.yaml"]
    if command == "fit":
        assert main(["fit", *configs]) == 2
        assert f"error: wrong.yaml: {line}" in capsys.readouterr().err
        assert not Path("runs").exists()
    elif content.startswith("data"):
        assert main(["data", "check", *configs]) == 2
        assert f"error: wrong.yaml: {line}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        "data: {}",
        "trainer: {}",
        "model: {task_weights: {}}",
        "data: {val: {class_path: ctal.data.Rooms, init_args: {}}}",
        "{}",
    ],
)
def test_empty_mappings_of_known_keys_are_allowed(content, capsys) -> None:
    Path("right.yaml").write_text(content)
    options = ["--data.val.init_args.split=val"] if "val" in content else []
    settings = main(
        ["fit", "--config=whole.yaml", "--config=right.yaml", *options, "--print_config"]
    )
    assert settings == 0, capsys.readouterr().err


def test_a_class_replaced_by_a_later_file() -> None:
    file = Path("first.yaml")
    file.write_text("model: {network: {class_path: own.First, init_args: {options: {}}}}")
    parsed = {"model": {"network": {"class_path": "own.Second", "init_args": {}}}}
    check_unused(file, parsed)
    parsed["model"]["network"]["class_path"] = "own.First"
    with pytest.raises(InputError, match=r"model\.network\.init_args\.options: unknown key"):
        check_unused(file, parsed)
