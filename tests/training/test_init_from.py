"""`ctal fit` from a trained network: by command line and configuration, exact when resumed."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from tests.small_classes import write_training
from tests.small_networks import TASKS, write_checkpoint
from torch import nn

import ctal
from ctal.cli import main
from ctal.errors import InputError
from ctal.networks import CTALNet, SharedEncoderNet, hub
from ctal.tasks import Depth, SemanticSegmentation
from ctal.training import MultiTaskModule
from ctal.training.dry_run import rehearsed_settings

# weights do not move, so those of the checkpoint are the first ones
STILL = ["--model.optimizer.lr=0", "--model.optimizer.weight_decay=0"]
STEPS = [
    "--model.lr_scheduler=torch.optim.lr_scheduler.StepLR",
    "--model.lr_scheduler.step_size=1",
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory with data, a configuration `c.yaml`, and a run of another network with CTAL."""
    write_training(tmp_path, "c.yaml", (32, 64), max_epochs=1, logger=False)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(7)
    network = CTALNet(TASKS[:2], "test_resnet", image_size=(64, 64), channels=8)
    write_checkpoint(network, tmp_path / "other" / "checkpoints" / "best.ckpt")
    network.save_pretrained(tmp_path / "saved")
    return tmp_path


def fit(*arguments, init_from="other"):
    return main(["fit", "--config", "c.yaml", f"--model.init_from={init_from}", *arguments])


def weights(name="last"):
    content = torch.load(f"run/checkpoints/{name}.ckpt", weights_only=True)
    return {k.removeprefix("network."): v for k, v in content["state_dict"].items()}


def parameters(network):
    return {name: value.detach() for name, value in network.named_parameters()}


def one_line(capsys):
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    return line


@pytest.mark.parametrize("source", ["other", "other/checkpoints/best.ckpt", "saved", "some/hub-id"])
def test_another_network_class_with_other_tasks_and_size(source, place, monkeypatch, capsys):
    monkeypatch.setattr(hub, "snapshot_download", lambda *_, **__: str(place / "saved"))
    assert fit(*STILL, init_from=source) == 0
    theirs = parameters(ctal.load("saved").network)
    found = weights()
    bodies = [name for name in found if name.startswith("encoder.body.") and name in theirs]
    assert len(bodies) > 20
    assert all(torch.equal(found[name], theirs[name]) for name in bodies)
    lines = [x for x in capsys.readouterr().err.splitlines() if "tensors taken" in x]
    assert len(lines) == 1
    assert lines[0].startswith(f"{source}: ")
    assert "; new: heads.semseg" in lines[0]
    settings = yaml.safe_load(Path("run/config.yaml").read_text())
    assert settings["model"]["init_from"] == source


CTAL_NET = [
    "--model.network=ctal.networks.CTALNet",
    "--model.network.encoder=test_resnet",
    "--model.network.channels=8",
]


def test_the_same_network_class_with_fewer_tasks_and_another_size(place):
    assert fit(*STILL, *CTAL_NET) == 0
    theirs, found = parameters(ctal.load("other", image_size=(32, 64)).network), weights()
    names = {name for name in found if name in theirs and "mixing" not in name}
    assert {name.split(".")[0] for name in names} == {
        "encoder",
        "initial",
        "refinement",
        "decoders",
    }
    assert all(torch.equal(found[name], theirs[name]) for name in names)
    mixing = theirs["refinement.ctal.mixing_weight"]
    assert torch.equal(found["refinement.ctal.mixing_weight"], mixing[:1, :, :1])


def test_the_same_network_class_with_more_classes(place, capsys):
    text = Path("c.yaml").read_text().replace("num_classes: 3", "num_classes: 4")
    Path("c.yaml").write_text(text)
    assert fit(*STILL, *CTAL_NET) == 0
    line = next(x for x in capsys.readouterr().err.splitlines() if "tensors taken" in x)
    new = "new: initial.heads.semseg.predict (2), decoders.semseg.* (2)"
    assert line.endswith(new)
    theirs = parameters(ctal.load("other").network)
    assert torch.equal(
        weights()["decoders.semseg.0.conv1.weight"], theirs["decoders.semseg.0.conv1.weight"]
    )


