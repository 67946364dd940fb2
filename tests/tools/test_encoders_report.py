"""Tables of encoders for a few models."""

import sys

from tools.encoders_report import main


def test_one_row_per_family_with_results_of_its_smallest_model(monkeypatch, capsys):
    names = ["test_resnet", "test_vit*", "efficientformerv2_s0", "levit_128s"]
    monkeypatch.setattr(sys, "argv", ["encoders_report", *names])
    main()
    out = capsys.readouterr().out
    for row in (
        "| resnet | 1 | pyramid | any | test_resnet | 32, 48, 192, 96 | yes | yes |",
        "| vision_transformer | 4 | plain, 16 | any | test_vit | 8, 16, 32, 64 | yes | yes |",
        "| efficientformerv2_s0 | 32, 48, 96, 176 | no | no |",  # its weights belong to a size
        "| levit | 1 | levit_128s | expected a timm model with feature maps at strides",
    ):
        assert row in out
