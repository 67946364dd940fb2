import pytest

from ctal.factorised import cheaper_method, multiply_adds


def test_multiply_adds_by_hand():
    # T=2, C=3, P=4x5, f=3: dense 2 * 400 * (6 + 18), factorised 2 * 4 * 9 * 9 * 20
    assert multiply_adds((2, 3, 4, 5), 3) == {"dense": 19200, "factorised": 12960}


@pytest.mark.parametrize(
    ("tasks", "channels", "size", "method"),
    [  # measured: docs/performance.md
        (3, 128, (16, 16), "dense"),
        (3, 128, (32, 32), "factorised"),
        (5, 128, (16, 16), "dense"),
        (5, 128, (32, 32), "factorised"),
        (2, 128, (16, 16), "dense"),
        (2, 128, (32, 32), "factorised"),
        (2, 32, (12, 16), "dense"),
        (2, 32, (24, 32), "factorised"),
        (3, 64, (16, 16), "dense"),
        (3, 64, (24, 32), "factorised"),
        (3, 128, (72, 96), "factorised"),
    ],
)
def test_the_choice_agrees_with_measurements(tasks, channels, size, method):
    assert cheaper_method((tasks, channels, *size), 3, "cpu") == method
