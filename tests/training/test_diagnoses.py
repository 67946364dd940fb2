import pytest

from ctal.training.diagnoses import explained


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."),
            "data.num_workers",
        ),
        (ValueError("Expected more than 1 value per channel when training"), "data.batch_size"),
        (ModuleNotFoundError("Requirement wandb not met. Try `pip install wandb`"), "pip install"),
    ],
)
def test_known_causes(error, named):
    assert named in str(explained(error))


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, AttributeError, KeyError])
def test_a_bug_gets_no_diagnosis(kind):
    with pytest.raises(kind) as caught:
        raise kind("mat1 and mat2 shapes cannot be multiplied")
    assert explained(caught.value) is None
