"""Comparison of two checkpoints of a run."""

from pathlib import Path

import torch


def checkpoint(path):
    return torch.load(Path(path), map_location="cpu", weights_only=True)


def assert_same_checkpoint(one, other):
    """Assert that all content is bit-identical, except for times."""
    contents = [checkpoint(path) for path in (one, other)]
    for content in contents:
        content["callbacks"].pop("TrainingCost", None)
        content["callbacks"].pop("SendSignal", None)
        content["ctal_run"] = None
    assert_equal(*contents, "")


def assert_equal(one, other, path):
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_equal(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_equal(*pair, f"{path}/{index}")
    elif isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True, msg=path)
    else:
        assert one == other, path
