import pytest
import torch

from ctal.errors import InputError
from ctal.export.parity import TOLERANCE, batches, compare_maps
from ctal.export.tracing import Deployed
from ctal.networks import Network, Predictions
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals


class Given(Network):
    """Network that returns given raw maps for any image."""

    def __init__(self, tasks, raw, *, image_size=(1, 2)):
        super().__init__(tasks, image_size=image_size)
        self.raw = raw

    def predict_raw(self, images):
        return Predictions({self.tasks[0].name: self.raw.expand(len(images), -1, -1, -1)}, [])


def compared(task, raw, found):
    """Compare the maps of one image of two pixels."""
    raw, found = torch.tensor(raw).view(1, -1, 1, 2), torch.tensor(found)
    run = lambda images: {task.name: found.view(1, *task.decode(raw).shape[1:])}  # noqa: E731
    return compare_maps(Deployed(Given([task], raw)), run, [torch.rand(1, 3, 1, 2)])[task.name]


def test_largest_and_mean_difference():
    difference = compared(Depth(), [1.0, 2.0], [1.0, 2.0 + 5e-5])
    assert difference.largest == pytest.approx(5e-5, rel=1e-2)
    assert difference.mean == pytest.approx(2.5e-5, rel=1e-2)


@pytest.mark.parametrize("wrong", [2.0003, float("nan"), float("inf")])
def test_a_map_that_differs_is_rejected(wrong):
    with pytest.raises(InputError, match=r"^depth: the file's map differs .* \(m\) in 50 %"):
        compared(Depth(), [1.0, 2.0], [1.0, wrong])


def test_other_precisions_may_differ_but_not_be_infinite():
    def compared_to(found):
        model = Deployed(Given([Depth()], torch.tensor([[[[1.0, 2.0]]]])))
        run = lambda images: {"depth": torch.tensor([[[found]]])}  # noqa: E731
        return compare_maps(model, run, [torch.rand(1, 3, 1, 2)], exact=False)["depth"]

    assert compared_to([1.0, 2.5]) == (0.5, 0.25, False)  # no class ids
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(InputError, match=r"^depth: expected finite values, got NaN or inf"):
            compared_to([1.0, wrong])


def test_tolerance_scales_with_the_values():
    assert compared(Depth(), [1.0, 1000.0], [1.0, 1000.05]).largest > TOLERANCE
    with pytest.raises(InputError, match="depth"):
        compared(Depth(), [1.0, 1000.0], [1.0, 1000.2])


def test_classes_with_equal_scores_may_be_exchanged():
    task = SemanticSegmentation(2)
    raw = [[0.5, 0.2], [0.50003, 0.9]]  # by class, of two pixels
    difference = compared(task, raw, [0, 1])
    assert difference == (1.0, 0.5, True)
    with pytest.raises(InputError, match=r"^semseg: .* in 50 % of its values"):
        compared(task, raw, [1, 0])


def test_a_normal_of_length_zero_may_have_any_direction():
    task = SurfaceNormals()
    raw = [[1e-6, 0.0], [0.0, 0.0], [0.0, -1.0]]
    compared(task, raw, [[0.0, 0.0], [1.0, 0.0], [0.0, -1.0]])
    with pytest.raises(InputError, match="normals"):
        compared(task, raw, [[1.0, 0.0], [0.0, 0.01], [0.0, -1.0]])


@pytest.mark.parametrize("found", [torch.ones(1, 2, 2), torch.ones(1, 1, 1, 2).double()])
def test_maps_of_another_shape_are_rejected(found):
    model = Deployed(Given([Depth()], torch.ones(1, 1, 1, 2)))
    with pytest.raises(InputError, match=r"^depth: expected maps \(1, 1, 1, 2\) of torch.float32"):
        compare_maps(model, lambda _: {"depth": found}, [torch.rand(1, 3, 1, 2)])


def test_one_image_then_batches_of_two():
    pictures = [torch.full((3, 10, 12), 51 * index, dtype=torch.uint8) for index in range(6)]
    found = list(batches(pictures, (4, 6)))
    assert [tuple(batch.shape) for batch in found] == [
        (1, 3, 4, 6),
        (2, 3, 4, 6),
        (2, 3, 4, 6),
        (1, 3, 4, 6),
    ]
    torch.testing.assert_close(torch.cat(found).amax((1, 2, 3)), torch.arange(6) / 5)


def test_raw_maps_are_compared_as_they_are():
    task = SemanticSegmentation(2)
    raw = torch.tensor([[[[20.0, 2.0]], [[0.0, -1.0]]]])
    model = Deployed(Given([task], raw), raw=True)

    def compare(found):
        return compare_maps(model, lambda _: {"semseg": found}, [torch.rand(1, 3, 1, 2)])

    near = raw + torch.tensor([1e-3, 0.0])  # below 1e-4 of the largest value
    assert compare(near)["semseg"].largest == pytest.approx(1e-3, rel=1e-2)
    with pytest.raises(InputError, match=r"^semseg: the file's map differs .* in 50 %"):
        compare(raw + torch.tensor([3e-3, 0.0]))
    with pytest.raises(InputError, match=r"^semseg: expected maps \(1, 2, 1, 2\)"):
        compare(task.decode(raw))