NAMED = "{class_path: ctal.networks.CTALNet, init_args: {encoder: test_resnet}}"


def test_options_are_suggested_only_where_they_are_accepted(place, capsys):
    (place / "narrow.py").write_text(
        "from ctal.networks import CTALNet\n"
        "class Narrow(CTALNet):\n"
        "    def __init__(self, tasks, encoder, *, image_size):\n"
        "        super().__init__(tasks, encoder, image_size=image_size)\n"
    )
    arguments = ["--model.network.encoder=test_resnet", "--model.network.init_args.gama=1"]
    assert fit("--model.network=ctal.networks.CTALNet", *arguments) == 2
    assert "did you mean 'gamma'?" in one_line(capsys)
    assert fit("--model.network=narrow.Narrow", *arguments) == 2
    assert "narrow.Narrow has no argument 'gama'; it has encoder" in one_line(capsys)


class TestNetworkOfTheSource:
    """A training that names no network has that of `model.init_from`, for its own tasks."""

    @pytest.fixture(autouse=True)
    def without_a_network(self, place):
        settings = yaml.safe_load(Path("c.yaml").read_text())
        del settings["model"]["network"]
        Path("c.yaml").write_text(yaml.safe_dump(settings))

    @pytest.mark.parametrize("source", ["other", "saved"])
    def test_is_built_for_the_tasks_and_recorded(self, source, capsys):
        assert fit(*STILL, init_from=source) == 0
        line = next(x for x in capsys.readouterr().err.splitlines() if "tensors taken" in x)
        assert "differs in" not in line
        network = yaml.safe_load(Path("run/config.yaml").read_text())["model"]["network"]
        theirs = ctal.load(source).network.arguments
        assert network["class_path"] == "ctal.networks.CTALNet"
        given = network["init_args"]
        assert given == {k: v for k, v in theirs.items() if k in given}
        assert theirs.keys() - given.keys() == {"image_size"}
        trained = ctal.load("run").network
        assert [task.name for task in trained.tasks] == ["semseg"]
        assert trained.image_size == (32, 64)
        shutil.rmtree("other")
        shutil.rmtree("saved")
        assert main(["validate", "--config", "run/config.yaml"]) == 0

    def test_single_arguments_replace_those_of_the_source(self, capsys):
        settings = yaml.safe_load(Path("c.yaml").read_text())
        settings["model"] |= {"init_from": "other", "network": {"init_args": {"channels": 4}}}
        Path("c.yaml").write_text(yaml.safe_dump(settings))
        arguments = ["--config", "c.yaml", "--model.network.init_args.gamma=0.5"]
        assert main(["fit", *arguments]) == 0
        found = ctal.load("run").network.arguments
        assert (found["channels"], found["gamma"], found["encoder"]) == (4, 0.5, "test_resnet")
        line = next(x for x in capsys.readouterr().err.splitlines() if "tensors taken" in x)
        assert line.endswith("; differs in: channels 4 (source: 8), gamma 0.5 (source: 0.05)")

    def test_a_later_file_chooses_a_network(self):
        Path("net.yaml").write_text(
            "network: {class_path: ctal.networks.SharedEncoderNet, "
            "init_args: {encoder: test_resnet}}\n"
        )
        assert fit("--model=net.yaml") == 0
        assert type(ctal.load("run").network) is SharedEncoderNet

    @pytest.mark.parametrize(
        ("arguments", "channels"),
        [
            # a network that is named, wherever it is
            (["--config", "first.yaml", "-c", "named.yaml"], 128),
            (["--config", "first.yaml", "--config={model: {network: " + NAMED + "}}"], 128),
            (["--config", "first.yaml", "--model={network: " + NAMED + "}"], 128),
            (["--config", "named.yaml", "--model.init_from=second"], 128),
            (["--model.init_from=second", "--config", "named.yaml"], 128),
            # the last source, whatever the order and form
            (["--config", "first.yaml"], 8),
            (["-c", "first.yaml", "--config=second.yaml"], 16),
            (["--config=second.yaml", "--config", "first.yaml"], 8),
            (["--model.init_from", "second", "--config", "first.yaml"], 8),
            (["--config", "first.yaml", "--model.init_from", "second"], 16),
            (["--config", "first.yaml", "--model.init-from=second"], 16),
            (["--config", "first.yaml", "--config={model: {init_from: second}}"], 16),
            (["--config={model.init_from: second}"], 16),
            (["--model", "section.yaml"], 16),
            # single arguments of it
            (["--model.init_from=second", "--model.network.init_args.channels=4"], 4),
            (["--config", "first.yaml", "--model.network.channels=4"], 4),
        ],
    )
    def test_which_network_is_chosen(self, arguments, channels, place):
        network = CTALNet(TASKS[:2], "test_resnet", image_size=(64, 64), channels=16)
        network.save_pretrained("second")
        Path("first.yaml").write_text("model: {init_from: saved}\n")
        Path("second.yaml").write_text("model: {init_from: second}\n")
        Path("section.yaml").write_text("init_from: second\n")
        Path("named.yaml").write_text(f"model: {{network: {NAMED}}}\n")
        settings = rehearsed_settings(["fit", "--config", "c.yaml", *arguments], "c.yaml")
        chosen = settings["model"]["network"]
        assert chosen["class_path"] == "ctal.networks.CTALNet"
        assert chosen["init_args"]["channels"] == channels

    def test_the_complete_configuration_has_it(self, capsys):
        arguments = ["--config", "c.yaml", "--model.init_from=saved", "--print_config"]
        assert main(["fit", *arguments]) == 0
        printed = yaml.safe_load(capsys.readouterr().out)["model"]["network"]
        assert printed["init_args"]["channels"] == 8

    def test_a_network_of_ones_own_is_neither_imported_nor_built(self, place, capsys):
        file = place / "saved" / "config.json"
        file.write_text(file.read_text().replace("ctal.networks.CTALNet", "elsewhere.Net"))
        (place / "elsewhere.py").write_text("raise SystemExit('imported')\n")
        assert fit(init_from="saved") == 2
        assert "elsewhere.Net has not been imported" in one_line(capsys)

        class Own(CTALNet):
            """A network that the parser would build from names in a file."""

        Own(TASKS[:2], "test_resnet", image_size=(64, 64)).save_pretrained("own")
        assert fit(init_from="own") == 2
        assert "is not part of ctal; set model.network" in one_line(capsys)

    @pytest.mark.parametrize(
        "change",
        [
            lambda network: network.pop("class"),
            lambda network: network.pop("arguments"),
            lambda network: network.update({"arguments": []}),
            lambda network: network.update({"class": None}),
            lambda network: network["arguments"].update({"gamma": None}),
        ],
    )
    def test_a_damaged_source(self, change, place, capsys):
        file = place / "saved" / "config.json"
        content = json.loads(file.read_text())
        change(content["network"])
        file.write_text(json.dumps(content))
        assert fit(init_from="saved") == 2
        assert one_line(capsys).startswith("error: model.init_from: saved/config.json: ")

    def test_names_of_weights_in_a_source_are_not_used(self, place, monkeypatch):
        file = place / "saved" / "config.json"
        file.write_text(file.read_text().replace('"pretrained": false', '"pretrained": true'))
        assert '"pretrained": true' in file.read_text()
        settings = rehearsed_settings(
            ["fit", "--config", "c.yaml", "--model.init_from=saved"], "c.yaml"
        )
        assert settings["model"]["network"]["init_args"]["pretrained"] is False

    @pytest.mark.parametrize("source", [[], ["--model.init_from", "null"]])
    def test_neither_a_network_nor_a_source(self, source, capsys):
        assert main(["fit", "--config", "c.yaml", *source]) == 2
        assert one_line(capsys).startswith("error: model.network: expected a network, got none")

    @pytest.mark.parametrize("broken", ["--config={model: [", "--data.train={class_path: ["])
    def test_a_mapping_that_is_not_yaml(self, broken, capsys):
        assert main(["fit", "--config", "c.yaml", broken, "--model.init_from=saved"]) == 2
        assert one_line(capsys).startswith("error: ")

    def test_a_source_that_is_not_found(self, capsys):
        assert fit(init_from="nowhere") == 2
        line = one_line(capsys)
        assert line.startswith("error: model.init_from: nowhere: checkpoint not found")
        assert "model.network" not in line


