import pytest
import torch
from torch import nn

from ctal.networks import CTALNet, Network, Predictions
from ctal.profiling.cost import gmacs, latencies, machine, parameters
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals


class Small(Network):
    """Network with a grouped convolution and a matrix product, small enough to count by hand."""

    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        self.grouped = nn.Conv2d(3, 6, 3, padding=1, groups=3)
        self.calls = []

    def predict_raw(self, images):
        self.calls.append(self.training)
        features = self.grouped(images).flatten(2)
        gram = features @ features.transpose(1, 2)
        return Predictions({"depth": (gram @ features).unflatten(2, self.image_size)[:, :1]}, [])


def test_parameters_and_multiply_adds_by_hand():
    network = Small([Depth()], image_size=(8, 10))
    assert parameters(network) == 6 * 9 + 6
    # each of 6 channels has one input channel, 3x3 at 80 pixels; two products of 6x80 and 80x6
    assert gmacs(network) * 1e9 == pytest.approx(6 * 9 * 80 + 2 * 6 * 6 * 80)
    assert network.calls == [False]


def test_the_two_forms_of_ctal_differ_as_in_the_paper():
    tasks = [SemanticSegmentation(13), Depth(), SurfaceNormals()]
    dense, factorised = (
        CTALNet(tasks, "test_resnet", image_size=(32, 64), method=method)
        for method in ("dense", "factorised")
    )
    pixels, channels, count, window = 8 * 16, 128, 3, 9
    by_dense = count * pixels**2 * (2 * channels + count * window)
    by_factorised = 2 * count**2 * window * channels**2 * pixels
    assert parameters(dense) == parameters(factorised)
    assert 1e9 * (gmacs(dense) - gmacs(factorised)) == pytest.approx(by_dense - by_factorised)


def test_networks_are_interleaved():
    first, second = (Small([Depth()], image_size=(8, 8)) for _ in range(2))
    order = []
    first.register_forward_pre_hook(lambda *_: order.append("first"))
    second.register_forward_pre_hook(lambda *_: order.append("second"))
    times = latencies({"first": first, "second": second})
    assert list(times) == ["first", "second"]
    assert all(0 < time < 1000 for time in times.values())
    assert order == ["first", "second"] * (len(order) // 2)


def test_machine_includes_threads_and_torch():
    words = machine(torch.device("cpu"))
    assert f"{torch.get_num_threads()} of" in words
    assert torch.__version__ in words
