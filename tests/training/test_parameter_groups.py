"""Learning rates and weight decays of the encoder and the rest."""

from pathlib import Path

import pytest
import torch
import yaml
from tests.own_network import OwnNet
from tests.small_classes import write_training

from ctal.cli import main
from ctal.errors import InputError
from ctal.networks import SharedEncoderNet, SingleTaskNet
from ctal.tasks import Depth, SemanticSegmentation
from ctal.training import MultiTaskModule, ParameterGroups
from ctal.training.optim import Optimization

TASKS = [SemanticSegmentation(3), Depth()]


def adam(parameters):
    return torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.01)


def groups_of(network, settings, make=adam):
    """Return the optimizer's groups by name, without a schedule."""
    module = MultiTaskModule(network, optimizer=make, parameter_groups=settings)
    optimizer = module.optimization._make_optimizer(module, network)
    return {group["name"]: group for group in optimizer.param_groups}


def names_of(network, group):
    wanted = {id(parameter) for parameter in group["params"]}
    return {name for name, parameter in network.named_parameters() if id(parameter) in wanted}


@pytest.mark.parametrize("kind", [SharedEncoderNet, SingleTaskNet])
def test_the_encoder_has_its_own_learning_rate_and_weight_decay(kind):
    network = kind(TASKS, "test_resnet", image_size=32)
    found = groups_of(network, ParameterGroups(0.5, encoder_weight_decay=0.2))
    assert list(found) == ["rest", "encoder"]
    assert [group["lr"] for group in found.values()] == [0.1, 0.05]
    assert [group["weight_decay"] for group in found.values()] == [0.01, 0.2]
    bodies = {name for name, _ in network.named_parameters() if ".body." in name}
    assert names_of(network, found["encoder"]) == bodies
    assert names_of(network, found["rest"]) == {n for n, _ in network.named_parameters()} - bodies


def test_norms_and_biases_without_decay():
    network = SharedEncoderNet(TASKS, "test_resnet", image_size=32)
    settings = ParameterGroups(encoder_weight_decay=0.2, decay_norms_and_biases=False)
    found = groups_of(network, settings)
    decays = {name: group["weight_decay"] for name, group in found.items()}
    assert decays == {"rest": 0.01, "encoder": 0.2, "rest_no_decay": 0.0, "encoder_no_decay": 0.0}
    weights = {n for group in ("rest", "encoder") for n in names_of(network, found[group])}
    matrices = (torch.nn.Conv2d, torch.nn.Linear)
    parts = {f"{n}.weight" for n, part in network.named_modules() if isinstance(part, matrices)}
    assert weights == parts


def test_layer_decay_of_a_vision_transformer():
    network = SharedEncoderNet(TASKS, "test_vit", image_size=64)
    body = network.encoder.body.model
    blocks = len(body.blocks)
    settings = ParameterGroups(0.5, layer_decay=0.8, decay_norms_and_biases=False)
    groups = groups_of(network, settings).values()
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    for index, block in enumerate(body.blocks):
        expected = 0.1 * 0.5 * 0.8 ** (blocks - index)
        assert [rates[id(p)] / expected for p in block.parameters()] == pytest.approx([1] * 12)
    embeddings = [body.pos_embed, *body.patch_embed.parameters()]
    expected = 0.05 * 0.8 ** (blocks + 1)
    assert [rates[id(p)] / expected for p in embeddings] == pytest.approx([1] * 3)
    assert {rates[id(p)] for p in network.encoder.neck.parameters()} == {0.1}
    assert len(rates) == len(list(network.parameters()))
    undecayed = {id(p) for group in groups if group["weight_decay"] == 0 for p in group["params"]}
    assert id(body.pos_embed) in undecayed
    assert id(body.blocks[0].attn.qkv.weight) not in undecayed


def test_a_custom_network_has_its_encoder_in_an_attribute():
    network = OwnNet(TASKS, channels=2)
    with pytest.raises(InputError, match="`encoder`, got OwnNet, which has neither"):
        groups_of(network, ParameterGroups(0.1))
    network.encoder = network.body
    found = groups_of(network, ParameterGroups(0.1))
    assert found["encoder"]["params"] == list(network.body.parameters())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"encoder_lr_scale": 0}, "encoder_lr_scale: expected a number above 0, got 0; .*Freeze"),
        ({"encoder_weight_decay": -1}, "encoder_weight_decay: expected a number >= 0, got -1"),
        ({"layer_decay": 1.5}, "layer_decay: expected a number > 0 and <= 1, got 1.5"),
    ],
)
def test_numbers_out_of_range(arguments, named):
    with pytest.raises(InputError, match=named):
        ParameterGroups(**arguments)


def test_unsupported_encoders_and_optimizers():
    network = SharedEncoderNet(TASKS, "test_resnet", image_size=32)
    with pytest.raises(InputError, match="layer_decay: expected a vision transformer"):
        groups_of(network, ParameterGroups(layer_decay=0.9))
    with pytest.raises(InputError, match="Rprop does not support weight decay"):
        groups_of(network, ParameterGroups(encoder_weight_decay=0.1), torch.optim.Rprop)


def test_without_groups_the_optimizer_gets_only_the_parameters():
    network = SharedEncoderNet(TASKS, "test_resnet", image_size=32)
    module = MultiTaskModule(network)
    optimizer = Optimization(adam, None, None, None)._make_optimizer(module, network)
    (group,) = optimizer.param_groups
    assert group["params"] == list(module.parameters())
    assert not {"name", "lr_scale"} & group.keys()


def test_command_line_and_logged_learning_rates(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path, "c.yaml", (32, 32), max_epochs=1, log_every_n_steps=1)
    groups = ["--model.parameter_groups.encoder_lr_scale=0.1"]
    monitor = ["--trainer.callbacks=lightning.pytorch.callbacks.LearningRateMonitor"]
    assert main(["fit", "--config", "c.yaml", *groups, *monitor]) == 0
    settings = yaml.safe_load(Path("run/config.yaml").read_text())["model"]["parameter_groups"]
    assert settings["encoder_lr_scale"] == 0.1
    assert settings["layer_decay"] == 1.0
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logged = events.EventAccumulator("run")
    logged.Reload()
    first = {
        tag: logged.Scalars(tag)[0].value
        for tag in ("lr-Adam/rest", "lr-Adam/encoder", "train/learning_rate")
    }
    assert first == pytest.approx(
        {"lr-Adam/rest": 1e-3, "lr-Adam/encoder": 1e-4, "train/learning_rate": 1e-3}
    )
    # the checkpoint has the rates, so others would not be used
    assert main(["fit", "--config", "run/config.yaml", "--ckpt_path=last"]) == 0
    capsys.readouterr()
    other = ["--model.parameter_groups.encoder_lr_scale=0.5", "--ckpt_path=last"]
    assert main(["fit", "--config", "run/config.yaml", *other]) == 2
    message = "model.parameter_groups.encoder_lr_scale: expected 0.1, as in the run to resume"
    assert message in capsys.readouterr().err