def test_an_encoder_that_stays_random_is_reported(place, capsys):
    assert fit(*CTAL_NET, "--model.network.encoder=test_efficientnet") == 0
    *_, line = [x for x in capsys.readouterr().err.splitlines() if x.startswith("warning: ")]
    assert "no weight of the encoder was taken from other" in line
    shutil.rmtree("run")
    assert fit(*CTAL_NET) == 0
    assert "warning: " not in capsys.readouterr().err


def test_a_resumed_run_is_that_of_an_uninterrupted_one_without_the_source(place, capsys):
    assert fit(*STEPS, "--trainer.max_epochs=2") == 0
    whole = weights()
    shutil.rmtree("run")
    assert fit(*STEPS) == 0
    assert not torch.equal(
        weights()["heads.semseg.predict.bias"], whole["heads.semseg.predict.bias"]
    )
    shutil.rmtree("other")
    capsys.readouterr()
    arguments = ["--trainer.max_epochs=2", "--ckpt_path=last"]
    assert main(["fit", "--config", "run/config.yaml", *arguments]) == 0
    printed = capsys.readouterr().err
    assert "tensors taken" not in printed
    assert "resuming in epoch 2\n" in printed
    for name, value in weights().items():
        assert torch.equal(value, whole[name]), name
    assert yaml.safe_load(Path("run/config.yaml").read_text())["model"]["init_from"] == "other"
    assert main(["validate", "--config", "run/config.yaml"]) == 0


