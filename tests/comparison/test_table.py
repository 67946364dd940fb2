import json
import math
from dataclasses import replace

import pytest

from ctal.comparison import Comparison, Row, measures
from ctal.tasks import Depth, SemanticSegmentation

TASKS = [SemanticSegmentation(3), Depth()]
COST = {"parameters": 1234567, "gmacs": 12.345, "latency_ms": 20.0}
SLOWER = {**COST, "latency_ms": 30.0}


def run(miou, error):
    scores = dict.fromkeys((measure.key for measure in measures(TASKS)), 0.25)
    return {**scores, "semseg/miou": miou, "depth/abs_error": error}


@pytest.fixture
def comparison():
    return Comparison(
        rows=[
            Row("single", "SingleTaskNet", [run(0.4, 0.5), run(0.6, 0.3)], COST, [0, 1]),
            Row("ctal", "CTALNet", [run(0.5, 0.2), run(0.6, 0.4)], SLOWER, [0, 1]),
            Row("trivial", "constant maps", [run(0.1, 1.0)], {}),
        ],
        measures=measures(TASKS),
        protocol={"seeds": "0, 1"},
    )


def cells(markdown, name):
    """Return the cells of all rows with this name."""
    lines = [line for line in markdown.splitlines() if line.startswith(f"| {name} ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_summary_by_hand(comparison):
    summary = cells(comparison.markdown(), "ctal")[0]
    # miou 0.55 against 0.5, error 0.3 against 0.4: (10 % + 25 %) / 2
    # each run: (0 + 50) / 2 and (20 + 0) / 2, so a spread of 15 / sqrt 2
    # over all 9 metrics, of which 7 are equal, 2 / 9 of that
    assert summary == [
        "ctal", "55.00 ± 7.07", "0.3 ± 0.14", "+17.50 ± 10.61", "+3.89 ± 2.36",
        "1,234,567", "12.3", "30.0 (x 1.50)",
    ]  # fmt: skip
    assert cells(comparison.markdown(), "single")[0][3:5] == ["reference", "reference"]
    # (-80 % - 150 %) / 2, and over 9
    assert cells(comparison.markdown(), "trivial")[0] == [
        "trivial", "10.00", "1", "-115.00", "-25.56", "", "", "",
    ]  # fmt: skip


def test_training_costs_are_printed_if_known_for_all_runs(comparison):
    assert "minutes of training" not in comparison.markdown()
    known = {"training_minutes": 12.34, "training_mib": 2345.6}
    rows = [replace(row, cost={**row.cost, **known}) for row in comparison.networks()]
    told = replace(comparison, rows=[*rows, comparison.rows[-1]]).markdown()
    assert cells(told, "ctal")[0][-2:] == ["12.3", "2,346"]
    assert cells(told, "trivial")[0][-2:] == ["", ""]
    without = replace(comparison, rows=[rows[0], *comparison.rows[1:]])
    assert "minutes of training" not in without.markdown()


def test_task_tables_have_all_metrics_with_descriptions(comparison):
    markdown = comparison.markdown()
    assert len(cells(markdown, "ctal")[2]) == 1 + 2
    assert len(cells(markdown, "ctal")[3]) == 1 + 7
    assert "miou ↑ %" in markdown
    assert "abs_error ↓ m |" in markdown
    assert "- seeds: 0, 1" in markdown
    assert "- abs_error: mean |p - t|, in the unit of the depths." in markdown
    assert all(len(set(map(len, block))) == 1 for block in _tables(markdown))


def test_json_contains_the_numbers_of_the_tables(comparison):
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
    assert ctal["delta_m_all_metrics_spread"] == pytest.approx(2 / 9 * 15 / math.sqrt(2))
    assert (content["best"], ctal["seeds"], trivial["seeds"]) == ("ctal", [0, 1], [])
    # each seed's Delta_m of single: (-20 - 25) / 2 and (20 + 25) / 2; of ctal: 25 and 10
    assert ctal["over_reference"]["mean"] == pytest.approx((25 + 22.5 + 10 - 22.5) / 2)
    assert ctal["over_reference"]["seeds"] == 2
    assert single["over_best"]["mean"] == pytest.approx(-17.5)
    assert ctal["over_best"] is single["over_reference"] is trivial["over_best"] is None
    assert (ctal["parameters"], ctal["gmacs"], ctal["latency_ms"]) == (1234567, 12.345, 30.0)
    assert trivial["spread"] == {}
    assert trivial["delta_m_spread"] is None


@pytest.mark.parametrize("missing", [math.nan, 0.0])
def test_no_gain_over_a_reference_without_a_score(missing):
    rows = [
        Row("single", "", [run(missing, 0.5), run(missing, 0.6)], COST, [0, 1]),
        Row("ctal", "", [run(0.5, 0.4), run(missing, 0.5)], COST, [0, 1]),
    ]
    comparison = Comparison(rows, measures(TASKS), {})
    ctal = comparison.json()["rows"][1]
    assert ctal["delta_m"] is ctal["delta_m_spread"] is ctal["over_reference"] is None
    assert cells(comparison.markdown(), "ctal")[0][3:5] == ["-", "-"]
    told = "- Δm is undefined (-) with semseg/miou: the score of single is 0"
    assert told in comparison.markdown()


def with_seeds(*gains):
    """Create rows from lists of Delta_m by seed, in percent, over a reference with mean 0."""
    rows = []
    for index, each in enumerate(gains):
        runs = [run(0.5 * (1 + gain / 100), 0.5 * (1 - gain / 100)) for gain in each]
        rows.append(Row("abcdef"[index], "", runs, COST, range(len(each))))
    return Comparison(rows, measures(TASKS), {})


def test_differences_over_seeds_are_printed_and_marked():
    comparison = with_seeds([-1, 0, 1], [9.1, 9.9, 11], [-0.9, 0.2, 1.3], [-30, 0, 30])
    markdown = comparison.markdown()
    assert comparison.best().name == "b"
    # b exceeds a by 10.1, 9.9, 10, with half width 0.1 / sqrt 3 * 4.303
    over = comparison.differences(comparison.rows[0])["b"]
    assert over.half_width == pytest.approx(4.303 * 0.1 / math.sqrt(3), rel=1e-3)
    # t = 10 / (0.1 / sqrt 3) = 173.2 with 2 degrees of freedom: p = 1 - t / sqrt(2 + t^2), times 3
    assert over.corrected == pytest.approx(3 * (1 - 173.205 / math.sqrt(2 + 173.205**2)), rel=1e-3)
    assert cells(markdown, "b")[1] == [
        "b", "3", "+10.00", "+9.75 .. +10.25", "< 0.001", "", "", "",
    ]  # fmt: skip
    assert cells(markdown, "a")[1][:5] == ["a", "3", "", "", ""]
    assert cells(markdown, "a")[1][5:] == ["-10.00", "-10.25 .. -9.75", "< 0.001"]
    # c differs only from b, d from neither
    assert [cells(markdown, name)[0][3] for name in "bcd"] == [
        "+10.00 ± 0.95 *",
        "+0.20 ± 1.10 †",
        "+0.00 ± 30.00",
    ]
    assert "over a |" in markdown
    assert "- 3 seeds: an interval extends 4.3 standard errors to either side" in markdown


def test_one_seed_has_no_spread():
    markdown = with_seeds([0], [5]).markdown()
    assert "The spread over seeds cannot be computed without at least two common seeds" in markdown
    assert "Differences" not in with_seeds([0, 1]).markdown()


def test_two_seeds_give_no_significance_marks():
    # b exceeds a by 10 +- 0.002 in both seeds: p < 0.001 with one degree of freedom
    gains = [[-1, 1], [9, 11.002]]
    two = with_seeds(*gains)
    assert two.differences(two.rows[0])["b"].corrected < 0.001
    assert cells(two.markdown(), "b")[0][3] == "+10.00 ± 1.42"
    assert cells(two.markdown(), "b")[1][2:5] == ["+10.00", "+9.99 .. +10.01", "< 0.001"]
    assert "fewer than 3 seeds: no difference is marked as significant" in two.markdown()
    three = with_seeds(*([*each, each[0]] for each in gains))
    assert cells(three.markdown(), "b")[0][3].endswith(" *")
    assert "fewer than 3 seeds" not in three.markdown()


def _tables(markdown):
    blocks = markdown.split("\n\n")
    return [b.splitlines() for b in blocks if b.startswith("|")]
