"""Options of CTAL as keyword arguments of modules and networks, and in configs."""

import inspect
from dataclasses import asdict, fields

import pytest
from jsonargparse import ArgumentError, ArgumentParser
from tests.small_networks import TASKS

from ctal import CTAL
from ctal.errors import InputError
from ctal.networks import (
    AffinityRefinement,
    CTALNet,
    MultiScaleCTALNet,
    Network,
    build,
    completed,
    describe,
)
from ctal.networks.options import AffinityOptions

OTHERS = {
    "kernel_size": 1,
    "gamma": 0.1,
    "learned_gamma": True,
    "shared_mixing": True,
    "mixing_power": 0.5,
    "uniform_init": True,
    "centered": True,
    "norm_start": None,  # not supported with learned_gamma, so tested separately
    "method": "dense",
}
NETWORKS = [CTALNet, MultiScaleCTALNet]


class OwnNet(CTALNet):
    """A network that fixes an option and accepts others."""

    def __init__(self, tasks, *, image_size, gamma=0.2, **rest):
        super().__init__(
            tasks, "test_resnet", image_size=image_size, channels=8, gamma=gamma / 2, **rest
        )


def make(kind, **options):
    return kind(TASKS, "test_resnet", image_size=(32, 64), channels=8, **options)


def options_of(module):
    found = {"gamma": float(module.gamma), "kernel_size": module.mixing_weight.shape[-1]}
    found["shared_mixing"] = len(module.mixing_weight) == 1
    found["learned_gamma"] = not isinstance(module.gamma, float)
    found["uniform_init"] = bool((module.mixing_bias == module.mixing_bias[:, :1]).all())
    norm = module.norm
    found["norm_start"] = None if norm is None else norm["depth"].weight[0].item()
    found |= {name: getattr(module, name) for name in ("mixing_power", "centered", "method")}
    return found


def test_ctal_has_the_same_options_and_defaults():
    parameters = inspect.signature(CTAL).parameters
    keywords = {n: p.default for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert keywords == asdict(AffinityOptions())
    assert set(OTHERS) == {field.name for field in fields(AffinityOptions)}


@pytest.mark.parametrize("kind", NETWORKS)
def test_options_reach_ctal_and_the_description(kind):
    network = make(kind, **OTHERS)
    assert options_of(network.refinement.ctal) == pytest.approx(OTHERS)
    assert describe(network)["arguments"].items() >= OTHERS.items()
    assert options_of(build(describe(network)).refinement.ctal) == pytest.approx(OTHERS)


@pytest.mark.parametrize("kind", NETWORKS)
def test_norm_start_reaches_ctal_and_the_description(kind):
    network = make(kind, norm_start=0.25)
    for ctal in (network.refinement.ctal, build(describe(network)).refinement.ctal):
        assert options_of(ctal)["norm_start"] == 0.25


@pytest.mark.parametrize("kind", NETWORKS)
def test_defaults_are_described_too(kind):
    description = describe(make(kind))
    assert description["arguments"].items() >= asdict(AffinityOptions()).items()
    for name in OTHERS:
        del description["arguments"][name]
    assert completed(description) == describe(make(kind))


def test_a_subclass_with_its_own_constructor():
    network = OwnNet(TASKS, image_size=(32, 64), mixing_power=0.5)
    assert describe(network)["arguments"] == {
        "image_size": [32, 64],
        "gamma": 0.2,
        "mixing_power": 0.5,
    }
    again = build(describe(network))
    assert again.refinement.ctal.gamma == network.refinement.ctal.gamma == 0.1


@pytest.mark.parametrize("kind", NETWORKS)
def test_misspelt_options(kind):
    with pytest.raises(TypeError, match="gama"):
        make(kind, gama=0.1)
    with pytest.raises(TypeError, match="gama"):
        AffinityRefinement(["a"], 4, 4, channels=4, gama=0.1)
    with pytest.raises(InputError, match="kernel_size: expected an odd integer >= 1, got 2"):
        make(kind, kernel_size=2)


class TestConfiguration:
    @pytest.fixture
    def parser(self):
        parser = ArgumentParser(exit_on_error=False)
        parser.add_subclass_arguments(Network, "network", skip={"tasks", "image_size"})
        return parser

    @pytest.mark.parametrize("kind", NETWORKS)
    def test_options_are_flat(self, parser, kind):
        network = {"class_path": f"ctal.networks.{kind.__name__}", "init_args": OTHERS}
        found = parser.parse_object({"network": network}).network.init_args.as_dict()
        assert found.items() >= OTHERS.items()

    @pytest.mark.parametrize("kind", NETWORKS)
    def test_each_option_has_a_help_text(self, parser, kind, capsys):
        with pytest.raises(SystemExit):
            parser.parse_args(["--network.help", f"ctal.networks.{kind.__name__}"])
        text = capsys.readouterr().out
        assert "share of the propagated features in the output" in " ".join(text.split())
        for name in OTHERS:
            assert f"--network.{name} " in text

    @pytest.mark.parametrize(
        ("arguments", "key"), [({"gama": 0.1}, "gama"), ({"gamma": "large"}, "gamma")]
    )
    def test_errors_of_invalid_options_name_the_key(self, parser, arguments, key):
        network = {"class_path": "ctal.networks.CTALNet", "init_args": arguments}
        with pytest.raises(ArgumentError, match=key):
            parser.parse_object({"network": network})