def test_pretrained_takes_the_encoder_alone_and_is_not_read_when_resumed(place):
    write_checkpoint(
        SharedEncoderNet([SemanticSegmentation(3)], "test_resnet", image_size=(32, 64)),
        "other/checkpoints/best.ckpt",
    )
    source = parameters(ctal.load("other").network)
    assert main(["fit", "--config", "c.yaml", *STILL, "--model.network.pretrained=other"]) == 0
    for name, value in weights().items():
        if name in source and value.dim() > 1:
            assert torch.equal(value, source[name]) is name.startswith("encoder."), name
    settings = yaml.safe_load(Path("run/config.yaml").read_text())
    assert settings["model"]["network"]["init_args"]["pretrained"] == "other"
    about = ctal.load("run").about["training"]
    assert about["encoder's first weights"] == "other"
    assert "fine-tuned from" not in about
    shutil.rmtree("other")
    arguments = ["--config", "run/config.yaml", "--ckpt_path=last", "--trainer.max_epochs=2"]
    assert main(["fit", *arguments]) == 0
    settings = yaml.safe_load(Path("run/config.yaml").read_text())
    assert settings["model"]["network"]["init_args"]["pretrained"] == "other"
    assert main(["validate", "--config", "run/config.yaml"]) == 0


def test_the_card_names_the_source_without_its_folder(place):
    (place / "private").mkdir()
    (place / "saved").rename(place / "private" / "saved")
    assert fit(init_from=str(place / "private" / "saved")) == 0
    about = ctal.load("run").about["training"]
    assert about["fine-tuned from"] == about["encoder's first weights"] == "saved"
    ctal.load("run").save_pretrained("shared")
    assert "private" not in Path("shared/README.md").read_text()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "model.init_from: nowhere: checkpoint not found"),
        ("empty", "model.init_from: empty/checkpoints/best.ckpt: checkpoint not found"),
        ("text.ckpt", "model.init_from: text.ckpt: not a checkpoint"),
        ("code.ckpt", "model.init_from: code.ckpt: refused, since it"),
        ("unlike", "model.init_from: unlike: expected weights that fit a SharedEncoderNet"),
        ("diverged", "model.init_from: diverged/model.safetensors: expected finite weights"),
    ],
)
def test_sources_that_cannot_be_used(source, message, place, capsys):
    (place / "empty").mkdir()
    (place / "text.ckpt").write_text("hello")
    torch.save({"ctal": print}, place / "code.ckpt")
    unlike = SharedEncoderNet([Depth()], "test_efficientnet", image_size=(32, 64))
    unlike.save_pretrained("unlike")
    unlike.encoder.mean.fill_(float("nan"))
    unlike.save_pretrained("diverged")
    assert fit(init_from=source) == 2
    assert one_line(capsys).startswith(f"error: {message}")
    assert not (place / "run").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "pretrained: expected true, false, a file of weights or a trained network"),
        ("other", "pretrained: expected a network with the encoder 'test_efficientnet', but"),
        ("empty", "pretrained: empty/checkpoints/best.ckpt: checkpoint not found"),
    ],
)
def test_encoders_that_cannot_be_taken(source, message, place, capsys):
    (place / "empty").mkdir()
    network = ["--model.network.encoder=test_efficientnet", f"--model.network.pretrained={source}"]
    assert main(["fit", "--config", "c.yaml", *network]) == 2
    assert message in one_line(capsys)
    assert not (place / "run").exists()


