import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ctal.comparison import Comparison, Row, measures
from ctal.comparison.pareto import front, pareto_figure, save_pareto
from ctal.tasks import Depth

KEYS = ("parameters", "gmacs", "latency_ms")
LONG_NAMES = [
    f"{kind}_with_a_name_of_{extra}_and-more-words-{number}"
    for number, (kind, extra) in enumerate(
        itertools.product(["single_task", "multi_scale_ctal", "shared"], ["lr", "gamma", "seeds"])
    )
]


def comparison_of(names, runs=3, spread=1.0):
    generator = np.random.default_rng(0)
    keys = [measure.key for measure in measures([Depth()])]
    rows = []
    for name in names:
        error = 1 - 0.05 * spread * generator.uniform()
        scores = [dict.fromkeys(keys, error + 0.01 * generator.normal()) for _ in range(runs)]
        factor = 1 + spread * generator.uniform()
        cost = {key: base * factor for key, base in zip(KEYS, (4e6, 0.5, 20.0), strict=True)}
        rows.append(Row(name, "Net", scores, cost, range(runs)))
    rows.append(Row("trivial", "constant maps", [dict.fromkeys(keys, 9.0)], {}))
    return Comparison(rows, measures([Depth()]), {})


def test_front_by_hand():
    points = [(3, 5.0), (1, 1.0), (2, 0.5), (1, 0.8), (4, 5.0), (2, 2.0)]
    assert front(points) == [(1, 1.0), (2, 2.0), (3, 5.0)]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(-9, 9)), min_size=1, max_size=12))
def test_front_points_are_not_dominated(points):
    def beats(one, other):
        return one != other and one[0] <= other[0] and one[1] >= other[1]

    assert set(front(points)) == {p for p in points if not any(beats(q, p) for q in points)}


@pytest.mark.parametrize("names", [LONG_NAMES[:1], LONG_NAMES[:3], LONG_NAMES])
@pytest.mark.parametrize("spread", [1.0, 0.1])
def test_labels_do_not_overlap_and_stay_within_the_panel(names, spread):
    figure = pareto_figure(comparison_of(names, spread=spread))
    assert len(figure.axes) == 3
    for axes in figure.axes:
        frame = axes.get_window_extent()
        boxes = [text.get_window_extent() for text in axes.texts]
        told = ["".join(text.get_text().split()) for text in axes.texts]  # over several lines
        assert told == [f"{names[0]}(reference)", *names[1:]]
        assert all(frame.containsx(box.x0) and frame.containsx(box.x1) for box in boxes)
        assert all(frame.containsy(box.y0) and frame.containsy(box.y1) for box in boxes)
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)


def test_panels_plot_gain_and_spread_against_each_cost():
    comparison = comparison_of(["single", "ctal"])
    for axes, key in zip(pareto_figure(comparison).axes, KEYS, strict=True):
        assert axes.get_xscale() == "log"
        for row, bar in zip(comparison.networks(), axes.containers, strict=True):
            gain, spread = comparison.gains(row)
            assert bar[0].get_xydata().tolist() == [[row.cost[key], gain]]
            low, high = bar[2][0].get_segments()[0][:, 1]
            assert (high - low) / 2 == pytest.approx(spread)


def test_no_error_bars_for_one_seed_and_no_figure_without_gains(tmp_path):
    one = comparison_of(["single", "ctal"], runs=1)
    save_pareto(one, tmp_path / "pareto.png")
    with Image.open(tmp_path / "pareto.png") as image:
        assert image.size == (1800, 650)
    nothing = [
        Row(row.name, row.network, [dict.fromkeys(row.runs[0], math.nan)], row.cost)
        for row in one.rows
    ]
    save_pareto(Comparison(nothing, one.measures, {}), tmp_path / "pareto.png")
    assert not (tmp_path / "pareto.png").exists()
