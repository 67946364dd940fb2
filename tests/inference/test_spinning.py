"""The warning about threads on a busy machine."""

import sys
import warnings

import pytest
import torch

from ctal.inference import Model, spinning
from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="torch has another OpenMP here")


@pytest.fixture
def machine(monkeypatch):
    """A machine of 4 cores, of which others keep `busy` busy; torch has 4 threads."""

    def set_up(busy, usable=4, limit=None, threads=4, **variables):
        for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(spinning, "busy_cores", lambda: busy)
        monkeypatch.setattr(spinning, "usable_cores", lambda: usable)
        monkeypatch.setattr(spinning, "cpu_limit", lambda: limit)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)

    return set_up


def model():
    return Model(SharedEncoderNet([Depth()], "test_resnet", image_size=32))


def test_a_busy_machine_is_reported_with_the_remedy(machine):
    machine(1.5)
    with pytest.warns(
        UserWarning, match=r"use about 1.5 of the 4 cores.*4 threads.*GOMP_SPINCOUNT=1000"
    ):
        model()


@pytest.mark.parametrize(
    ("busy", "variables"),
    [
        (0.2, {}),
        (3.0, {"GOMP_SPINCOUNT": "1000"}),
        (3.0, {"OMP_WAIT_POLICY": "PASSIVE"}),
        (3.0, {"threads": 1}),
    ],
)
def test_no_warning_if_idle_or_set(machine, busy, variables):
    machine(busy, **variables)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model()


@pytest.mark.parametrize(
    ("usable", "limit", "message"),
    [
        (2, None, "use about 2.0 of the 2 cores of this process, and torch has 2 threads"),
        (4, 1.0, "use about 2.0 of the 4 cores of this process, which is limited to 1, and"),
    ],
)
def test_only_the_cores_of_this_process_count(machine, usable, limit, message):
    machine(2.0, usable=usable, limit=limit, threads=2)
    with pytest.warns(UserWarning, match=message):
        model()


def test_less_than_half_a_busy_core_is_no_reason_to_warn(machine):
    machine(0.4, usable=2, threads=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model()
