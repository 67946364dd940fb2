"""Delta_m."""

import pytest

from ctal.errors import InputError
from ctal.metrics import delta_m

SIGNS = {"semseg": True, "depth": False}


def test_hand_computed_values():
    # +10 % mIoU and 20 % less error; then a loss of 5 % and of 10 %
    reference = {"semseg": 0.4, "depth": 0.5}
    assert delta_m({"semseg": 0.44, "depth": 0.4}, reference, SIGNS) == pytest.approx(15)
    assert delta_m({"semseg": 0.38, "depth": 0.55}, reference, SIGNS) == pytest.approx(-7.5)
    assert delta_m(reference, reference, SIGNS) == 0


@pytest.mark.parametrize(
    ("scores", "reference", "signs", "message"),
    [
        ({}, {}, {}, "at least one task"),
        ({"semseg": 1.0}, {}, SIGNS, "'semseg' is missing in reference"),
        ({"semseg": 1.0}, {"semseg": 1.0, "depth": 1.0}, SIGNS, "'depth' is missing in scores"),
        ({"normals": 1.0}, {"normals": 1.0}, SIGNS, "'normals' is missing in higher_is_better"),
        ({"semseg": 1.0}, {"semseg": 0.0}, SIGNS, "reference of 'semseg' is 0"),
    ],
)
def test_invalid_arguments_are_reported(scores, reference, signs, message):
    with pytest.raises(InputError, match=message):
        delta_m(scores, reference, signs)
