from ctal.evaluation.metric_info import measures
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals


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