class TestPython:
    def test_a_network_of_other_tasks(self, place):
        tasks = [Depth(), SemanticSegmentation(5)]
        model = ctal.load("other", tasks=tasks, image_size=(32, 32))
        assert model.tasks == tasks
        assert model.about == {}
        assert model.network.image_size == (32, 32)
        theirs = ctal.load("other", image_size=(32, 32))
        for name in ("encoder.body.conv1.0.weight", "decoders.depth.2.weight"):
            assert torch.equal(model.network.state_dict()[name], theirs.network.state_dict()[name])
        assert model.network.decoders["semseg"][2].bias.shape == (5,)
        ours = model.network.refinement.ctal.mixing_weight
        assert torch.equal(ours[0, :, 0], theirs.network.refinement.ctal.mixing_weight[1, :, 1])
        assert model.predict(torch.rand(3, 40, 50))["semseg"].shape == (40, 50)

    def test_the_bundled_network_for_ones_own_classes(self):
        tasks = [SemanticSegmentation(2, class_names=["wall", "cup"]), Depth()]
        model, theirs = ctal.load("nyuv2-lite0", tasks=tasks), ctal.load("nyuv2-lite0")
        image = torch.rand(3, 96, 128)
        assert model.predict(image)["semseg"].max() <= 1
        own, other = (m.network.decoders["semseg"][-1] for m in (model, theirs))
        row = theirs.tasks[0].class_names.index("wall")
        assert torch.equal(own.weight[0], other.weight[row])

    def test_nothing_fits(self, place):
        class Bare(SharedEncoderNet):
            """A network without its encoder's name."""

        with pytest.raises(InputError, match="tasks: expected"):
            ctal.load("other", tasks=[])
        with pytest.raises(InputError, match="the encoder 'test_efficientnet'"):
            Bare([Depth()], "test_efficientnet", image_size=(32, 32), pretrained="saved")

    def test_a_loaded_network_is_trained_in_training_mode(self, place):
        network = ctal.load("other").network
        assert not network.training
        MultiTaskModule(network)
        assert all(part.training for part in network.modules())
        network.encoder.eval()
        MultiTaskModule(network)
        assert not network.encoder.body.training

    def test_a_network_that_is_not_of_ctal(self, place):
        network = nn.Linear(1, 1)
        network.tasks = TASKS
        with pytest.raises(InputError, match=r"^model.init_from: expected a network that derives"):
            MultiTaskModule(network, init_from="other")
