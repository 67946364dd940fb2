"""`python -m benchmarks.nyuv2_records` on scores made by hand."""

import json
import sys

import pytest
from benchmarks import nyuv2_records

from ctal.comparison import measures
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

METRICS = [m.key for m in measures([SemanticSegmentation(13), Depth(), SurfaceNormals()])]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return a function that writes a finished run, and one that runs the benchmark."""

    def write(network, seed, miou, depth, normals):
        scores = dict.fromkeys(METRICS, 0.5)
        scores |= {"semseg/miou": miou, "depth/abs_error": depth, "normals/mean": normals}
        folder = tmp_path / "runs" / network / f"seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scores_test.json").write_text(json.dumps({"scores": scores}))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["nyuv2_records", str(tmp_path / "a.json"), *arguments])
        return nyuv2_records.main()

    return write, run


def test_differences_are_paired_by_seed(study, tmp_path, capsys):
    write, run = study
    for seed in range(3):
        write("control", seed, 0.40 + 0.01 * seed, 0.5, 27.0)
        write("ctal", seed, 0.42 + 0.01 * seed, 0.5 + 0.01 * seed, 27.0)
    write("ctal", 3, 0.9, 0.1, 1.0)  # a seed without a partner
    assert run("--collect", str(tmp_path / "runs"), "--over", "control") == 0
    table = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in table[2].split("|")[1:-1]] == [
        *("control", "41.00 ± 1", "0.5 ± 0", "27 ± 0")
    ]
    name, seeds, _, miou, depth, normals = (cell.strip() for cell in table[-1].split("|")[1:-1])
    assert (name, seeds) == ("ctal", "3")
    assert miou.startswith("+2 ± ")  # the spread over seeds, 1 point, is common to both
    assert float(miou.split()[2]) < 1e-10
    # differences 0, 0.01, 0.02: t of 2 degrees of freedom is 4.303, standard error 0.01 / sqrt(3)
    assert depth == "+0.01 ± 0.025"
    assert normals == "+0 ± 0"


def test_runs_of_another_machine_are_added(study, tmp_path, capsys):
    write, run = study
    write("control", 0, 0.4, 0.5, 27.0)
    run("--collect", str(tmp_path / "runs"))
    (tmp_path / "runs").rename(tmp_path / "first")
    write("control", 1, 0.5, 0.5, 27.0)
    run("--collect", str(tmp_path / "runs"))
    assert "| 45.00 ± 7.1 |" in " ".join(capsys.readouterr().out.split())
    assert run() == 0  # from the file alone
    write("control", 1, 0.6, 0.5, 27.0)
    with pytest.raises(SystemExit, match="control, seed 1: expected the scores of before"):
        run("--collect", str(tmp_path / "runs"))


def test_an_unknown_network_is_named(study, tmp_path, capsys):
    write, run = study
    write("control", 0, 0.4, 0.5, 27.0)
    with pytest.raises(SystemExit):
        run("--collect", str(tmp_path / "runs"), "--over", "ctal")
    assert "--over: expected one of control, got ctal" in capsys.readouterr().err
