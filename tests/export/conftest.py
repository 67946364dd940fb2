"""A small network and its graph, which take a while to make."""

import pytest
from tests.export.checkpoints import small_network

from ctal.export.tracing import Deployed, traced
from ctal.networks import CTALNet


@pytest.fixture(scope="package")
def network():
    return small_network(CTALNet, method="factorised")


@pytest.fixture(scope="package")
def graph(network):
    return traced(Deployed(network).eval())
