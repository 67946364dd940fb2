import json
import math
from types import SimpleNamespace

from tests.own_network import OwnNet

from ctal.tasks import Depth, SemanticSegmentation
from ctal.training import MultiTaskModule
from ctal.training.score_files import ScoreFiles


def test_scores_that_json_does_not_support(tmp_path):
    """NaN without labels, and an infinite error of one infinite depth."""
    module = MultiTaskModule(OwnNet([SemanticSegmentation(2), Depth()], channels=2))
    module.scores = {"depth/rmse": math.inf, "depth/rel_error": math.nan, "semseg/miou": 0.25}
    trainer = SimpleNamespace(is_global_zero=True, ckpt_path=None, default_root_dir=tmp_path)
    ScoreFiles().on_test_end(trainer, module)
    scores = json.loads((tmp_path / "scores_test.json").read_text())["scores"]
    assert scores == {"depth/rmse": None, "depth/rel_error": None, "semseg/miou": 0.25}
