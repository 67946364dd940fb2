import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctal.comparison.significance import differences, holm, t_limit, t_tails

stats = pytest.importorskip("scipy.stats", reason="the independent reference")


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 30])
@pytest.mark.parametrize("t", [0.0, 0.3, -1.0, 2.5, 12.7, 1e3])
def test_tails_equal_scipy(t, freedom):
    assert t_tails(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=1e-14)


def test_tails_by_hand():
    # one degree of freedom is Cauchy's distribution, 1 - 2 arctan(t) / pi
    assert t_tails(1, 1) == pytest.approx(0.5)
    # two: 1 - t / sqrt(2 + t^2)
    assert t_tails(math.sqrt(2), 2) == pytest.approx(1 - 1 / math.sqrt(2))


@pytest.mark.parametrize(("freedom", "limit"), [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262)])
def test_limits_equal_published_tables(freedom, limit):
    assert t_limit(0.95, freedom) == pytest.approx(limit, abs=5e-4)
    assert t_tails(t_limit(0.95, freedom), freedom) == pytest.approx(0.05)


def test_holm_by_hand():
    # .005 * 4, .01 * 3, .03 * 2, and .04 * 1, which is raised to the previous value
    given_p = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert holm(given_p) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(holm(given_p)) == list(given_p)
    assert holm({"a": 0.4, "b": 0.9}) == pytest.approx({"a": 0.8, "b": 0.9})
    assert holm({}) == {}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_between_uncorrected_and_bonferroni(values):
    corrected = holm(dict(enumerate(values)))
    for index, p in enumerate(values):
        assert p <= corrected[index] <= min(1, len(values) * p)
        assert all(corrected[index] <= corrected[other] for other, q in enumerate(values) if p <= q)


def test_paired_differences_equal_scipy():
    gains = {
        "base": {0: 0.4, 1: -0.9, 2: 0.5},
        "far": {2: 9.8, 1: 8.1, 0: 9.9},  # in another order
        "near": {0: 1.4, 1: -0.2, 2: 0.1},
    }
    found = differences(gains, "base")
    assert list(found) == ["far", "near"]
    for name, difference in found.items():
        seeds = sorted(gains["base"])
        test = stats.ttest_rel(*([gains[row][seed] for seed in seeds] for row in (name, "base")))
        interval = test.confidence_interval(0.95)
        assert difference.p == pytest.approx(test.pvalue)
        assert difference.mean == pytest.approx((interval.low + interval.high) / 2)
        assert difference.half_width == pytest.approx((interval.high - interval.low) / 2)
        assert difference.seeds == 3
    assert found["far"].corrected == pytest.approx(2 * found["far"].p)
    assert found["far"].is_significant
    assert found["near"].corrected == found["near"].p
    assert not found["near"].is_significant


def test_only_shared_seeds_count():
    gains = {
        "base": {0: 1.0, 1: 2.0, 2: 4.0},
        "two": {1: 3.0, 2: 4.5, 7: 99.0},
        "one": {2: 1.0, 9: 1.0},
        "broken": {0: 1.0, 1: math.nan},
    }
    found = differences(gains, "base")
    assert list(found) == ["two"]
    assert found["two"].seeds == 2
    assert found["two"].mean == pytest.approx((1.0 + 0.5) / 2)


@pytest.mark.parametrize(("shift", "p"), [(0.0, 1.0), (0.5, 0.0)])
def test_differences_without_spread(shift, p):
    gains = {"base": {0: 1.0, 1: 2.0}, "other": {0: 1.0 + shift, 1: 2.0 + shift}}
    difference = differences(gains, "base")["other"]
    assert (difference.mean, difference.half_width, difference.p) == (shift, 0.0, p)
