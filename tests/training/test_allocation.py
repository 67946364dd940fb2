"""Memory that is freed in one step and used again in the next."""

import json
import platform
import subprocess
import sys

import pytest

STEPS = """
import json, resource, sys
import torch
from ctal.training.allocation import keep_freed_memory
kept = keep_freed_memory(torch.device(sys.argv[1]))
def step():
    maps = [torch.zeros(2**20) for _ in range(8)]  # 4 MiB each
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(json.dumps([kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before]))
"""


def measured(device="cpu", **environment):
    done = subprocess.run(
        [sys.executable, "-c", STEPS, device],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="for glibc")
def test_a_later_step_gets_no_new_pages():
    kept, faults = measured()
    assert kept
    assert faults < 100  # without it up to 81,600, depending on the layout of the heap


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="for glibc")
def test_settings_of_the_user_and_a_gpu_are_left_alone():
    kept, _ = measured(MALLOC_TRIM_THRESHOLD_="131072")
    assert not kept
    kept, _ = measured("cuda")
    assert not kept
