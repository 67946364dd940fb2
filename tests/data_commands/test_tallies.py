import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctal.data_commands.tallies import answer_names, tally
from ctal.tasks import Depth, Edges, HumanParts, SemanticSegmentation, SurfaceNormals

CLASSES = SemanticSegmentation(3)


def values_of(task, seed, count):
    generator = np.random.default_rng(seed)
    if task is CLASSES:
        return generator.integers(0, 3, (1, count))
    return generator.normal(size=(1 if isinstance(task, Depth) else 3, count)).astype(np.float32)


@pytest.mark.parametrize("task", [CLASSES, Depth(), SurfaceNormals()], ids=lambda task: task.name)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9), count=st.integers(0, 30), cut=st.integers(0, 30))
def test_statistics_of_parts_add_up_to_the_whole(task, seed, count, cut):
    values = values_of(task, seed, count)
    whole = tally(task, values)
    parts = tally(task, values[:, :cut]) + tally(task, values[:, cut:])
    assert parts.span(task) == whole.span(task)
    for key, value in whole.plain(task).items():
        if (
            key == "classes"
        ):  # the number of samples with a class is the number of parts that have it
            shares = [entry["pixels"] for entry in value]
            assert [entry["pixels"] for entry in parts.plain(task)[key]] == shares
        else:
            assert parts.plain(task)[key] == pytest.approx(value)


@pytest.mark.parametrize("value", [1e6, 1234567.0, 7e-7])
def test_quantiles_are_accurate_for_any_magnitude(value):
    found = tally(Depth(), np.array([[value] * 3], np.float64)).plain(Depth())
    assert found["min"] == found["max"] == value
    assert set(found["quantiles"].values()) == {value}  # within the range
    rounded = tally(Depth(), np.array([[value, 2 * value, 3 * value]])).plain(Depth())
    assert rounded["quantiles"]["0.5"] == pytest.approx(2 * value, rel=5e-4)


def test_a_histogram_is_bounded():
    many = tally(Depth(), np.random.default_rng(0).uniform(1, 2, (1, 100_000)))
    assert len(many.values) <= 1025


def test_statistics_without_labelled_pixels():
    for task, channels in ((Depth(), 1), (SurfaceNormals(), 3)):
        empty = tally(task, np.zeros((channels, 0), np.float32))
        assert empty.plain(task) == {}
        assert empty.span(task) == "none"


def test_names_of_binary_classes():
    assert answer_names(CLASSES) == ["0", "1", "2"]
    assert answer_names(Edges()) == ["no edge", "edge"]
    parts = "background, head, torso, upper arms, lower arms, upper legs, lower legs"
    assert ", ".join(answer_names(HumanParts())) == parts
    named = SemanticSegmentation(2, class_names=["wall", "floor"])
    assert answer_names(named) == ["wall", "floor"]
