from ctal.evaluation.metric_info import measures
from ctal.tasks import Depth, InverseDepth, SemanticSegmentation, SurfaceNormals


def test_measures_have_shares_and_directions():
    known = {
        m.key: (m.share, m.higher_is_better, m.primary)
        for m in measures([SemanticSegmentation(3), Depth(), SurfaceNormals()])
    }
    assert known["semseg/miou"] == (True, True, True)
    assert known["semseg/pixel_accuracy"] == (True, True, False)
    assert known["depth/abs_error"] == (False, False, True)
    assert known["depth/delta_1"] == (True, True, False)
    assert known["normals/within_11.25"] == (True, True, False)
    assert known["normals/median"] == (False, False, False)
    assert list(known)[:4] == [
        "semseg/miou",
        "semseg/pixel_accuracy",
        "depth/abs_error",
        "depth/rel_error",
    ]


def test_titles_have_direction_and_unit():
    tasks = [SemanticSegmentation(3), Depth(), SurfaceNormals(), InverseDepth()]
    titles = {m.key: m.title() for m in measures(tasks)}
    assert titles["semseg/miou"] == "miou ↑ %"
    assert titles["depth/abs_error"] == "abs_error ↓ m"
    assert titles["depth/rel_error"] == "rel_error ↓"
    assert titles["depth/log_rmse"] == "log_rmse ↓"
    assert titles["normals/median"] == "median ↓ °"
    assert titles["inverse_depth/rmse"] == "rmse ↓ 1/m up to a factor"


def test_meanings_are_in_percent_and_have_limits():
    meanings = {m.key: m.meaning for m in measures([Depth(), SurfaceNormals()])}
    assert meanings["depth/delta_2"] == "Share of pixels with max(p / t, t / p) below 1.5625."
    assert meanings["normals/within_30"] == "Share of pixels with an angle below 30 degrees."
