"""Averaged weights (EMA): evaluated, saved for inference, and resumed with the trained ones."""

import json
import signal
from pathlib import Path

import pytest
import torch
from tests.same_run import assert_same_checkpoint, checkpoint
from tests.small_classes import write_training

import ctal
from ctal.cli import main

EMA = [
    "--trainer.callbacks+=lightning.pytorch.callbacks.EMAWeightAveraging",
    "--trainer.callbacks.decay=0.5",
]
BEST, LAST = (f"run/checkpoints/{name}.ckpt" for name in ("best", "last"))


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path, "c.yaml", (32, 32), max_epochs=2, logger=False)
    torch.set_num_threads(1)


def fit(*arguments):
    return main(["fit", "--config", "c.yaml", *EMA, *arguments])


def scores(run="run"):
    return json.loads((Path(run) / "scores_val.json").read_text())["scores"]


def test_the_average_is_computed_evaluated_and_used(capsys):
    watched = "--trainer.callbacks+=tests.training.weights_of_steps.WeightsOfSteps"
    assert fit(watched) == 0
    content = checkpoint(LAST)
    from tests.training.weights_of_steps import WeightsOfSteps

    name = next(key for key in content["state_dict"] if key.endswith("weight"))
    # the weights of the first step, then half of the average and half of each step
    average, *steps = [weights[name] for weights in WeightsOfSteps.seen]
    for weights in steps:
        average = 0.5 * average + 0.5 * weights
    torch.testing.assert_close(content["state_dict"][name], average)
    assert torch.equal(content["current_model_state"][name], steps[-1])
    trained = scores()
    # from the checkpoint, with and without the callback in the config
    for config in ("run/config.yaml", "c.yaml"):
        command = ["validate", "--config", config, "--trainer.default_root_dir=run"]
        assert main(command) == 0
        assert scores() == trained
    best = checkpoint(BEST)["state_dict"]
    model = ctal.load("run")
    for key, value in model.network.state_dict().items():
        assert torch.equal(value, best[f"network.{key}"])
    model.save_pretrained("saved")
    image = torch.rand(3, 32, 32)
    maps = [loaded.predict(image)["semseg"] for loaded in (model, ctal.load("saved"))]
    assert (maps[0] == maps[1]).all()
    capsys.readouterr()


@pytest.mark.parametrize("step", [1, 2])
def test_a_stopped_run_resumes_with_both_sets_of_weights(step):
    stop = ["--trainer.callbacks+=tests.send_signal.SendSignal"]
    stop += [f"--trainer.callbacks.number={int(signal.SIGINT)}", f"--trainer.callbacks.step={step}"]
    assert fit(*stop) == 130
    assert checkpoint(LAST)["global_step"] == step + 1
    assert fit("--ckpt_path=last") == 0
    assert fit("--trainer.default_root_dir=whole") == 0
    for name in ("best", "last"):
        assert_same_checkpoint(f"run/checkpoints/{name}.ckpt", f"whole/checkpoints/{name}.ckpt")
    assert "current_model_state" in checkpoint(LAST)
    assert scores("run") == scores("whole")


def test_a_run_with_averaging_does_not_resume_without_it(capsys):
    assert fit() == 0
    capsys.readouterr()
    more = ["--ckpt_path=last", "--trainer.max_epochs=3"]
    assert main(["fit", "--config", "c.yaml", *more]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert line.startswith("error: trainer.callbacks: expected EMAWeightAveraging"), line
