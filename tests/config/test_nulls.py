"""Arguments set to null that require a value are refused in one line."""

from pathlib import Path

import pytest
from tests.config.test_unused import CONFIG

from ctal.cli import main
from ctal.config.nulls import check_nulls
from ctal.errors import InputError
from ctal.losses import CrossEntropy


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG)


NETWORK = "model: {network: {class_path: ctal.networks.CTALNet, init_args: {encoder: %s}}}"
CHANNELS = NETWORK % "test_resnet, channels: %s"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (NETWORK % "null", "model.network.init_args.encoder: "),
        (CHANNELS % "null", "model.network.init_args.channels: expected int, got null"),
        ("data: {batch_size: null}", "data.batch_size: expected int, got null"),
        ("data: {train: {init_args: {split: null}}}", "data.train"),
        (
            "model: {optimizer: {class_path: torch.optim.SGD, init_args: {lr: null}}}",
            "model.optimizer.init_args.lr: expected ",
        ),
        (CHANNELS % 2**70, "too large"),
        (CHANNELS % 9_000_000_000_000, "memory ran out; use a smaller"),
    ],
)
def test_one_line_and_code_2(content, line, capsys):
    Path("more.yaml").write_text(content)
    assert main(["fit", "--config", "config.yaml", "--config", "more.yaml"]) == 2
    captured = capsys.readouterr()
    assert line in captured.err
    assert captured.err.count("\n") == 1
    assert not Path("runs").exists()


def test_nulls_that_are_allowed_stay():
    def own(a: "Undefined", b: int) -> None:  # noqa: F821
        raise AssertionError

    loss = {"class_path": "ctal.losses.CrossEntropy"}
    allowed = {**loss, "init_args": {"class_weights": None}}
    check_nulls({"x": [allowed], "y": {"b": None}, "z": {"other": None}}, {"y": own})
    refused = {"x": [{**loss, "init_args": {"label_smoothing": None}}]}
    with pytest.raises(InputError, match=r"^x.init_args.label_smoothing: expected float, got null"):
        check_nulls(refused, {})
    with pytest.raises(InputError, match=r"^loss.label_smoothing: expected float, got null"):
        check_nulls({"loss": {"label_smoothing": None}}, {"loss": CrossEntropy})
