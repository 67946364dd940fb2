import pytest
import torch

from ctal.training.diagnoses import explained


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."),
            "data.num_workers",
        ),
        (ValueError("Expected more than 1 value per channel when training"), "data.batch_size"),
        (
            RuntimeError(
                "[enforce fail] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
                "allocate 8 bytes. Error code 12\nframe #0"
            ),
            "data.batch_size",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "data.batch_size"),
        (TypeError("Overflow when unpacking long long\nException raised"), "too large"),
        (ModuleNotFoundError("Requirement wandb not met. Try `pip install wandb`"), "pip install"),
    ],
)
def test_known_causes(error, named):
    message = str(explained(error))
    assert named in message
    assert "\n" not in message


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, AttributeError, KeyError])
def test_a_bug_gets_no_diagnosis(kind):
    with pytest.raises(kind) as caught:
        raise kind("mat1 and mat2 shapes cannot be multiplied")
    assert explained(caught.value) is None
