import json
import math

import pytest

from ctal.comparison import Comparison, Row, measures
from ctal.tasks import Depth, SemanticSegmentation

TASKS = [SemanticSegmentation(3), Depth()]
COST = {"parameters": 1234567, "gmacs": 12.345, "latency_ms": 20.0}


def run(miou, error):
    scores = dict.fromkeys((measure.key for measure in measures(TASKS)), 0.25)
    return {**scores, "semseg/miou": miou, "depth/abs_error": error}


@pytest.fixture
def comparison():
    return Comparison(
        rows=[
            Row("single", "SingleTaskNet", [run(0.4, 0.5), run(0.6, 0.3)], COST),
            Row("ctal", "CTALNet", [run(0.5, 0.2), run(0.6, 0.4)], {**COST, "latency_ms": 30.0}),
            Row("trivial", "constant maps", [run(0.1, 1.0)], {}),
        ],
        measures=measures(TASKS),
        protocol={"seeds": "0, 1"},
    )


def cells(markdown, name):
    """The cells of all rows with this name."""
    lines = [line for line in markdown.splitlines() if line.startswith(f"| {name} ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_summary_by_hand(comparison):
    summary = cells(comparison.markdown(), "ctal")[0]
    # miou 0.55 against 0.5, error 0.3 against 0.4: (10 % + 25 %) / 2
    # each run: (0 + 50) / 2 and (20 + 0) / 2, so a spread of 15 / sqrt 2
    assert summary == [
        "ctal", "55.00 ± 7.07", "0.3 ± 0.14", "+17.50 ± 10.61",
        "1,234,567", "12.3", "30.0 (x 1.50)",
    ]  # fmt: skip
    assert cells(comparison.markdown(), "single")[0][3] == "reference"
    # (-80 % - 150 %) / 2
    assert cells(comparison.markdown(), "trivial")[0] == [
        "trivial", "10.00", "1", "-115.00", "", "", "",
    ]  # fmt: skip


def test_tables_of_tasks_have_all_metrics_with_their_meaning(comparison):
    markdown = comparison.markdown()
    assert len(cells(markdown, "ctal")[1]) == 1 + 2
    assert len(cells(markdown, "ctal")[2]) == 1 + 7
    assert "miou ↑ %" in markdown
    assert "abs_error ↓ |" in markdown
    assert "- seeds: 0, 1" in markdown
    assert "- abs_error: mean |p - t|, metres." in markdown
    assert all(len(set(map(len, block))) == 1 for block in _tables(markdown))


def test_json_has_what_the_table_has(comparison):
    content = json.loads(json.dumps(comparison.json(), allow_nan=False))
    assert content["reference"] == "single"
    single, ctal, trivial = content["rows"]
    assert single["delta_m"] == pytest.approx(0)
    assert ctal["mean"]["semseg/miou"] == pytest.approx(0.55)
    assert ctal["spread"]["semseg/miou"] == pytest.approx(0.1 / math.sqrt(2))
    assert ctal["delta_m"] == pytest.approx(17.5)
    # over all 9 metrics, of which the other 7 are equal
    assert ctal["delta_m_all_metrics"] == pytest.approx((10 + 25) / 9)
    assert ctal["delta_m_spread"] == pytest.approx(15 / math.sqrt(2))
    assert (ctal["parameters"], ctal["gmacs"], ctal["latency_ms"]) == (1234567, 12.345, 30.0)
    assert trivial["spread"] == {}
    assert trivial["delta_m_spread"] is None


@pytest.mark.parametrize("missing", [math.nan, 0.0])
def test_no_gain_over_a_reference_without_a_score(missing):
    rows = [Row("single", "", [run(missing, 0.5)], COST), Row("ctal", "", [run(0.5, 0.4)], COST)]
    comparison = Comparison(rows, measures(TASKS), {})
    assert comparison.json()["rows"][1]["delta_m"] is None
    assert cells(comparison.markdown(), "ctal")[0][3] == "-"


def _tables(markdown):
    blocks = markdown.split("\n\n")
    return [b.splitlines() for b in blocks if b.startswith("|")]
